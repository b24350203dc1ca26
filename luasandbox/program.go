package luasandbox

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// Program is compiled source: immutable, and shared by any number of sandboxes
// and goroutines.
type Program struct {
	name string
	code *vm.Program
}

// Compile checks and compiles a source text. name is what errors and tracebacks
// call it, a file name as a rule; it is shown to scripts. Of l, Source and Nesting
// apply; zero fields are defaults. Time and memory are linear in the length of
// the source, whatever it says.
//
// It errs with a [*SyntaxError], which matches limits.ErrExceeded if the text is
// too large or too deeply nested; or with a [*ConfigError] if l is not valid.
func Compile(name, source string, l limits.Limits) (*Program, error) {
	if err := l.Validate(); err != nil {
		return nil, &ConfigError{Field: "Limits", Err: err}
	}
	code, err := vm.Compile(name, source, l)
	if err != nil {
		return nil, err
	}
	return &Program{name: name, code: code}, nil
}

// Parse returns the syntax tree that Compile makes a program of, for tools that look
// at scripts without running them. The tree is not checked beyond the grammar, and a
// chain such as a..b..c is as deep as it is long: walk it in loops. The parameters and
// the errors are those of Compile. The tree shares nothing with other calls.
func Parse(name, source string, l limits.Limits) ([]ast.Stmt, error) {
	if err := l.Validate(); err != nil {
		return nil, &ConfigError{Field: "Limits", Err: err}
	}
	return vm.Parse(name, source, l)
}

// Name returns the name that the program was compiled under.
func (p *Program) Name() string { return p.name }
