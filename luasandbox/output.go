package luasandbox

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// keptLine is the most room for a line that a sandbox keeps for the next one.
const keptLine = 4 << 10

// print writes a line, which was charged already, to Config.Output.
func (s *Sandbox) print(c *vm.Call, line string) error {
	n := len(line) + 1
	if err := c.Reserve(int64(n)); err != nil { // also where there is room: a call costs what it costs
		return err
	}
	if cap(s.line) < n {
		s.line = make([]byte, 0, n)
	}
	s.line = append(append(s.line[:0], line...), '\n')
	err := s.write(s.line)
	if cap(s.line) > keptLine {
		s.line = nil
	}
	if err == nil {
		return nil
	}
	text, e := c.NewString(err.Error())
	if e != nil {
		return e
	}
	return &vm.Error{Value: text, Err: err}
}

// write writes p, all of it and at once.
func (s *Sandbox) write(p []byte) (failed *HostError) {
	returned := false
	defer func() {
		if v := recover(); v != nil || !returned {
			failed = s.hostError("print", panicked{v}, debug.Stack())
		}
	}()
	n, err := s.cfg.Output.Write(p)
	returned = true
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return s.hostError("print", err, nil)
	}
	return nil
}

// module finds a module for require in Config.Modules.
func (s *Sandbox) module(name string) (chunk, source string, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			s.hostError("require", panicked{v}, debug.Stack())
			chunk, source, ok = "", "", false
		}
	}()
	return s.cfg.Modules(name)
}

// compiled finds a module for require in Config.Compiled.
func (s *Sandbox) compiled(name string) (p *vm.Program, err error) {
	defer func() {
		if v := recover(); v != nil {
			p, err = nil, s.hostError("require", panicked{v}, debug.Stack())
		}
	}()
	program, err := s.cfg.Compiled(name)
	if err != nil || program == nil {
		return nil, err
	}
	return program.code, nil
}

// resolve asks Config.Resolve.
func (s *Sandbox) resolve(name, chunk string) (module string, ok bool) {
	defer func() {
		if v := recover(); v != nil {
			s.hostError("require", panicked{v}, debug.Stack())
			module, ok = "", false
		}
	}()
	return s.cfg.Resolve(name, chunk)
}

// panicked is the value of a panic in host code, for the log.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
