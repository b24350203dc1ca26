package luasandbox

import "github.com/luasandbox/modrunner/luasandbox/vm"

// Census is what a sandbox's memory is held by, exactly: the result of a walk over
// everything that its script can reach and that waits in unfinished tasks. It is
// the same on every run.
type Census struct {
	Bytes   int64     `json:"bytes"`   // live
	Objects int64     `json:"objects"` // live
	Kinds   []Holding `json:"kinds"`   // by kind of object, biggest first
	Paths   []Holding `json:"paths"`   // by where they hang, such as "_G.quests.log", biggest first; a selection
}

// Holding is a share of the memory.
type Holding struct {
	Name    string `json:"name"` // names in a path are the script's own text
	Bytes   int64  `json:"bytes"`
	Objects int64  `json:"objects"`
}

// maxPaths is how many paths a census names.
const maxPaths = 50

// Census walks over the sandbox's memory and tells what is live, and what holds it.
// It takes time in proportion to the memory held and costs the script nothing.
// [Sandbox.Usage] is exact afterwards, until the next call.
//
// The errors: [ErrBusy], also from inside a host function; [ErrClosed];
// [*InternalError].
func (s *Sandbox) Census() (c Census, err error) {
	err = s.alone(func() error {
		s.m.Census()
		inv := s.m.Inventory(maxPaths)
		c = Census{Bytes: inv.Bytes, Objects: inv.Objects, Kinds: holdings(inv.Kinds), Paths: holdings(inv.Paths)}
		return nil
	})
	return c, err
}

func holdings(in []vm.Holding) []Holding {
	out := make([]Holding, len(in))
	for i, h := range in {
		out[i] = Holding{Name: h.Name, Bytes: h.Bytes, Objects: h.Objects}
	}
	return out
}
