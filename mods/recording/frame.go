package recording

import "time"

// Header is what a run depends on from its beginning, by name, in the order in which
// it was written.
type Header struct{ Fields []Field }

// Field is one thing that a run depends on.
type Field struct{ Name, Value string }

// Kind is what a frame is.
type Kind uint8

// The kinds of frames.
const (
	Open    Kind = iota + 1 // the host was opened
	Tick                    // a tick
	Stop                    // the host was stopped
	Save                    // the game was saved
	Restore                 // a saved game was restored: Frame.Data
	Close                   // the host was closed; the last
)

var kindNames = [...]string{Open: "open", Tick: "tick", Stop: "stop", Save: "save", Restore: "restore", Close: "close"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Frame is one frame of a run: what came from outside, and what happened.
type Frame struct {
	Kind Kind

	// What came from outside.
	DT     time.Duration
	Wall   time.Time // UTC
	Data   []byte
	Inputs []Input
	Store  []Stored // the answers of the store, in the order of the questions
	End    End
	Slices int64 // after which the frame ended, if End is not Whole

	// What happened.
	Mods []Mod // those of which something ran
}

// End is how a frame ended.
type End uint8

// How frames end.
const (
	Whole   End = iota // by itself
	Cut                // by the guard
	Stopped            // because its context ended, or the host was closed
)

// InputKind is what an input is.
type InputKind uint8

// The kinds of inputs. What each of them has is said behind it.
const (
	Load     InputKind = iota + 1 // Mods, in load order
	Reload                        // Mods: one
	Unload                        // Mod
	Emit                          // Name, Values: one, Asks
	Call                          // Mod, Name, Values
	Control                       // Mod, Name: the action, Text: the reason
	Set                           // of a setting: Mod, Name, Values: one
	Language                      // Name
	Answer                        // of a work: Mod, Number of the work, Values or Text
	Awake                         // of a call that waits: Mod, Number of the wait, Values or Text if HasValue
)

// Input is something that came from outside.
type Input struct {
	Kind     InputKind
	Mod      string
	Name     string
	Text     string
	Number   int64
	Asks     bool
	Failed   bool // Text is an error,
	Shown    bool // which the script may see
	HasValue bool
	Values   []any // nil, bool, float64, string, []any, map[string]any
	Mods     []Bundle
}

// Bundle says which files a mod consists of.
type Bundle struct{ ID, Version, Digest string }

// Stored is an answer of a store.
type Stored struct {
	Mod    string // whose values were loaded; "" if values were saved
	Values map[string]string
	Error  string // "" for none
}

// Mod is what one mod did in a frame.
type Mod struct {
	ID           string
	Calls        []HostCall // the first ones
	More         int64      // how many further calls there were,
	MoreDigest   uint64     // and a hash of them
	Instructions int64      // since the mod was loaded, at the end of the frame
	Memory       int64      // bytes, at the end of the frame
	State        uint64     // a hash of all other figures
}

// MaxCalls is how many calls of one mod in one frame are kept one by one.
const MaxCalls = 1 << 16

// HostCall is one call of a function of the host's.
type HostCall struct {
	Function     string
	Digest       uint32 // of its arguments and results
	Instructions int64  // of the mod's sandbox so far
	Chunk        string // where in the script
	Line         int32
	Later        bool // it has not answered yet
	Answer       bool // it is the answer
	Failed       bool // it raised an error
}
