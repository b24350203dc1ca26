package schedule

import "fmt"

// Class is the priority of an entry. Each class with work has a part of every
// frame of its own, however much the others want: of 100 parts [High] has 60,
// [Normal] 30 and [Low] 10, and the parts of a class that has nothing to do
// are divided among those that have, in the same proportion. The zero value is
// [Normal].
type Class uint8

const (
	Normal Class = iota
	High
	Low

	classes = 3
)

// byRank has the classes in the order in which they are served and in which
// left-overs are offered to them.
var byRank = [classes]Class{High, Normal, Low}

var (
	classParts = [classes]int64{Normal: 30, High: 60, Low: 10}
	classNames = [classes]string{Normal: "normal", High: "high", Low: "low"}
)

// String returns "high", "normal" or "low".
func (c Class) String() string {
	if c >= classes {
		return fmt.Sprintf("Class(%d)", uint8(c))
	}
	return classNames[c]
}

// ParseClass returns the class whose String is text, or a [*ClassError].
func ParseClass(text string) (Class, error) {
	for c, name := range classNames {
		if name == text {
			return Class(c), nil
		}
	}
	return Normal, &ClassError{Text: text}
}

// ClassError says that a text names no class.
type ClassError struct {
	Text string
}

func (e *ClassError) Error() string {
	return fmt.Sprintf("priority class %q: want high, normal or low", e.Text)
}
