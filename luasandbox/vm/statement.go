package vm

import "github.com/yuin/gopher-lua/ast"

// statements compiles a block's body in the current scope.
func (f *function) statements(list []ast.Stmt) {
	tail := len(list) // the statements from here on are labels
	for tail > 0 {
		if _, ok := list[tail-1].(*ast.LabelStmt); !ok {
			break
		}
		tail--
	}
	for i, s := range list {
		f.line = s.Line()
		if l, ok := s.(*ast.LabelStmt); ok {
			f.labelStatement(l.Name, i >= tail && !f.block.until)
			continue
		}
		f.c.enter(f.line)
		f.statement(s)
		f.c.leave()
	}
}

// body compiles list as a scope of its own.
func (f *function) body(list []ast.Stmt) {
	f.openBlock(false)
	f.statements(list)
	f.closeBlock(true)
}

func (f *function) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		f.localStatement(s)
	case *ast.AssignStmt:
		f.assignStatement(s)
	case *ast.FuncCallStmt:
		f.callStatement(s)
	case *ast.DoBlockStmt:
		f.body(s.Stmts)
	case *ast.WhileStmt:
		f.whileStatement(s)
	case *ast.RepeatStmt:
		f.repeatStatement(s)
	case *ast.IfStmt:
		f.ifStatement(s)
	case *ast.NumberForStmt:
		f.numericFor(s)
	case *ast.GenericForStmt:
		f.genericFor(s)
	case *ast.FuncDefStmt:
		f.functionStatement(s)
	case *ast.ReturnStmt:
		f.returnStatement(s)
	case *ast.BreakStmt:
		f.breakStatement()
	case *ast.GotoStmt:
		f.gotoStatement(s.Label)
	default:
		f.c.fail(f.line, "", "unknown statement %T", s)
	}
}

func (f *function) localStatement(s *ast.LocalAssignStmt) {
	// The parser gives `local function f` and `local f = function` the same node;
	// only the former has its last line set. In the former, f is in scope in its
	// own body.
	if fn, ok := localFunction(s); ok {
		reg := f.reserve(1)
		v := f.declare(s.Names[0], reg)
		f.closure(fn, reg, false)
		f.p.locals[v.info].from = int32(f.pc())
		return
	}
	first := f.free
	f.exprList(s.Exprs, len(s.Names))
	for i, name := range s.Names {
		f.declare(name, first+i)
	}
}

func localFunction(s *ast.LocalAssignStmt) (*ast.FunctionExpr, bool) {
	if s.LastLine() == 0 || len(s.Names) != 1 || len(s.Exprs) != 1 {
		return nil, false
	}
	fn, ok := s.Exprs[0].(*ast.FunctionExpr)
	return fn, ok
}

// exprList evaluates list into consecutive new registers, adjusted to n values.
func (f *function) exprList(list []ast.Expr, n int) {
	for i, e := range list {
		if i == len(list)-1 && n > i && isMulti(e) {
			f.multi(e, n-i)
			return
		}
		if i >= n {
			// More values than wanted: evaluated for their effects, and dropped.
			free := f.free
			f.next(e)
			f.free = free
			continue
		}
		f.next(e)
	}
	if missing := n - len(list); missing > 0 {
		r := f.reserve(missing)
		f.emit(makeInstr(opLoadNil, r, r+missing-1, 0, 0))
	}
}

// target is the left side of an assignment, with its operands evaluated.
type target struct {
	local  *local // a variable, of this function or an enclosing one; or
	name   string // a global; or a field of a table:
	object int
	key    int      // register of the key, if constant is not set
	field  ast.Expr // constant key: *ast.StringExpr or *ast.NumberExpr
}

func (f *function) assignStatement(s *ast.AssignStmt) {
	if len(s.Lhs) == 1 && len(s.Rhs) == 1 {
		f.assignOne(s.Lhs[0], s.Rhs[0])
		return
	}
	free := f.free
	assigned := map[*local]bool{}
	for _, e := range s.Lhs {
		if id, ok := e.(*ast.IdentExpr); ok {
			if v := f.lookup(id.Value); v != nil && v.fn == f {
				assigned[v] = true
			}
		}
	}
	targets := make([]target, len(s.Lhs))
	for i, e := range s.Lhs {
		targets[i] = f.target(e, assigned)
	}
	first := f.free
	f.exprList(s.Rhs, len(s.Lhs))
	for i := len(targets) - 1; i >= 0; i-- {
		f.store(targets[i], first+i)
	}
	f.free = free
}

func (f *function) assignOne(lhs, rhs ast.Expr) {
	free := f.free
	t := f.target(lhs, nil)
	switch {
	case t.local != nil && t.local.fn == f:
		f.into(rhs, t.local.reg)
	default:
		f.assign(t, rhs)
	}
	f.free = free
}

// target evaluates the operands of an assignment's left side. A variable that
// the same statement assigns to is copied first if it is an operand.
func (f *function) target(e ast.Expr, assigned map[*local]bool) target {
	switch e := e.(type) {
	case *ast.IdentExpr:
		if v := f.lookup(e.Value); v != nil {
			return target{local: v}
		}
		return target{name: e.Value}
	case *ast.AttrGetExpr:
		t := target{object: f.operand(e.Object, assigned)}
		if constantKey(e.Key) {
			t.field = e.Key
		} else {
			t.key = f.operand(e.Key, assigned)
		}
		return t
	}
	f.c.fail(e.Line(), "", "cannot assign to this expression")
	return target{}
}

func (f *function) operand(e ast.Expr, assigned map[*local]bool) int {
	if id, ok := e.(*ast.IdentExpr); ok {
		if v := f.lookup(id.Value); v != nil && assigned[v] {
			return f.next(e)
		}
	}
	return f.any(e)
}

// assign evaluates e and stores it. A constant goes straight into a table.
func (f *function) assign(t target, e ast.Expr) {
	if t.local == nil && t.name == "" {
		if k, ok := f.constant(e); ok {
			f.at(e)
			if i, ok := smallInt(t.field); ok && k < 256 {
				f.emit(makeInstr(opSetIntK, t.object, k, 0, i))
				return
			} else if s, ok := t.field.(*ast.StringExpr); ok && k < 256 {
				f.emit(makeInstr(opSetFieldK, t.object, k, 0, f.stringConst(s.Value)))
				return
			} else if t.field == nil {
				f.emit(makeInstr(opSetIndexK, t.object, t.key, 0, k))
				return
			}
		}
	}
	f.store(t, f.any(e))
}

func (f *function) store(t target, from int) {
	switch {
	case t.local != nil && t.local.fn == f:
		if t.local.reg != from {
			f.emit(makeInstr(opMove, t.local.reg, from, 0, 0))
		}
	case t.local != nil:
		f.emit(makeInstr(opSetUp, from, f.upvalue(t.local), 0, 0))
	case t.field != nil:
		if i, ok := smallInt(t.field); ok {
			f.emit(makeInstr(opSetInt, t.object, from, 0, i))
		} else if s, ok := t.field.(*ast.StringExpr); ok {
			f.emit(makeInstr(opSetField, t.object, from, 0, f.stringConst(s.Value)))
		}
	case t.name != "":
		f.emit(makeInstr(opSetGlobal, from, 0, 0, f.stringConst(t.name)))
	default:
		f.emit(makeInstr(opSetIndex, t.object, t.key, from, 0))
	}
}

func (f *function) callStatement(s *ast.FuncCallStmt) {
	call, ok := s.Expr.(*ast.FuncCallExpr)
	if !ok || call.AdjustRet {
		f.c.fail(f.line, "", "syntax error: only a call can be a statement")
	}
	free := f.free
	f.call(call, 1, false)
	f.free = free
}

func (f *function) whileStatement(s *ast.WhileStmt) {
	start := f.pc()
	free := f.free
	exits := f.condition(s.Condition, false)
	f.free = free
	b := f.openBlock(true)
	f.statements(s.Stmts)
	f.closeBlock(true)
	f.line = s.LastLine()
	f.patch(f.jump(), start)
	f.patchHere(exits)
	f.patchHere(b.breaks)
}

// repeatStatement: the condition sees the body's variables, so the scope ends
// after it, on both ways out.
func (f *function) repeatStatement(s *ast.RepeatStmt) {
	loop := f.openBlock(true)
	start := f.pc()
	inner := f.openBlock(false)
	inner.until = true
	f.statements(s.Stmts)
	f.line = s.LastLine()
	free := f.free
	again := f.condition(s.Condition, false)
	f.free = free
	if inner.captured {
		// Fall through when the condition is true: close and leave. When it is
		// false: close and go back.
		f.emit(makeInstr(opClose, inner.base, 0, 0, 0))
		done := f.jump()
		f.patchHere(again)
		f.emit(makeInstr(opClose, inner.base, 0, 0, 0))
		f.patch(f.jump(), start)
		f.patch(done, f.pc())
	} else {
		for _, at := range again {
			f.patch(at, start)
		}
	}
	f.closeBlock(false)
	f.closeBlock(false)
	f.patchHere(loop.breaks)
}

// ifStatement walks an elseif chain, which the parser nests, in a loop.
func (f *function) ifStatement(s *ast.IfStmt) {
	var ends []int
	for {
		free := f.free
		otherwise := f.condition(s.Condition, false)
		f.free = free
		f.body(s.Then)
		if len(s.Else) == 0 {
			f.patchHere(otherwise)
			break
		}
		ends = append(ends, f.jump())
		f.patchHere(otherwise)
		next, ok := s.Else[0].(*ast.IfStmt)
		if !ok || len(s.Else) != 1 {
			f.body(s.Else)
			break
		}
		s = next
		f.line = s.Line()
	}
	f.patchHere(ends)
}

func (f *function) numericFor(s *ast.NumberForStmt) {
	line := s.Line()
	outer := f.openBlock(true)
	base := f.next(s.Init)
	f.next(s.Limit)
	if s.Step != nil {
		f.next(s.Step)
	} else {
		r := f.reserve(1)
		f.emit(makeInstr(opLoadK, r, 0, 0, f.numberConst(1)))
	}
	f.declare("(for index)", base)
	f.declare("(for limit)", base+1)
	f.declare("(for step)", base+2)
	prep := f.emit(makeInstr(opForPrep, base, 0, 0, 0))
	f.openBlock(false)
	f.declare(s.Name, f.reserve(1))
	start := f.pc()
	f.statements(s.Stmts)
	f.closeBlock(true)
	f.line = line
	f.patch(prep, f.pc())
	f.patch(f.emit(makeInstr(opForLoop, base, 0, 0, 0)), start)
	f.closeBlock(false)
	f.patchHere(outer.breaks)
}

func (f *function) genericFor(s *ast.GenericForStmt) {
	line := s.Exprs[0].Line()
	outer := f.openBlock(true)
	base := f.free
	f.exprList(s.Exprs, 3)
	f.declare("(for generator)", base)
	f.declare("(for state)", base+1)
	f.declare("(for control)", base+2)
	f.line = line
	enter := f.jump()
	f.openBlock(false)
	// The iterator is called in the registers of the variables and needs three.
	vars := f.reserve(len(s.Names))
	if extra := 3 - len(s.Names); extra > 0 {
		f.reserve(extra)
		f.free -= extra
	}
	for i, name := range s.Names {
		f.declare(name, vars+i)
	}
	start := f.pc()
	f.statements(s.Stmts)
	f.closeBlock(true)
	f.line = line
	f.patch(enter, f.pc())
	f.patch(f.emit(makeInstr(opTFor, base, 0, len(s.Names), 0)), start)
	f.closeBlock(false)
	f.patchHere(outer.breaks)
}

func (f *function) functionStatement(s *ast.FuncDefStmt) {
	free := f.free
	if s.Name.Method != "" {
		object := f.any(s.Name.Receiver)
		r := f.reserve(1)
		f.closure(s.Func, r, true)
		f.line = s.Line()
		f.emit(makeInstr(opSetField, object, r, 0, f.stringConst(s.Name.Method)))
	} else {
		t := f.target(s.Name.Func, nil)
		if t.local != nil && t.local.fn == f {
			f.closure(s.Func, t.local.reg, false)
		} else {
			r := f.reserve(1)
			f.closure(s.Func, r, false)
			f.line = s.Line()
			f.store(t, r)
		}
	}
	f.free = free
}

func (f *function) returnStatement(s *ast.ReturnStmt) {
	free := f.free
	switch n := len(s.Exprs); {
	case n == 0:
		f.emit(makeInstr(opReturn0, 0, 1, 0, 0))
	case n == 1 && isTailCall(s.Exprs[0]):
		f.call(s.Exprs[0].(*ast.FuncCallExpr), 0, true)
	case n == 1 && !isMulti(s.Exprs[0]):
		f.emit(makeInstr(opReturn1, f.any(s.Exprs[0]), 2, 0, 0))
	default:
		first := f.free
		for i, e := range s.Exprs {
			if i == n-1 && isMulti(e) {
				f.multi(e, -1)
				f.emit(makeInstr(opReturn, first, 0, 0, 0))
				f.free = free
				return
			}
			f.next(e)
		}
		f.emit(makeInstr(opReturn, first, n+1, 0, 0))
	}
	f.free = free
}

func isTailCall(e ast.Expr) bool {
	call, ok := e.(*ast.FuncCallExpr)
	return ok && !call.AdjustRet
}

func (f *function) breakStatement() {
	b := f.block
	for b != nil && !b.loop {
		b = b.outer
	}
	if b == nil {
		f.c.fail(f.line, "break", "no loop to break")
	}
	pc := f.jump()
	f.jumps = append(f.jumps, leap{pc, f.block, b.outer, maxRegisters})
	b.breaks = append(b.breaks, pc)
}
