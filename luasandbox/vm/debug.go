package vm

import (
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// currentLine returns the line that a Lua frame is at.
func (f *frame) currentLine() int {
	pc := int(f.pc) - 1
	if pc < 0 {
		pc = 0
	}
	return int(f.cl.proto.lines[pc])
}

// where returns the place of the function at a level of th's stack as messages
// begin with it ("file:line: "), or "" for a native function. Level 0 is the
// function that runs now.
func (m *Machine) where(th *Thread, level int) string {
	i := len(th.frames) - 1 - level
	if i < 0 || th.frames[i].kind != frameLua {
		return ""
	}
	f := &th.frames[i]
	return fmt.Sprintf("%s:%d: ", f.cl.proto.chunk, f.currentLine())
}

// calledAs returns the name by which th's top frame was called, "?" if that
// cannot be told, and whether as a method.
func (m *Machine) calledAs(th *Thread) (name string, method bool) {
	what, name := m.functionName(th, len(th.frames)-1)
	if name == "" {
		return "?", false
	}
	return name, what == "method"
}

// functionName tells how the caller of frame i of th refers to its function.
func (m *Machine) functionName(th *Thread, i int) (what, name string) {
	if i < 1 || th.frames[i].tail > 0 || th.frames[i-1].kind != frameLua {
		return "", ""
	}
	f := &th.frames[i-1]
	pc := int(f.pc) - 1
	switch in := f.cl.proto.code[pc]; in.op() {
	case opCall, opTailCall, opTFor:
		return m.objectName(f.cl.proto, pc, in.a())
	}
	return "", ""
}

// objectName tells, from the code before pc, what the value in a register is:
// a local, global, field, upvalue or method, and its name (ldebug.c's
// getobjname). The reading is charged.
func (m *Machine) objectName(p *proto, pc, reg int) (what, name string) {
	for range 3 {
		if name := p.localName(reg, pc); name != "" {
			return "local", name
		}
		if m.work(int64(pc)/4) != nil {
			return "", ""
		}
		at := p.setter(pc, reg)
		if at < 0 {
			return "", ""
		}
		i := p.code[at]
		switch i.op() {
		case opMove:
			if i.b() >= i.a() {
				return "", ""
			}
			pc, reg = at, i.b()
			continue
		case opGetGlobal:
			return "global", p.constName(i.d())
		case opGetField:
			return "field", p.constName(i.d())
		case opGetInt, opGetIndex:
			return "field", "?"
		case opGetUp:
			return "upvalue", p.upNames[i.b()]
		case opSelf:
			return "method", p.constName(i.d())
		}
		return "", ""
	}
	return "", ""
}

func (p *proto) constName(i int) string {
	if s, ok := p.consts[i].AsString(); ok {
		return shorten(s)
	}
	return "?"
}

// localName returns the name of the variable that lives in a register at pc.
func (p *proto) localName(reg, pc int) string {
	// The variables are in the order in which their scopes begin.
	for i := len(p.locals) - 1; i >= 0; i-- {
		if l := &p.locals[i]; l.reg == reg && int(l.from) <= pc && pc < int(l.to) {
			if strings.HasPrefix(l.name, "(") {
				return ""
			}
			return l.name
		}
	}
	return ""
}

// setter returns the last instruction before pc that surely set a register, or -1.
func (p *proto) setter(last, reg int) int {
	found, target := -1, 0
	for pc := 0; pc < last; pc++ {
		i := p.code[pc]
		sets := false
		switch op := i.op(); {
		case op == opLoadNil:
			sets = i.a() <= reg && reg <= i.b()
		case op == opSelf:
			sets = reg == i.a() || reg == i.a()+1
		case op == opCall || op == opTailCall || op == opVararg:
			sets = reg >= i.a()
		case op == opTFor:
			sets = reg >= i.a()+2
		case op == opForPrep || op == opForLoop:
			sets = reg == i.a() || reg == i.a()+3
		case op >= opJmp && op <= opGeK:
			if to := pc + 1 + i.d(); to > pc && to <= last && to > target {
				target = to
			}
		case op == opSetUp || op == opSetGlobal || op == opSetField || op == opSetInt || op == opSetIndex ||
			op == opSetList || op == opAppend || op == opClose || op >= opReturn && op <= opReturn1:
		default:
			sets = reg == i.a()
		}
		if sets {
			found = pc
			if pc < target {
				found = -1
			}
		}
	}
	return found
}

// describeOperand names the value in a register of the Lua frame on top.
func (m *Machine) describeOperand(th *Thread, reg int) string {
	f := &th.frames[len(th.frames)-1]
	if f.kind != frameLua || reg < 0 {
		return ""
	}
	what, name := m.objectName(f.cl.proto, int(f.pc)-1, reg)
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s '%s'", what, name)
}

func attempt(op, name string, v Value) error {
	if name == "" {
		return messagef("attempt to %s a %s value", op, v.Kind())
	}
	return messagef("attempt to %s %s (a %s value)", op, name, v.Kind())
}

// operandError is the error of an operation on v, in a register of the frame on top.
func (m *Machine) operandError(th *Thread, op string, v Value, reg int) error {
	return attempt(op, m.describeOperand(th, reg), v)
}

// topInstr returns the instruction that the Lua frame on top is at.
func (th *Thread) topInstr() (instr, bool) {
	if n := len(th.frames); n > 0 && th.frames[n-1].kind == frameLua {
		f := &th.frames[n-1]
		return f.cl.proto.code[f.pc-1], true
	}
	return 0, false
}

// indexError is the error of indexing o, in the instruction that did.
func (m *Machine) indexError(th *Thread, o, key Value) error {
	i, ok := th.topInstr()
	if !ok {
		return attempt("index", "", o)
	}
	reg := -1
	switch i.op() {
	case opGetField, opGetIndex, opGetInt, opSelf:
		reg = i.b()
	case opSetField, opSetIndex, opSetInt:
		reg = i.a()
	}
	return m.operandError(th, "index", o, reg)
}

// arithError is the error of arithmetic on a and b, one of which will not do.
func (m *Machine) arithError(th *Thread, a, b Value) error {
	i, ok := th.topInstr()
	if !ok {
		return attempt("perform arithmetic on", "", a)
	}
	v, reg := a, i.b()
	if _, ok, _ := m.toNumber(a); ok {
		v, reg = b, i.c()
	}
	if i.op() >= opAddK && i.op() <= opPowK && v != a {
		reg = -1
	}
	return m.operandError(th, "perform arithmetic on", v, reg)
}

// concatError is the error of joining a and b, operand number at and the next.
func (m *Machine) concatError(th *Thread, a, b Value, at int) error {
	v := a
	if a.str() != nil || a.isNumber() {
		v = b
		at++
	}
	reg := -1
	if i, ok := th.topInstr(); ok && i.op() == opConcat && i.b()+at <= i.c() {
		reg = i.b() + at
	}
	return m.operandError(th, "concatenate", v, reg)
}

// callError is the error of calling what is at stack index at.
func (m *Machine) callError(th *Thread, v Value, at int) error {
	reg := -1
	if i, ok := th.topInstr(); ok && (i.op() == opCall || i.op() == opTailCall) {
		if f := &th.frames[len(th.frames)-1]; at == int(f.base)+i.a() {
			reg = i.a()
		}
	}
	return m.operandError(th, "call", v, reg)
}

// ---- traceback

// A traceback shows the innermost and the outermost levels of a deep stack.
const (
	tracebackInner = 12
	tracebackOuter = 10
)

// traceback describes th's stack from a level on, below a message, in the form
// of C Lua's debug.traceback.
func (m *Machine) traceback(th *Thread, msg string, level int) string {
	var b strings.Builder
	if len(msg) > 1000 {
		msg = msg[:1000] + "..."
	}
	b.WriteString(msg)
	if msg != "" {
		b.WriteByte('\n')
	}
	b.WriteString("stack traceback:")
	for ; th != nil; th = th.resumer {
		n := len(th.frames) - level
		for i := 0; i < n; i++ {
			if n > tracebackInner+tracebackOuter && i == tracebackInner {
				b.WriteString("\n\t...")
				i = n - tracebackOuter
			}
			m.tracebackLine(&b, th, len(th.frames)-1-level-i)
		}
		level = 0
		if b.Len() > 16<<10 {
			b.WriteString("\n\t...")
			break
		}
	}
	return b.String()
}

func (m *Machine) tracebackLine(b *strings.Builder, th *Thread, i int) {
	f := &th.frames[i]
	if f.kind == frameHandler {
		return
	}
	what, name := m.functionName(th, i)
	_ = what
	if f.kind != frameLua {
		b.WriteString("\n\t[C]:")
		switch {
		case name != "":
			fmt.Fprintf(b, " in function '%s'", name)
		case f.nat != nil && f.nat.name != "":
			fmt.Fprintf(b, " in function '%s'", f.nat.name)
		default:
			b.WriteString(" ?")
		}
	} else {
		p := f.cl.proto
		fmt.Fprintf(b, "\n\t%s:%d:", p.chunk, f.currentLine())
		switch {
		case name != "":
			fmt.Fprintf(b, " in function '%s'", name)
		case p.line == 0:
			b.WriteString(" in main chunk")
		default:
			fmt.Fprintf(b, " in function <%s:%d>", p.chunk, p.line)
		}
	}
	if f.tail > 0 {
		b.WriteString("\n\t(tail call): ?")
	}
}

// Traceback is debug.traceback: ([thread,] [message [, level]]).
var Traceback = NewNative("traceback", func(c *Call) error {
	th, arg := c.th, 0
	if co := c.Arg(0).AsThread(); co != nil {
		th, arg = co, 1
	}
	level := int64(0)
	if th == c.th {
		level = 1
	}
	level, err := c.OptInt(arg+1, level)
	if err != nil {
		return err
	}
	msg := c.Arg(arg)
	if !msg.IsNil() && msg.str() == nil && !msg.isNumber() {
		return c.Return(msg)
	}
	text := ""
	if !msg.IsNil() {
		text = describe(msg)
	}
	if err := c.Work(200); err != nil {
		return err
	}
	v, err := c.NewString(c.m.traceback(th, text, int(max(0, min(level, int64(len(th.frames)))))))
	if err != nil {
		return err
	}
	return c.Return(v)
})

// ---- environments

// GetFenv and SetFenv are getfenv and setfenv for the script's own functions:
// what is written in Go, and level 0, has no environment to give or take.
var (
	GetFenv = NewNative("getfenv", getFenv)
	SetFenv = NewNative("setfenv", setFenv)
)

// envFunction returns the Lua function that argument i of getfenv or setfenv
// means: itself, or the one at a level of the stack. nil stands for a function
// written in Go.
func (c *Call) envFunction(i int) (*Closure, error) {
	v := c.Arg(i)
	if v.Kind() == KindFunction {
		return v.AsClosure(), nil
	}
	level := int64(1)
	if !v.IsNil() || i < c.n {
		var err error
		if level, err = c.CheckInt(i); err != nil {
			return nil, err
		}
	}
	if level < 0 {
		return nil, c.ArgError(i, "level must be non-negative")
	}
	n := int64(len(c.th.frames)) - 1 - level
	if n < 0 || n >= int64(len(c.th.frames)) {
		return nil, nil // as if the host's functions were there
	}
	if f := &c.th.frames[n]; f.kind == frameLua {
		return f.cl, nil
	}
	return nil, nil
}

func getFenv(c *Call) error {
	if f, ok := c.Arg(0).AsNumber(); ok && f == 0 {
		return c.Return(c.m.globals.Value())
	}
	var cl *Closure
	var err error
	if c.Arg(0).IsNil() {
		cl = c.callerClosure()
	} else if cl, err = c.envFunction(0); err != nil {
		return err
	}
	if cl == nil {
		return c.Return(c.m.globals.Value())
	}
	return c.Return(cl.env.Value())
}

func (c *Call) callerClosure() *Closure {
	if n := len(c.th.frames) - 2; n >= 0 && c.th.frames[n].kind == frameLua {
		return c.th.frames[n].cl
	}
	return nil
}

func setFenv(c *Call) error {
	t, err := c.CheckTable(1)
	if err != nil {
		return err
	}
	cl, err := c.envFunction(0)
	if err != nil {
		return err
	}
	if f, ok := c.Arg(0).AsNumber(); ok && f == 0 {
		cl = nil
	}
	if cl == nil {
		return c.Errorf("'setfenv' cannot change environment of given object")
	}
	cl.env = t
	return c.Return(cl.Value())
}

// ---- next

// Next and INext are the iterators of pairs and ipairs.
var (
	Next  = NewNative("next", next)
	INext = NewNative("ipairs_next", inext)
)

func next(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	if n := hashWork(c.Arg(1)); n > limits.HashFreeBytes {
		if err := c.Work(limits.Units(n, limits.HashBytesPerUnit)); err != nil {
			return err
		}
	}
	key, val, skipped, err := t.Next(c.Arg(1))
	if err != nil {
		return err
	}
	if skipped > 0 {
		if err := c.Work(int64(skipped) / limits.TableSlotMove); err != nil {
			return err
		}
	}
	if key.IsNil() {
		return c.Return(Nil)
	}
	return c.Return(key, val)
}

func inext(c *Call) error {
	t, err := c.CheckTable(0)
	if err != nil {
		return err
	}
	i, err := c.CheckInt(1)
	if err != nil {
		return err
	}
	i++
	v := t.Get(Number(float64(i)))
	if v.IsNil() {
		return c.Return(Nil)
	}
	return c.Return(Number(float64(i)), v)
}

// ---- shared libraries

// Pair is one field of a shared table.
type Pair struct {
	Name  string
	Value Value // a number, boolean, SharedString, NewNative, or a shared table's
}

// Shared is a library's contents, built once and used by all machines.
type Shared struct{ t Table }

// NewShared returns a library of the given fields, in their order.
func NewShared(pairs []Pair) *Shared {
	s := &Shared{}
	t := &s.t
	t.header = header{kind: objTable, flags: flagShared | flagReadOnly, id: nextSharedID()}
	n := entryCapacity(len(pairs))
	if n > 0 {
		t.makeEntries(n)
	}
	for _, p := range pairs {
		k := SharedString(p.Name)
		t.appendEntry(k, k.str().hashed(), p.Value)
	}
	return s
}

// Table returns the library as a table that all machines may read, and none write.
func (s *Shared) Table() *Table { return &s.t }

// Borrow returns a table of m's own with the library's contents, which it shares
// until a script first writes to it.
func (m *Machine) Borrow(s *Shared) *Table {
	_ = m.alloc(limits.TableHeader)
	return &Table{
		header: header{kind: objTable, flags: s.t.flags&^(flagShared|flagReadOnly) | flagBorrowed},
		ents:   s.t.ents[:len(s.t.ents):len(s.t.ents)],
		heads:  s.t.heads,
	}
}
