package vm

import (
	"fmt"
	"strings"
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

// site returns the chunk and line of th's innermost Lua function.
func (th *Thread) site() (chunk string, line int) {
	for i := len(th.frames) - 1; i >= 0; i-- {
		if f := &th.frames[i]; f.kind == frameLua {
			return f.cl.proto.chunk, f.currentLine()
		}
	}
	return "", 0
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
	case opTFor:
		return "local", "(for generator)"
	case opCall, opTailCall:
		return m.objectName(f.cl.proto, pc, in.a())
	}
	return "", ""
}

// maxFreeNames bounds the code that is read to name a function in the traceback
// of a run that has nothing left to pay with.
const maxFreeNames = 20_000

// objectName tells, from the code before pc, what the value in a register is:
// a local, global, field, upvalue or method, and its name (ldebug.c's
// getobjname). The reading is charged.
func (m *Machine) objectName(p *proto, pc, reg int) (what, name string) {
	for range 3 {
		reading := int64(len(p.locals)) + int64(pc)
		if m.tracing && reading > maxFreeNames || !m.tracing && m.work(reading/4) != nil {
			return "", ""
		}
		if name := p.localName(reg, pc); name != "" {
			return "local", name
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
		s, _, _ = strings.Cut(s, "\x00") // as C shows it
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
		case op == opSetUp || op == opSetGlobal || op >= opSetField && op <= opSetIndexK ||
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
	if reg < 0 || len(th.frames) == 0 {
		return ""
	}
	f := &th.frames[len(th.frames)-1]
	if f.kind != frameLua {
		return ""
	}
	what, name := m.objectName(f.cl.proto, int(f.pc)-1, reg)
	if what == "" {
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
	case opSetField, opSetIndex, opSetInt, opSetFieldK, opSetIndexK, opSetIntK:
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
