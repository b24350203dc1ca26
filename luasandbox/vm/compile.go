package vm

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"

	"github.com/luasandbox/modrunner/limits"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"
)

// Limits of one function, as C Lua's.
const (
	maxLocals    = 200
	maxRegisters = 250
	maxUpvalues  = 255
	// maxCompileDepth bounds the compiler's recursion over the parts of the syntax
	// tree that are not chains: operators that nest to the right, and unary ones.
	// Chains (a+b+c, a..b..c, f()()(), elseif) are walked in loops.
	maxCompileDepth = 1000
)

// Compile turns source text into a program. chunk names it in messages. l bounds
// the text (Source, Nesting). The only error is a *SyntaxError, which wraps a
// *limits.Error if a limit was what was wrong. Time and memory are linear in
// len(text). Safe for concurrent use.
func Compile(chunk, text string, l limits.Limits) (*Program, error) {
	s, err := scan(chunk, text, l.WithDefaults())
	if err != nil {
		return nil, err
	}
	return s.compile(nil)
}

// Parse returns the syntax tree of a text, as Compile sees it, for who looks at
// programs without running them. It is not checked beyond the grammar: a goto may
// lead nowhere. The errors are those of Compile. Chains (a..b..c, elseif) are trees as
// deep as they are long: walk them in loops.
func Parse(chunk, text string, l limits.Limits) ([]ast.Stmt, error) {
	s, err := scan(chunk, text, l.WithDefaults())
	if err != nil {
		return nil, err
	}
	return s.parse(nil)
}

// parserStack is the most memory that the parser's stack takes: it grows by
// doubling, and never shrinks.
func (s *scanner) parserStack() int64 {
	return (2*int64(s.most) + 4*int64(s.deepest)) * limits.ParserEntry
}

// Compile is the function Compile on a script's behalf: it charges time and
// memory for the text before reading it, and for the tokens before parsing. The
// program is for c's machine alone, whose census counts it.
func (c *Call) Compile(chunk, text string) (*Program, error) {
	m := c.m
	n := int64(len(text))
	if err := m.limits.Check(limits.Source, n); err != nil {
		return nil, &SyntaxError{Chunk: chunk, Line: 1, Message: "source is too large: " + err.Error(), Err: err}
	}
	if err := m.work(limits.CompileBase + n*limits.CompileByte); err != nil {
		return nil, err
	}
	if err := m.alloc(2 * n); err != nil {
		return nil, err
	}
	s, err := scan(chunk, text, m.limits)
	if err != nil {
		return nil, err
	}
	if err := m.alloc(s.tokens * limits.TokenBytes); err != nil {
		return nil, err
	}
	if err := m.alloc(s.parserStack()); err != nil {
		return nil, err
	}
	if err := m.allocGarbage(limits.CompileBytes + 2*n + s.tokens*limits.TokenGarbage); err != nil {
		return nil, err
	}
	return s.compile(m)
}

// errForeign is a mistake of the host's.
var errForeign = errors.New("the program was compiled by a script of another machine")

// Load returns the program's main function, with environment env, charged to m.
// It errs if m has no room for it (*limits.Error), or if a script of another
// machine compiled it.
func (m *Machine) Load(p *Program, env *Table) (*Closure, error) {
	if p.owner != nil && p.owner != m {
		return nil, errForeign
	}
	if err := m.alloc(p.bytes + limits.ClosureHeader); err != nil {
		return nil, err
	}
	return &Closure{header: header{kind: objClosure}, proto: p.main, env: env}, nil
}

// compile compiles what was scanned, for one machine or, if owner is nil, for all.
func (s *scanner) compile(owner *Machine) (*Program, error) {
	stmts, err := s.parse(owner)
	if err != nil {
		return nil, err
	}
	c := &compiler{scan: s, bindings: map[string]*local{}, program: &Program{owner: owner}}
	p, err := c.mainFunction(stmts)
	if err != nil {
		return nil, err
	}
	c.program.main = p
	return c.program, nil
}

// parse parses what was scanned.
func (s *scanner) parse(owner *Machine) ([]ast.Stmt, error) {
	text := &watched{text: s.out, m: owner}
	stmts, err := parse.Parse(text, s.chunk)
	s.out = nil
	if text.err != nil {
		return nil, text.err
	}
	if err != nil {
		return nil, s.parseError(err)
	}
	return stmts, nil
}

// watched is the text of a script that a script compiles. It ends early when the
// machine's time is over, and the parser with it.
type watched struct {
	text []byte
	m    *Machine // nil if the host compiles
	err  error    // of the machine's clock
}

// Read gives the parser a few milliseconds' work at a time.
func (w *watched) Read(b []byte) (int, error) {
	if w.m != nil {
		if w.err = w.m.checkTime(); w.err != nil {
			return 0, io.EOF
		}
	}
	if len(w.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b, w.text[:min(len(w.text), 4096)])
	w.text = w.text[n:]
	return n, nil
}

// parseError gives the parser's error our form.
func (s *scanner) parseError(err error) error {
	e := &SyntaxError{Chunk: s.chunk, Line: s.line, Message: "unexpected symbol", Near: "<eof>"}
	var p *parse.Error
	if !errors.As(err, &p) {
		return e
	}
	if p.Pos.Line > 0 {
		e.Line, e.Column, e.Near = p.Pos.Line, p.Pos.Column, shorten(p.Token)
		if !strings.Contains(p.Message, "syntax error") && !strings.Contains(p.Message, "parse error") {
			e.Message = p.Message
		}
	} else if msg, ok := s.unclosed(); ok {
		e.Message = msg
	}
	return e
}

// compiler holds what is common to all functions of one program.
type compiler struct {
	scan     *scanner
	bindings map[string]*local // innermost variable of each name
	strings  map[string]Value
	program  *Program
	depth    int
	steps    int // parts of the syntax tree entered
}

// local is a local variable while the compiler is inside its scope.
type local struct {
	name     string
	fn       *function
	reg      int
	info     int    // index in fn.p.locals
	shadowed *local // the variable of the same name that this one hides
	block    *block
}

// function is a function being compiled.
type function struct {
	c       *compiler
	p       *proto
	parent  *function
	block   *block
	active  []*local
	free    int // first free register
	line    int
	upIndex map[*local]int
	numbers map[uint64]int
	strings map[string]int
	simple  [3]int // 1 + the numbers of the constants nil, true and false
	jumps   []leap
	argTab  *local // the implicit `arg` of a vararg function
	argAt   int
	argUsed bool
	dots    bool
}

// block is a scope. Blocks stay linked after they end, for leaps out of them.
type block struct {
	outer    *block
	depth    int
	base     int // first register of the block's own variables
	captured bool
	loop     bool
	until    bool // a repeat's: its variables are in scope in the condition after it
	breaks   []int
	labels   map[string]*label
	gotos    map[string][]*pendingGoto // waiting for a label, by its name
	nactive  int
}

type label struct {
	pc, line int
	level    int // first register above the variables in scope
}

type pendingGoto struct {
	name string
	pc   int
	line int
	from *block
}

// leap is a jump that may leave scopes: when the function is finished it is told
// to close the upvalues of those that were captured.
type leap struct {
	pc       int
	from, to *block
	level    int // of to's own variables, those from this register on are left too
}

// failure carries a *SyntaxError, or the error of the machine's clock, up the compiler's own recursion, whose depth is
// bounded; it never leaves mainFunction.
type failure struct{ err error }

func (c *compiler) fail(line int, near, format string, args ...any) {
	panic(failure{&SyntaxError{Chunk: c.scan.chunk, Line: line, Near: near, Message: fmt.Sprintf(format, args...)}})
}

func (c *compiler) enter(line int) {
	c.depth++
	if c.steps++; c.steps%1024 == 0 && c.program.owner != nil {
		if err := c.program.owner.checkTime(); err != nil {
			panic(failure{err})
		}
	}
	if c.depth > maxCompileDepth {
		panic(failure{&SyntaxError{
			Chunk: c.scan.chunk, Line: line, Message: "chunk has too many syntax levels",
			Err: &limits.Error{Kind: limits.Nesting, Used: maxCompileDepth, Max: maxCompileDepth, Asked: maxCompileDepth + 1},
		}})
	}
}

func (c *compiler) leave() { c.depth-- }

func (c *compiler) mainFunction(stmts []ast.Stmt) (p *proto, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			p, err = nil, f.err
		}
	}()
	f := c.newFunction(nil, 0)
	f.p.vararg = true
	f.openBlock(false)
	f.statements(stmts)
	f.finish(c.scan.line)
	return f.p, nil
}

func (c *compiler) newFunction(parent *function, line int) *function {
	return &function{
		c: c, parent: parent, line: line, argAt: -1,
		p: &proto{program: c.program, chunk: c.scan.chunk, line: line, lastLine: line, maxStack: 2},
	}
}

// finish closes the function's outermost block and settles everything that
// waits for its end.
func (f *function) finish(line int) {
	f.line = line
	f.emit(makeInstr(opReturn0, 0, 1, 0, 0))
	f.closeBlock(false)
	p := f.p
	p.lastLine = line
	for _, j := range f.jumps {
		f.patchClose(j)
	}
	if f.argAt >= 0 && (!f.argUsed || f.dots) {
		p.code[f.argAt] = makeInstr(opLoadNil, f.argTab.reg, f.argTab.reg, 0, 0)
	}
	if pc := p.verify(); pc >= 0 {
		f.c.fail(int(p.lines[pc]), "", "internal error: instruction %d names a register that its function has not", pc)
	}
	p.hints = make([]uint32, len(p.code))
	p.found = make([]atomic.Pointer[stringObject], len(p.code))
	for pc, i := range p.code {
		switch i.op() {
		case opGetGlobal, opSetGlobal, opGetField, opSetField, opSetFieldK, opSelf:
			if p.consts[i.d()].isLong() {
				p.hints[pc] = noHint
			}
		}
	}
	f.c.program.bytes += int64(cap(p.code))*8 + int64(cap(p.lines))*4 + int64(cap(p.live)) + int64(len(p.hints))*12 +
		int64(cap(p.consts))*16 + int64(cap(p.locals))*32 + int64(cap(p.protos))*8 + int64(cap(p.ups))*2 + int64(cap(p.upNames))*16 + 320
}

// patchClose makes a jump close the upvalues of the captured scopes that it leaves.
func (f *function) patchClose(j leap) {
	base := -1
	for b := j.from; b != nil && b != j.to; b = b.outer {
		if b.captured {
			base = b.base
		}
	}
	if j.to != nil && j.to.captured && j.level < maxRegisters && (base < 0 || j.level < base) {
		base = j.level
	}
	if base >= 0 {
		f.p.code[j.pc] = f.p.code[j.pc].withA(base + 1)
	}
}

// ---- emission

func (f *function) emit(i instr) int {
	f.p.code = append(f.p.code, i)
	f.p.lines = append(f.p.lines, int32(f.line))
	f.p.live = append(f.p.live, uint8(min(max(f.free, i.registers()), 255)))
	if len(f.p.code) > math.MaxInt32/4 {
		f.c.fail(f.line, "", "function is too large")
	}
	return len(f.p.code) - 1
}

func (f *function) pc() int { return len(f.p.code) }

// jump emits a jump whose target is not known yet.
func (f *function) jump() int { return f.emit(makeInstr(opJmp, 0, 0, 0, 0)) }

func (f *function) patch(at, target int) { f.p.code[at] = f.p.code[at].withD(target - at - 1) }

func (f *function) patchHere(list []int) {
	for _, at := range list {
		f.patch(at, f.pc())
	}
}

// reserve takes n registers from the free ones and returns the first.
func (f *function) reserve(n int) int {
	r := f.free
	f.free += n
	if f.free > maxRegisters {
		f.c.fail(f.line, "", "function or expression too complex")
	}
	if f.free > f.p.maxStack {
		f.p.maxStack = f.free
	}
	return r
}

func (f *function) numberConst(x float64) int {
	bits := math.Float64bits(x)
	if i, ok := f.numbers[bits]; ok {
		return i
	}
	if f.numbers == nil {
		f.numbers = map[uint64]int{}
	}
	f.numbers[bits] = len(f.p.consts)
	f.p.consts = append(f.p.consts, Number(x))
	return len(f.p.consts) - 1
}

// simpleConst returns the number of the constant v: nil, true or false.
func (f *function) simpleConst(v Value) int {
	at := &f.simple[0]
	switch v {
	case True:
		at = &f.simple[1]
	case False:
		at = &f.simple[2]
	}
	if *at == 0 {
		f.p.consts = append(f.p.consts, v)
		*at = len(f.p.consts)
	}
	return *at - 1
}

func (f *function) stringConst(s string) int {
	if i, ok := f.strings[s]; ok {
		return i
	}
	if f.strings == nil {
		f.strings = map[string]int{}
	}
	v, ok := f.c.strings[s]
	if !ok {
		p := f.c.program
		n := limits.StringHeader + int64(len(s))
		if p.owner == nil {
			v = sharedString(s)
		} else if v, ok = nameOf(s); !ok {
			v = String(s)
			v.str().hashed()
			p.strings = append(p.strings, v)
			p.stringBytes += n
		}
		if f.c.strings == nil {
			f.c.strings = map[string]Value{}
		}
		f.c.strings[s] = v
		p.bytes += n + limits.ValueBytes
	}
	f.strings[s] = len(f.p.consts)
	f.p.consts = append(f.p.consts, v)
	return len(f.p.consts) - 1
}

// ---- scopes

func (f *function) openBlock(loop bool) *block {
	b := &block{outer: f.block, base: f.free, loop: loop, nactive: len(f.active)}
	if f.block != nil {
		b.depth = f.block.depth + 1
	}
	f.block = b
	return b
}

// closeBlock ends the innermost scope. falls says that control can come here
// from inside and the scope's captured variables must be closed.
func (f *function) closeBlock(falls bool) {
	b := f.block
	if falls && b.captured {
		f.emit(makeInstr(opClose, b.base, 0, 0, 0))
	}
	f.forget(b.nactive)
	f.free = b.base
	f.block = b.outer
	f.passOn(b)
}

// forget ends the scope of the variables from number n on.
func (f *function) forget(n int) {
	for i := len(f.active) - 1; i >= n; i-- {
		v := f.active[i]
		f.p.locals[v.info].to = int32(f.pc())
		if v.shadowed == nil {
			delete(f.c.bindings, v.name)
		} else {
			f.c.bindings[v.name] = v.shadowed
		}
	}
	f.active = f.active[:n]
}

// declare brings a variable into scope that lives in register reg.
func (f *function) declare(name string, reg int) *local {
	if len(f.active) >= maxLocals {
		f.c.fail(f.line, "", "too many local variables (limit is %d) in %s", maxLocals, f.describe())
	}
	v := &local{name: name, fn: f, reg: reg, info: len(f.p.locals), shadowed: f.c.bindings[name], block: f.block}
	f.c.program.bytes += int64(len(name))
	f.p.locals = append(f.p.locals, localInfo{name: name, reg: reg, from: int32(f.pc())})
	f.c.bindings[name] = v
	f.active = append(f.active, v)
	return v
}

func (f *function) describe() string {
	if f.parent == nil {
		return "main function"
	}
	return fmt.Sprintf("function at line %d", f.p.line)
}

// lookup finds the variable called name, or nil for a global.
func (f *function) lookup(name string) *local {
	v := f.c.bindings[name]
	if v != nil && v == v.fn.argTab {
		v.fn.argUsed = true
	}
	return v
}

// upvalue returns the index among f's upvalues of a variable of an enclosing
// function.
func (f *function) upvalue(v *local) int {
	if i, ok := f.upIndex[v]; ok {
		return i
	}
	var src upvalueSource
	if v.fn == f.parent {
		v.block.captured = true
		src = upvalueSource{index: uint8(v.reg), inRegister: true}
	} else {
		src = upvalueSource{index: uint8(f.parent.upvalue(v))}
	}
	if len(f.p.ups) >= maxUpvalues {
		f.c.fail(f.line, "", "%s has more than %d upvalues", f.describe(), maxUpvalues)
	}
	if f.upIndex == nil {
		f.upIndex = map[*local]int{}
	}
	f.upIndex[v] = len(f.p.ups)
	f.p.ups = append(f.p.ups, src)
	f.p.upNames = append(f.p.upNames, v.name)
	return len(f.p.ups) - 1
}

// ---- goto

// bind makes the gotos, in block b or in blocks inside it, jump to b's label l.
func (f *function) bind(b *block, l *label, gotos []*pendingGoto) {
	for _, g := range gotos {
		f.patch(g.pc, l.pc)
		f.jumps = append(f.jumps, leap{g.pc, g.from, b, l.level})
	}
}

// passOn hands the gotos that still wait in b, which has ended, to the block around
// it: to its labels, or to wait there. Of two sets the smaller one is gone through,
// so that a goto that leaves many blocks is not looked at in each of them.
func (f *function) passOn(b *block) {
	outer := b.outer
	if outer == nil {
		var lost *pendingGoto
		for _, list := range b.gotos {
			for _, g := range list {
				if lost == nil || g.pc < lost.pc {
					lost = g
				}
			}
		}
		if lost != nil {
			f.c.fail(lost.line, "", "no visible label '%s' for goto at line %d", lost.name, lost.line)
		}
		return
	}
	if len(outer.labels) < len(b.gotos) {
		for name, l := range outer.labels {
			f.bind(outer, l, b.gotos[name])
			delete(b.gotos, name)
		}
	} else {
		for name, list := range b.gotos {
			if l, ok := outer.labels[name]; ok {
				f.bind(outer, l, list)
				delete(b.gotos, name)
			}
		}
	}
	more, fewer := outer.gotos, b.gotos
	if len(more) < len(fewer) {
		more, fewer = fewer, more
	}
	for name, list := range fewer {
		longer := more[name]
		if len(longer) < len(list) {
			longer, list = list, longer
		}
		more[name] = append(longer, list...)
	}
	outer.gotos, b.gotos = more, nil
}

func (f *function) gotoStatement(name string) {
	b, g := f.block, &pendingGoto{name: name, pc: f.jump(), line: f.line, from: f.block}
	if l, ok := b.labels[name]; ok {
		f.bind(b, l, []*pendingGoto{g})
		return
	}
	if b.gotos == nil {
		b.gotos = map[string][]*pendingGoto{}
	}
	b.gotos[name] = append(b.gotos[name], g)
}

// labelStatement defines a label. last says that only labels and empty
// statements follow it in its block: then variables declared in the block before
// it count as out of scope (Lua 5.2 manual, section 3.3.4).
func (f *function) labelStatement(name string, last bool) {
	b := f.block
	if old, ok := b.labels[name]; ok {
		f.c.fail(f.line, "", "label '%s' already defined on line %d", name, old.line)
	}
	l := &label{pc: f.pc(), line: f.line, level: f.free}
	visible := f.active
	if last {
		visible = visible[:b.nactive]
	}
	if b.labels == nil {
		b.labels = map[string]*label{}
	}
	b.labels[name] = l
	f.checkScope(visible, b.gotos[name])
	f.bind(b, l, b.gotos[name])
	delete(b.gotos, name)
}

// checkScope fails if one of the gotos jumps past the declaration of a variable
// that is visible where it goes to.
func (f *function) checkScope(visible []*local, gotos []*pendingGoto) {
	if len(visible) == 0 {
		return
	}
	declared := func(v *local) int { return int(f.p.locals[v.info].from) }
	var wrong *pendingGoto
	for _, g := range gotos {
		if declared(visible[len(visible)-1]) > g.pc && (wrong == nil || g.pc < wrong.pc) {
			wrong = g
		}
	}
	if wrong == nil {
		return
	}
	for _, v := range visible {
		if declared(v) > wrong.pc {
			f.c.fail(wrong.line, "", "<goto %s> at line %d jumps into the scope of local '%s'", wrong.name, wrong.line, v.name)
		}
	}
}
