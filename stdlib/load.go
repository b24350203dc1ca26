package stdlib

import (
	"errors"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// maxChunkText is how much of a source text luaO_chunkid shows.
const maxChunkText = 43

// sourceName returns how messages show a chunk without a name: by its first
// line, as luaO_chunkid does. A text that begins with '=' or '@' is no exception.
func sourceName(text string) string {
	line := cString(text)
	if i := strings.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	line = line[:min(len(line), maxChunkText)]
	if len(line) < len(cString(text)) {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// chunkName returns how messages show a chunk that a script named: inside
// [string "..."], with nothing in it that a path or a place is made of, so that
// no script can speak in the name of a file.
func chunkName(given string) string {
	given = cString(given)
	if given != "" && (given[0] == '=' || given[0] == '@') {
		given = given[1:]
	}
	var b strings.Builder
	b.WriteString(`[string "`)
	for i := 0; i < len(given); i++ {
		if i == maxChunkText {
			b.WriteString("...")
			break
		}
		switch ch := given[i]; {
		case digitOf(ch) < 36, ch == '_', ch == '-', ch == '.', ch == ' ':
			b.WriteByte(ch)
		default:
			b.WriteByte('.')
		}
	}
	b.WriteString(`"]`)
	return b.String()
}

// binaryMark begins a precompiled chunk (LUA_SIGNATURE in lua.h).
const binaryMark = '\x1b'

const noBinary = "attempt to load a binary chunk (only text is accepted)"

// compile compiles text as a script's function with the globals as environment.
// What is wrong with the text is in problem, for the script to see; err is the
// end of the call.
func compile(c *vm.Call, chunk, text string) (fn vm.Value, problem string, err error) {
	if text != "" && text[0] == binaryMark {
		return vm.Nil, noBinary, nil
	}
	p, err := c.Compile(chunk, text)
	if err != nil {
		var syntax *vm.SyntaxError
		if errors.As(err, &syntax) {
			return vm.Nil, syntax.Error(), nil
		}
		return vm.Nil, "", err
	}
	f, err := c.Machine().Load(p, c.Machine().Globals())
	if err != nil {
		return vm.Nil, "", err
	}
	return f.Value(), "", nil
}

// returnCompiled leaves load's results: the function, or nil and the message.
func returnCompiled(c *vm.Call, chunk, text string) error {
	fn, problem, err := compile(c, chunk, text)
	if err != nil {
		return err
	}
	if problem != "" {
		return returnProblem(c, problem)
	}
	return c.Return(fn)
}

func returnProblem(c *vm.Call, problem string) error {
	msg, err := c.NewString(problem)
	if err != nil {
		return err
	}
	return c.Return(vm.Nil, msg)
}

func baseLoadString(c *vm.Call) error {
	text, err := c.CheckString(0)
	if err != nil {
		return err
	}
	name, err := c.OptString(1, "")
	if err != nil {
		return err
	}
	chunk := sourceName(text)
	if !c.Arg(1).IsNil() {
		chunk = chunkName(name)
	}
	return returnCompiled(c, chunk, text)
}

// loader is a load in progress: it calls the reader until it has all pieces.
type loader struct {
	reader vm.Value
	chunk  string
	text   []byte
}

func baseLoad(c *vm.Call) error {
	reader, err := c.CheckFunction(0)
	if err != nil {
		return err
	}
	name, err := c.OptString(1, "")
	if err != nil {
		return err
	}
	if err := c.Reserve(limits.ClosureHeader); err != nil {
		return err
	}
	l := &loader{reader: reader, chunk: "(load)"} // C Lua's name for it
	if !c.Arg(1).IsNil() {
		l.chunk = chunkName(name)
	}
	return l.read(c)
}

// read asks for the next piece: under pcall, since an error of the reader's is
// a result of load.
func (l *loader) read(c *vm.Call) error { return c.Call(l, vm.PCall.Value(), l.reader) }

// Resume takes a piece.
func (l *loader) Resume(c *vm.Call) error {
	if !c.Arg(0).Truthy() {
		return c.Return(vm.Nil, c.Arg(1))
	}
	v := c.Arg(1)
	piece, ok := v.AsString()
	if f, number := v.AsNumber(); number {
		var err error
		if piece, err = numberText(c, f); err != nil {
			return err
		}
		ok = true
	}
	switch {
	case v.IsNil() || ok && piece == "":
		if err := c.ReserveString(len(l.text)); err != nil {
			return err
		}
		text := string(l.text)
		l.text = nil
		return returnCompiled(c, l.chunk, text)
	case !ok:
		var e *vm.Error
		if err := c.Errorf("reader function must return a string"); !errors.As(err, &e) {
			return err
		}
		return c.Return(vm.Nil, e.Value)
	case len(l.text) == 0 && piece[0] == binaryMark:
		return returnProblem(c, noBinary)
	}
	if err := c.Machine().Limits().Check(limits.Source, int64(len(l.text))+int64(len(piece))); err != nil {
		syntax := &vm.SyntaxError{Chunk: l.chunk, Line: 1, Message: "source is too large: " + err.Error(), Err: err}
		return returnProblem(c, syntax.Error())
	}
	if err := growBytes(c, &l.text, len(piece)); err != nil {
		return err
	}
	l.text = append(l.text, piece...)
	return l.read(c)
}

// Trace counts what the load holds.
func (l *loader) Trace(w *vm.Walk) {
	w.Value(l.reader)
	w.Bytes(int64(cap(l.text)) + limits.ClosureHeader)
}
