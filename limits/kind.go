package limits

import "fmt"

// Kind names one limited resource. The zero Kind is invalid, so that a
// forgotten field is noticed.
type Kind uint8

const (
	Instructions Kind = iota + 1 // instructions in one call, with the price of library and host work
	Memory                       // live bytes
	Time                         // wall time of one call
	Depth                        // call frames on one thread's chain
	Coroutines                   // coroutines alive
	Output                       // bytes written in one call
	HostCalls                    // calls of host functions in one call
	String                       // bytes of one string
	Source                       // bytes of one source text
	Nesting                      // levels of nesting in one source text

	lastKind = Nesting
)

var kindNames = [lastKind + 1]string{
	Instructions: "instructions",
	Memory:       "memory",
	Time:         "time",
	Depth:        "depth",
	Coroutines:   "coroutines",
	Output:       "output",
	HostCalls:    "host_calls",
	String:       "string",
	Source:       "source",
	Nesting:      "nesting",
}

// kindLabels are the words of an error message: "<label> limit exceeded".
var kindLabels = [lastKind + 1]string{
	Instructions: "instruction",
	Memory:       "memory",
	Time:         "time",
	Depth:        "call depth",
	Coroutines:   "coroutine",
	Output:       "output",
	HostCalls:    "host call",
	String:       "string size",
	Source:       "source size",
	Nesting:      "source nesting",
}

// Kinds returns every valid Kind in ascending order, in a new slice.
func Kinds() []Kind {
	all := make([]Kind, 0, lastKind)
	for k := Kind(1); k <= lastKind; k++ {
		all = append(all, k)
	}
	return all
}

// Valid reports whether k is one of the constants of this package.
func (k Kind) Valid() bool { return k >= 1 && k <= lastKind }

// String returns the kind's stable name, as manifests, reports and the command
// line spell it ("host_calls"), or "Kind(n)" for an invalid kind.
func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kindNames[k]
}

func (k Kind) label() string {
	if !k.Valid() {
		return k.String()
	}
	return kindLabels[k]
}

// countsBytes reports whether amounts of this kind are bytes.
func (k Kind) countsBytes() bool {
	switch k {
	case Memory, Output, String, Source:
		return true
	}
	return false
}

// ParseKind is the inverse of [Kind.String]. The name must match exactly;
// otherwise the error is a [*ParseError].
func ParseKind(name string) (Kind, error) {
	for k := Kind(1); k <= lastKind; k++ {
		if kindNames[k] == name {
			return k, nil
		}
	}
	return 0, &ParseError{What: "limit name", Input: name, Want: "instructions, memory, time, depth, coroutines, output, host_calls, string, source or nesting"}
}

// MarshalText returns the name, or a [*ParseError] for an invalid kind.
func (k Kind) MarshalText() ([]byte, error) {
	if !k.Valid() {
		return nil, &ParseError{What: "limit kind", Input: k.String(), Want: "one of limits.Kinds()"}
	}
	return []byte(kindNames[k]), nil
}

// UnmarshalText is [ParseKind] for decoders.
func (k *Kind) UnmarshalText(text []byte) error {
	parsed, err := ParseKind(string(text))
	if err != nil {
		return err
	}
	*k = parsed
	return nil
}
