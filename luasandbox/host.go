package luasandbox

// bindings is what one sandbox keeps for its host functions: the functions the
// host holds, the handles given out, the context of the running call. Sandbox has
// it as its field host:
//
//	host bindings
//
// What the rest of the package does with it: New calls s.host.open(s) after the
// machine is made and before grants are installed; every call from outside sets
// s.host.begin(ctx) before it runs the machine and s.host.end() after; a Task
// whose run is Waiting takes the answer it waits for with s.host.takeWaiting().
type bindings struct {
	s *Sandbox
}

// declarations collects the members of a grant or of a type of handle.
type declarations struct{}

type function struct{}
type constant struct{}
type handleType struct{}
