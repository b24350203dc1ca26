package vm

import (
	"math"
	"slices"

	"github.com/yuin/gopher-lua/ast"
)

// An expression is compiled in one of four ways: into a given register (into),
// into the next free register (next), wherever it is at hand (any), or as a
// condition that only jumps (condition).

func isMulti(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

// next evaluates e into the next free register, which it reserves.
func (f *function) next(e ast.Expr) int {
	if call, ok := e.(*ast.FuncCallExpr); ok {
		r := f.free
		f.call(call, 2, false)
		f.free = r
		return f.reserve(1)
	}
	r := f.reserve(1)
	f.into(e, r)
	f.free = r + 1
	return r
}

// any evaluates e and returns a register that holds it: a variable's own, or a
// new one.
func (f *function) any(e ast.Expr) int {
	if id, ok := e.(*ast.IdentExpr); ok {
		if v := f.lookup(id.Value); v != nil && v.fn == f {
			return v.reg
		}
	}
	return f.next(e)
}

// multi evaluates e, a call or `...`, into consecutive new registers: n of them,
// or all values up to the top if n is -1 (then one register is reserved).
func (f *function) multi(e ast.Expr, n int) {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		r := f.free
		f.call(e, n+1, false)
		f.free = r
		f.reserve(max(n, 1))
	case *ast.Comma3Expr:
		r := f.reserve(max(n, 1))
		f.vararg(e, r, n+1)
	}
}

func (f *function) vararg(e ast.Expr, r, want int) {
	f.line = e.Line()
	if !f.p.vararg {
		f.c.fail(f.line, "...", "cannot use '...' outside a vararg function")
	}
	f.dots = true
	f.emit(makeInstr(opVararg, r, want, 0, 0))
}

// at makes what is emitted next belong to e's line. An operator's instruction
// belongs to the line of its last operand, as in C Lua.
func (f *function) at(e ast.Expr) {
	if line := e.Line(); line > 0 {
		f.line = line
	}
}

// into evaluates e into register r, which is a variable's or the last reserved.
func (f *function) into(e ast.Expr, r int) {
	f.c.enter(e.Line())
	defer f.c.leave()
	f.at(e)
	switch e := e.(type) {
	case *ast.NilExpr:
		f.emit(makeInstr(opLoadNil, r, r, 0, 0))
	case *ast.TrueExpr:
		f.emit(makeInstr(opLoadBool, r, 1, 0, 0))
	case *ast.FalseExpr:
		f.emit(makeInstr(opLoadBool, r, 0, 0, 0))
	case *ast.NumberExpr:
		f.emit(makeInstr(opLoadK, r, 0, 0, f.numberConst(f.numeral(e))))
	case *ast.StringExpr:
		f.emit(makeInstr(opLoadK, r, 0, 0, f.stringConst(e.Value)))
	case *ast.Comma3Expr:
		f.vararg(e, r, 2)
	case *ast.IdentExpr:
		f.variable(e, r)
	case *ast.FunctionExpr:
		f.closure(e, r, false)
	case *ast.TableExpr:
		f.detached(r, func(r int) { f.table(e, r) })
	case *ast.LogicalOpExpr:
		f.detached(r, func(r int) { f.logical(e, r) })
	case *ast.RelationalOpExpr:
		f.truth(f.conditionOf(e, true), r)
	case *ast.UnaryNotOpExpr:
		f.not(e, r)
	case *ast.StringConcatOpExpr:
		f.concat(e, r)
	case *ast.FuncCallExpr, *ast.AttrGetExpr, *ast.ArithmeticOpExpr:
		f.spine(e, r)
	case *ast.UnaryMinusOpExpr:
		if x, ok := f.fold(e); ok {
			f.emit(makeInstr(opLoadK, r, 0, 0, f.numberConst(x)))
			return
		}
		f.unary(opUnm, e.Expr, r)
	case *ast.UnaryLenOpExpr:
		f.unary(opLen, e.Expr, r)
	default:
		f.c.fail(f.line, "", "unknown expression %T", e)
	}
}

// detached builds a value step by step in a register that no variable has, so
// that the expression still sees the variable it is assigned to.
func (f *function) detached(r int, build func(r int)) {
	if r >= f.free-1 && r >= f.activeRegisters() {
		build(r)
		return
	}
	free := f.free
	t := f.reserve(1)
	build(t)
	f.emit(makeInstr(opMove, r, t, 0, 0))
	f.free = free
}

func (f *function) activeRegisters() int {
	if n := len(f.active); n > 0 {
		return f.active[n-1].reg + 1
	}
	return 0
}

func (f *function) numeral(e *ast.NumberExpr) float64 {
	x, ok := ParseNumber(e.Value)
	if !ok {
		f.c.fail(e.Line(), shorten(e.Value), "malformed number")
	}
	return x
}

func (f *function) variable(e *ast.IdentExpr, r int) {
	switch v := f.lookup(e.Value); {
	case v == nil:
		f.emit(makeInstr(opGetGlobal, r, 0, 0, f.stringConst(e.Value)))
	case v.fn == f:
		if v.reg != r {
			f.emit(makeInstr(opMove, r, v.reg, 0, 0))
		}
	default:
		f.emit(makeInstr(opGetUp, r, f.upvalue(v), 0, 0))
	}
}

// ---- constants

// fold returns the value of a constant arithmetic expression. Like C Lua it
// leaves alone what would divide by zero or make NaN. The spine of a chain is
// walked in a loop, and only its innermost part can be constant for the whole to be.
func (f *function) fold(e ast.Expr) (float64, bool) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		return f.numeral(e), true
	case *ast.UnaryMinusOpExpr:
		if n, ok := e.Expr.(*ast.NumberExpr); ok {
			return -f.numeral(n), true
		}
	case *ast.ArithmeticOpExpr:
		a, ok := e.Lhs.(*ast.NumberExpr)
		if !ok {
			return 0, false
		}
		b, ok := e.Rhs.(*ast.NumberExpr)
		if !ok {
			return 0, false
		}
		return foldArith(arithOps[e.Operator], f.numeral(a), f.numeral(b))
	}
	return 0, false
}

func foldArith(op opcode, a, b float64) (float64, bool) {
	if (op == opDiv || op == opMod) && b == 0 {
		return 0, false
	}
	x := arith(op, a, b)
	return x, x == x
}

// constant returns the number of the constant that e is, if it is one.
func (f *function) constant(e ast.Expr) (k int, ok bool) {
	if x, ok := f.fold(e); ok {
		return f.numberConst(x), true
	}
	switch e := e.(type) {
	case *ast.StringExpr:
		return f.stringConst(e.Value), true
	case *ast.TrueExpr:
		return f.simpleConst(True), true
	case *ast.FalseExpr:
		return f.simpleConst(False), true
	case *ast.NilExpr:
		return f.simpleConst(Nil), true
	}
	return 0, false
}

// constantKey reports whether an index needs no register.
func constantKey(e ast.Expr) bool {
	if _, ok := e.(*ast.StringExpr); ok {
		return true
	}
	_, ok := smallInt(e)
	return ok
}

// smallInt returns the value of a numeral that is a positive 31-bit integer.
func smallInt(e ast.Expr) (int, bool) {
	n, ok := e.(*ast.NumberExpr)
	if !ok {
		return 0, false
	}
	x, ok := ParseNumber(n.Value)
	if !ok || x < 1 || x > math.MaxInt32 || x != math.Trunc(x) {
		return 0, false
	}
	return int(x), true
}

// ---- operators

var arithOps = map[string]opcode{"+": opAdd, "-": opSub, "*": opMul, "/": opDiv, "%": opMod, "^": opPow}

func (f *function) unary(op opcode, e ast.Expr, r int) {
	free := f.free
	x := f.any(e)
	f.emit(makeInstr(op, r, x, 0, 0))
	f.free = free
}

func (f *function) not(e *ast.UnaryNotOpExpr, r int) {
	switch e.Expr.(type) {
	case *ast.RelationalOpExpr, *ast.LogicalOpExpr, *ast.UnaryNotOpExpr:
		f.truth(f.condition(e.Expr, false), r)
		return
	}
	f.unary(opNot, e.Expr, r)
}

// truth turns jumps taken when a condition holds into a boolean in r.
func (f *function) truth(jumps []int, r int) {
	f.emit(makeInstr(opLoadBool, r, 0, 1, 0))
	f.patchHere(jumps)
	f.emit(makeInstr(opLoadBool, r, 1, 0, 0))
}

// spine compiles a chain that nests to the left: calls, fields and arithmetic.
// It goes down to the innermost operand and comes back up in a loop, so that a
// chain of any length needs neither depth nor registers.
func (f *function) spine(e ast.Expr, r int) {
	var chain []ast.Expr
	for {
		if _, ok := f.fold(e); ok {
			break
		}
		left := leftOperand(e)
		if left == nil {
			break
		}
		chain = append(chain, e)
		e = left
	}
	free := f.free
	cur := -1 // register of the chain so far
	if x, ok := f.fold(e); ok && len(chain) == 0 {
		f.emit(makeInstr(opLoadK, r, 0, 0, f.numberConst(x)))
		return
	} else if ok {
		cur = f.reserve(1)
		f.emit(makeInstr(opLoadK, cur, 0, 0, f.numberConst(x)))
	} else {
		cur = f.any(e)
	}
	for i := len(chain) - 1; i >= 0; i-- {
		to := r
		if i > 0 {
			to = -1
		}
		cur = f.link(chain[i], cur, to, free)
	}
	if cur != r {
		f.emit(makeInstr(opMove, r, cur, 0, 0))
	}
	f.free = free
}

// leftOperand returns the part of e that its spine goes on with, or nil.
func leftOperand(e ast.Expr) ast.Expr {
	switch e := e.(type) {
	case *ast.ArithmeticOpExpr:
		return e.Lhs
	case *ast.AttrGetExpr:
		return e.Object
	case *ast.FuncCallExpr:
		if e.Func != nil {
			return e.Func
		}
		return e.Receiver
	}
	return nil
}

// link compiles one step of a spine whose left operand is in register cur. The
// result goes to register to, or if that is -1 to the first register from free on,
// which alone is reserved afterwards.
func (f *function) link(e ast.Expr, cur, to, free int) int {
	f.at(e)
	settle := func() int {
		if to >= 0 {
			return to
		}
		f.free = free
		return f.reserve(1)
	}
	switch e := e.(type) {
	case *ast.ArithmeticOpExpr:
		op := arithOps[e.Operator]
		if x, ok := f.fold(e.Rhs); ok {
			f.at(e.Rhs)
			r := settle()
			f.emit(makeInstr(op-opAdd+opAddK, r, cur, 0, f.numberConst(x)))
			return r
		}
		f.c.enter(f.line)
		b := f.any(e.Rhs)
		f.c.leave()
		r := settle()
		f.emit(makeInstr(op, r, cur, b, 0))
		return r
	case *ast.AttrGetExpr:
		if s, ok := e.Key.(*ast.StringExpr); ok {
			f.line = s.Line()
			r := settle()
			f.emit(makeInstr(opGetField, r, cur, 0, f.stringConst(s.Value)))
			return r
		}
		if i, ok := smallInt(e.Key); ok {
			r := settle()
			f.emit(makeInstr(opGetInt, r, cur, 0, i))
			return r
		}
		key := f.any(e.Key)
		r := settle()
		f.emit(makeInstr(opGetIndex, r, cur, key, 0))
		return r
	case *ast.FuncCallExpr:
		// The function must be in the next free register.
		base := f.free
		if cur == f.free-1 && cur >= free {
			base = cur
		}
		f.free = base
		f.reserve(1)
		f.callAt(e, cur, base, 2, false)
		f.free = base + 1
		if to >= 0 {
			if to != base {
				f.emit(makeInstr(opMove, to, base, 0, 0))
			}
			return to
		}
		if base != free {
			f.free = free
			r := f.reserve(1)
			f.emit(makeInstr(opMove, r, base, 0, 0))
			return r
		}
		return base
	}
	panic("unreachable")
}

// call compiles a call whose results (want-1 of them, all if want is 0) begin at
// the register that is free now; the caller reserves them.
func (f *function) call(e *ast.FuncCallExpr, want int, tail bool) {
	base := f.free
	inner := e.Func
	if inner == nil {
		inner = e.Receiver
	}
	cur := base
	if leftOperand(inner) != nil {
		f.into(inner, f.reserve(1)) // a chain: see spine
	} else {
		cur = f.any(inner)
	}
	f.free = base
	f.reserve(1)
	f.callAt(e, cur, base, want, tail)
}

// callAt compiles the call e, its function or receiver being in register cur, in
// the registers from base on. base itself is reserved.
func (f *function) callAt(e *ast.FuncCallExpr, cur, base, want int, tail bool) {
	args := 1 // B: 1 + number of arguments
	if e.Receiver != nil && e.Func == nil {
		f.reserve(1)
		f.emit(makeInstr(opSelf, base, cur, 0, f.stringConst(e.Method)))
		args++
	} else if cur != base {
		f.emit(makeInstr(opMove, base, cur, 0, 0))
	}
	for i, a := range e.Args {
		if i == len(e.Args)-1 && isMulti(a) {
			f.multi(a, -1)
			args = 0
			break
		}
		f.next(a)
		args++
	}
	f.line = e.Line()
	if tail {
		f.emit(makeInstr(opTailCall, base, args, 0, 0))
	} else {
		f.emit(makeInstr(opCall, base, args, want, 0))
	}
}

// concat compiles a chain of `..`, which nests to the right: operands side by
// side, then one instruction. A chain too long for the registers is gathered in
// a list.
func (f *function) concat(e *ast.StringConcatOpExpr, r int) {
	const most = 64
	var operands []ast.Expr
	for {
		operands = append(operands, e.Lhs)
		right, ok := e.Rhs.(*ast.StringConcatOpExpr)
		if !ok {
			operands = append(operands, e.Rhs)
			break
		}
		e = right
	}
	free := f.free
	if len(operands) <= most {
		first := f.free
		for _, x := range operands {
			f.next(x)
		}
		f.emit(makeInstr(opConcat, r, first, f.free-1, 0))
		f.free = free
		return
	}
	list := f.reserve(1)
	f.emit(makeInstr(opNewTable, list, 0, 0, min(len(operands), 1<<16)))
	for i, x := range operands {
		inner := f.free
		f.emit(makeInstr(opAppend, list, f.any(x), 0, i+1))
		f.free = inner
	}
	f.emit(makeInstr(opConcatList, r, list, 0, len(operands)))
	f.free = free
}

// ---- conditions

// logicalOperands returns the operands of a chain of one logical operator, which nests
// to the left.
func (f *function) logicalOperands(e *ast.LogicalOpExpr) []ast.Expr {
	list := []ast.Expr{e.Rhs}
	for {
		left, ok := e.Lhs.(*ast.LogicalOpExpr)
		if !ok || left.Operator != e.Operator {
			break
		}
		list = append(list, left.Rhs)
		e = left
	}
	list = append(list, e.Lhs)
	slices.Reverse(list)
	// What cannot decide the chain (1 and x, nil or x) is left out.
	last := len(list) - 1
	kept := list[:0]
	for i, x := range list {
		if truth, known := f.constantTruth(x); i == last || !known || truth != (e.Operator == "and") {
			kept = append(kept, x)
		}
	}
	return kept
}

// constantTruth tells whether a constant, or what C Lua folds to one, counts as true.
func (f *function) constantTruth(e ast.Expr) (truth, known bool) {
	negated := false
	for range 8 { // as many as anyone writes
		not, ok := e.(*ast.UnaryNotOpExpr)
		if !ok {
			break
		}
		e, negated = not.Expr, !negated
	}
	if _, ok := f.fold(e); ok {
		return !negated, true
	}
	switch e.(type) {
	case *ast.TrueExpr, *ast.StringExpr:
		return !negated, true
	case *ast.FalseExpr, *ast.NilExpr:
		return negated, true
	}
	return false, false
}

// logical evaluates a chain of `and` or `or` to a value in r.
func (f *function) logical(e *ast.LogicalOpExpr, r int) {
	list := f.logicalOperands(e)
	stop := 0 // the value that ends the chain
	if e.Operator == "or" {
		stop = 1
	}
	var ends []int
	for _, x := range list[:len(list)-1] {
		// a and b or c: if a is false its value does not matter, only b's does.
		if in, ok := x.(*ast.LogicalOpExpr); ok && e.Operator == "or" && in.Operator == "and" {
			parts := f.logicalOperands(in)
			var skip []int
			for _, p := range parts[:len(parts)-1] {
				skip = append(skip, f.condition(p, false)...)
			}
			f.into(parts[len(parts)-1], r)
			ends = append(ends, f.emit(makeInstr(opTest, r, 0, stop, 0)))
			f.patchHere(skip)
			continue
		}
		f.into(x, r)
		ends = append(ends, f.emit(makeInstr(opTest, r, 0, stop, 0)))
	}
	f.into(list[len(list)-1], r)
	f.patchHere(ends)
}

// condition evaluates e only to jump: it returns the jumps taken if e's truth is
// want, and falls through otherwise.
func (f *function) condition(e ast.Expr, want bool) []int {
	f.c.enter(e.Line())
	defer f.c.leave()
	free := f.free
	jumps := f.conditionOf(e, want)
	f.free = free
	return jumps
}

func (f *function) conditionOf(e ast.Expr, want bool) []int {
	f.at(e)
	if truth, known := f.constantTruth(e); known {
		if truth == want {
			return []int{f.jump()}
		}
		return nil
	}
	switch e := e.(type) {
	case *ast.UnaryNotOpExpr:
		return f.condition(e.Expr, !want)
	case *ast.RelationalOpExpr:
		return []int{f.comparison(e, want)}
	case *ast.LogicalOpExpr:
		list := f.logicalOperands(e)
		last := list[len(list)-1]
		short := e.Operator == "or" // the truth of an operand that decides the chain
		var decided []int
		for _, x := range list[:len(list)-1] {
			decided = append(decided, f.condition(x, short)...)
		}
		jumps := f.condition(last, want)
		if want == short {
			return append(decided, jumps...)
		}
		f.patchHere(decided)
		return jumps
	}
	free := f.free
	r := f.any(e)
	f.free = free
	return []int{f.emit(makeInstr(opTest, r, 0, flag(want), 0))}
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// comparison compiles a comparison that jumps if its result is want. A chain
// (a == b == c) nests to the left and is walked in a loop.
func (f *function) comparison(e *ast.RelationalOpExpr, want bool) int {
	var chain []*ast.RelationalOpExpr
	for {
		chain = append(chain, e)
		left, ok := e.Lhs.(*ast.RelationalOpExpr)
		if !ok {
			break
		}
		e = left
	}
	free := f.free
	if x, ok := f.fold(e.Lhs); ok && len(chain) == 1 {
		if op, ok := flipped[e.Operator]; ok {
			if i, ok := f.shortConst(x); ok { // K < R is R > K
				jump := f.emitCompare(op, f.any(e.Rhs), i, want)
				f.free = free
				return jump
			}
		}
	}
	left := f.any(e.Lhs)
	for i := len(chain) - 1; ; i-- {
		jump := f.compareLink(chain[i], left, want || i > 0)
		f.free = free
		if i == 0 {
			return jump
		}
		// One comparison is the operand of the next: make it a boolean.
		left = f.reserve(1)
		f.truth([]int{jump}, left)
	}
}

var flipped = map[string]opcode{"<": opGtK, "<=": opGeK, ">": opLtK, ">=": opLeK}

func (f *function) compareLink(e *ast.RelationalOpExpr, left int, want bool) int {
	eq := e.Operator == "==" || e.Operator == "~="
	if e.Operator == "~=" {
		want = !want
	}
	if x, ok := f.fold(e.Rhs); ok {
		if i, ok := f.shortConst(x); ok {
			op := map[string]opcode{"==": opEqK, "~=": opEqK, "<": opLtK, "<=": opLeK, ">": opGtK, ">=": opGeK}[e.Operator]
			f.at(e.Rhs)
			return f.emitCompare(op, left, i, want)
		}
	}
	if s, ok := e.Rhs.(*ast.StringExpr); ok && eq {
		if i := f.stringConst(s.Value); i < 256 {
			f.at(e.Rhs)
			return f.emitCompare(opEqK, left, i, want)
		}
	}
	right := f.any(e.Rhs)
	switch e.Operator {
	case "<":
		return f.emitCompare(opLt, left, right, want)
	case "<=":
		return f.emitCompare(opLe, left, right, want)
	case ">":
		return f.emitCompare(opLt, right, left, want)
	case ">=":
		return f.emitCompare(opLe, right, left, want)
	}
	return f.emitCompare(opEq, left, right, want)
}

func (f *function) emitCompare(op opcode, a, b int, want bool) int {
	return f.emit(makeInstr(op, a, b, flag(want), 0))
}

// shortConst returns the index of a number constant if it fits an operand.
func (f *function) shortConst(x float64) (int, bool) {
	if len(f.p.consts) >= 256 {
		i, ok := f.numbers[math.Float64bits(x)]
		return i, ok && i < 256
	}
	return f.numberConst(x), true
}

// ---- constructors

func (f *function) table(e *ast.TableExpr, r int) {
	const batch = 50
	array, fields := 0, 0
	for _, x := range e.Fields {
		if x.Key == nil {
			array++
		} else {
			fields++
		}
	}
	logHash := 0
	for n := 1; fields > 0; n *= 2 {
		logHash++
		if n >= fields || logHash > 24 {
			break
		}
	}
	f.emit(makeInstr(opNewTable, r, logHash, f.record(e, logHash), min(array, 1<<26)))
	// Items gather in the registers right above the table.
	base, start := r, f.free
	if r != f.free-1 {
		base = f.reserve(1)
		f.emit(makeInstr(opMove, base, r, 0, 0))
	}
	free := f.free
	pending, stored := 0, 0
	flush := func(n int) {
		f.emit(makeInstr(opSetList, base, n, 0, stored))
		stored += pending
		pending = 0
		f.free = free
	}
	for i, x := range e.Fields {
		if x.Key != nil {
			inner := f.free
			t := target{object: base}
			if constantKey(x.Key) {
				t.field = x.Key
			} else {
				t.key = f.any(x.Key)
			}
			f.assign(t, x.Value)
			f.free = inner
			continue
		}
		if i == len(e.Fields)-1 && isMulti(x.Value) {
			f.multi(x.Value, -1)
			flush(0)
			break
		}
		f.next(x.Value)
		pending++
		if pending == batch {
			flush(pending)
		}
	}
	if pending > 0 {
		flush(pending)
	}
	f.free = start
}

// maxRecord is the most names in a constructor that are kept as a record.
const maxRecord = 64

// record returns 1 + the number of the record of a constructor whose keys are all
// names, distinct and short; otherwise 0.
func (f *function) record(e *ast.TableExpr, logHash int) int {
	if logHash == 0 || 1<<(logHash-1) > maxRecord || len(f.p.records) >= math.MaxUint8 {
		return 0
	}
	t := newTable(0, 1<<(logHash-1))
	for _, x := range e.Fields {
		if x.Key == nil {
			continue
		}
		s, ok := x.Key.(*ast.StringExpr)
		if !ok {
			return 0
		}
		k := f.p.consts[f.stringConst(s.Value)]
		if k.isLong() || t.find(k, k.object().id) >= 0 {
			return 0
		}
		t.appendEntry(k, k.object().id, Value{})
	}
	f.p.records = append(f.p.records, t)
	f.c.program.bytes += tableBytes(t) + 16
	return len(f.p.records)
}

// closure compiles a nested function and creates it in register r.
func (f *function) closure(e *ast.FunctionExpr, r int, method bool) {
	c := f.c
	line := e.Line()
	c.enter(line)
	g := c.newFunction(f, line)
	g.openBlock(false)
	if method {
		g.parameter("self")
	}
	for _, name := range e.ParList.Names {
		g.parameter(name)
	}
	g.p.vararg = e.ParList.HasVargs
	if g.p.vararg && c.scan.usesArg {
		// LUA_COMPAT_VARARG: a vararg function that does not use `...` has a table
		// of its arguments in `arg`.
		reg := g.reserve(1)
		g.argAt = g.emit(makeInstr(opArgTable, reg, 0, 0, 0))
		g.argTab = g.declare("arg", reg)
	}
	g.statements(e.Stmts)
	last := e.LastLine()
	g.finish(last)
	f.p.protos = append(f.p.protos, g.p)
	f.line = last
	f.emit(makeInstr(opClosure, r, 0, 0, len(f.p.protos)-1))
	c.leave()
}

func (f *function) parameter(name string) {
	f.declare(name, f.reserve(1))
	f.p.params++
}
