package gate

import "github.com/yuin/gopher-lua/ast"

// variable is one local variable of a file.
type variable struct {
	// value is what it is, where it is given a value once, by one expression; nil if
	// nobody can tell, as of a parameter.
	value  ast.Expr
	values int // how often it is given one
}

// single returns the one expression that v can be, nil if nobody can tell.
func (v *variable) single() ast.Expr {
	if v.values != 1 {
		return nil
	}
	return v.value
}

func (v *variable) assign(e ast.Expr) {
	v.values++
	v.value = e
}

// reference is what a name in an expression means.
type reference struct {
	local *variable // nil: a global variable
	at    spot
}

// resolved tells of each name in a file what it means, and of names and loops where
// they stand.
type resolved struct {
	names map[*ast.IdentExpr]reference
	loops map[ast.Stmt]spot
	// assigned are the global variables that are given a value, by name, with what
	// they are given if that happens once.
	assigned map[string]*variable
	firstAt  map[string]spot // the first assignment
	steps    int             // that the walk took
}

// binding is a name in scope, and what it hides.
type binding struct {
	v     *variable
	outer *binding
}

// resolver finds the variables that names mean. It goes over the tree in the order of
// the text, with a stack of its own.
type resolver struct {
	out   *resolved
	spots map[string][]spot
	bound map[string]*binding
	log   []string // names in the order in which they were bound
	marks []int    // lengths of log, for each open scope
	stack []step
}

// step is something that is yet to be done.
type step struct {
	op   stepKind
	n    int32
	expr ast.Expr
	*lists
}

// lists are what few steps have: the stack may have as many as a text has characters.
type lists struct {
	stmts []ast.Stmt
	exprs []ast.Expr
	names []string
}

type stepKind uint8

const (
	doStmts  stepKind = iota // the first of stmts, and then the others
	doExprs                  // the first of exprs, and then the others
	doExpr                   // expr
	doFields                 // those of expr, a table, from n
	doTarget                 // expr is assigned exprs[0], or without lists what nobody can tell
	doLocals                 // names begin, with exprs
	doParams                 // names begin, with what nobody can tell
	doOpen                   // a scope begins
	doClose                  // and ends
)

// resolve looks at a tree, whose names stand at spots, which are used up. Time and
// memory are linear in the tree.
func resolve(chunk []ast.Stmt, spots map[string][]spot) *resolved {
	r := &resolver{spots: spots, bound: map[string]*binding{}, out: &resolved{
		names: map[*ast.IdentExpr]reference{}, loops: map[ast.Stmt]spot{},
		assigned: map[string]*variable{}, firstAt: map[string]spot{},
	}}
	r.push(step{op: doStmts, lists: &lists{stmts: chunk}})
	for len(r.stack) > 0 {
		s := r.stack[len(r.stack)-1]
		r.stack = r.stack[:len(r.stack)-1]
		r.out.steps++
		r.do(s)
	}
	return r.out
}

// push has steps done, the first one next.
func (r *resolver) push(steps ...step) {
	for i := len(steps) - 1; i >= 0; i-- {
		r.stack = append(r.stack, steps[i])
	}
}

func (r *resolver) do(s step) {
	switch s.op {
	case doStmts:
		if int(s.n) < len(s.stmts) {
			stmt := s.stmts[s.n]
			s.n++
			r.push(s)
			r.stmt(stmt)
		}
	case doExprs:
		if int(s.n) < len(s.exprs) {
			e := s.exprs[s.n]
			s.n++
			r.push(s)
			r.expr(e)
		}
	case doExpr:
		r.expr(s.expr)
	case doFields:
		if fields := s.expr.(*ast.TableExpr).Fields; int(s.n) < len(fields) {
			f := fields[s.n]
			s.n++
			r.push(step{op: doExpr, expr: f.Value}, s)
			if f.Key != nil {
				r.push(step{op: doExpr, expr: f.Key})
			}
		}
	case doTarget:
		r.target(s.expr, s.lists)
	case doLocals:
		for i, name := range s.names {
			v := r.bind(name)
			if i < len(s.exprs) {
				v.assign(s.exprs[i])
			} else if len(s.exprs) > 0 && multi(s.exprs[len(s.exprs)-1]) {
				v.assign(nil)
			}
		}
	case doParams:
		for _, name := range s.names {
			r.bind(name).assign(nil)
		}
	case doOpen:
		r.marks = append(r.marks, len(r.log))
	case doClose:
		mark := r.marks[len(r.marks)-1]
		r.marks = r.marks[:len(r.marks)-1]
		for len(r.log) > mark {
			name := r.log[len(r.log)-1]
			r.log = r.log[:len(r.log)-1]
			if outer := r.bound[name].outer; outer == nil {
				delete(r.bound, name)
			} else {
				r.bound[name] = outer
			}
		}
	}
}

// multi reports whether an expression may have several values.
func multi(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

func (r *resolver) bind(name string) *variable {
	v := &variable{}
	r.bound[name] = &binding{v: v, outer: r.bound[name]}
	r.log = append(r.log, name)
	return v
}

// spot returns the place of the next occurrence of a word, which is on that line or,
// behind a parenthesis, on a later one.
func (r *resolver) spot(word string, line int) spot {
	list := r.spots[word]
	for len(list) > 0 && int(list[0].line) < line {
		list = list[1:]
	}
	if len(list) == 0 {
		return spot{int32(line), 1}
	}
	r.spots[word] = list[1:]
	return list[0]
}

func (r *resolver) name(e *ast.IdentExpr) reference {
	ref := reference{at: r.spot(e.Value, e.Line())}
	if b := r.bound[e.Value]; b != nil {
		ref.local = b.v
	}
	r.out.names[e] = ref
	return ref
}

// target looks at what is assigned to.
func (r *resolver) target(e ast.Expr, values *lists) {
	name, ok := e.(*ast.IdentExpr)
	if !ok {
		r.expr(e)
		return
	}
	var value ast.Expr
	if values != nil {
		value = values.exprs[0]
	}
	ref := r.name(name)
	v := ref.local
	if v == nil {
		if v = r.out.assigned[name.Value]; v == nil {
			v = &variable{}
			r.out.assigned[name.Value], r.out.firstAt[name.Value] = v, ref.at
		}
	}
	v.assign(value)
}

func (r *resolver) stmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		r.push(step{op: doExprs, lists: &lists{exprs: s.Rhs}})
		for i := len(s.Lhs) - 1; i >= 0; i-- {
			r.push(step{op: doTarget, expr: s.Lhs[i], lists: values(s.Rhs, i)})
		}
	case *ast.LocalAssignStmt:
		if isLocalFunction(s) {
			r.bind(s.Names[0]).assign(s.Exprs[0])
			r.push(step{op: doExprs, lists: &lists{exprs: s.Exprs}})
			return
		}
		r.push(step{op: doExprs, lists: &lists{exprs: s.Exprs}}, step{op: doLocals, lists: &lists{names: s.Names, exprs: s.Exprs}})
	case *ast.FuncCallStmt:
		r.expr(s.Expr)
	case *ast.DoBlockStmt:
		r.push(step{op: doOpen}, step{op: doStmts, lists: &lists{stmts: s.Stmts}}, step{op: doClose})
	case *ast.WhileStmt:
		r.out.loops[s] = r.spot("while", s.Line())
		r.push(step{op: doExpr, expr: s.Condition}, step{op: doOpen}, step{op: doStmts, lists: &lists{stmts: s.Stmts}}, step{op: doClose})
	case *ast.RepeatStmt: // the condition sees the variables of the block
		r.out.loops[s] = r.spot("repeat", s.Line())
		r.push(step{op: doOpen}, step{op: doStmts, lists: &lists{stmts: s.Stmts}}, step{op: doExpr, expr: s.Condition}, step{op: doClose})
	case *ast.IfStmt:
		r.push(step{op: doExpr, expr: s.Condition},
			step{op: doOpen}, step{op: doStmts, lists: &lists{stmts: s.Then}}, step{op: doClose},
			step{op: doOpen}, step{op: doStmts, lists: &lists{stmts: s.Else}}, step{op: doClose})
	case *ast.NumberForStmt:
		r.out.loops[s] = r.spot("for", s.Line())
		r.push(step{op: doExprs, lists: &lists{exprs: bounds(s)}}, step{op: doOpen}, step{op: doParams, lists: &lists{names: []string{s.Name}}},
			step{op: doStmts, lists: &lists{stmts: s.Stmts}}, step{op: doClose})
	case *ast.GenericForStmt:
		r.out.loops[s] = r.spot("for", s.Line())
		r.push(step{op: doExprs, lists: &lists{exprs: s.Exprs}}, step{op: doOpen}, step{op: doParams, lists: &lists{names: s.Names}},
			step{op: doStmts, lists: &lists{stmts: s.Stmts}}, step{op: doClose})
	case *ast.FuncDefStmt:
		r.function(s.Func, s.Name.Func == nil)
		if s.Name.Func == nil {
			r.push(step{op: doExpr, expr: s.Name.Receiver})
		} else {
			r.push(step{op: doTarget, expr: s.Name.Func, lists: &lists{exprs: []ast.Expr{s.Func}}})
		}
	case *ast.ReturnStmt:
		r.push(step{op: doExprs, lists: &lists{exprs: s.Exprs}})
	}
}

// values is what the i-th of several variables is assigned; nil if nobody can tell.
func values(exprs []ast.Expr, i int) *lists {
	if i >= len(exprs) {
		return nil
	}
	return &lists{exprs: exprs[i : i+1]}
}

// isLocalFunction tells local function f from local f = function, which are the same
// node: only the former has its last line set. There f is in scope in its own body.
func isLocalFunction(s *ast.LocalAssignStmt) bool {
	if s.LastLine() == 0 || len(s.Names) != 1 || len(s.Exprs) != 1 {
		return false
	}
	_, ok := s.Exprs[0].(*ast.FunctionExpr)
	return ok
}

func bounds(s *ast.NumberForStmt) []ast.Expr {
	if s.Step == nil {
		return []ast.Expr{s.Init, s.Limit}
	}
	return []ast.Expr{s.Init, s.Limit, s.Step}
}

// function looks at a function's body; a method has self.
func (r *resolver) function(f *ast.FunctionExpr, method bool) {
	var implicit []string
	if method {
		implicit = append(implicit, "self")
	}
	if f.ParList.HasVargs {
		implicit = append(implicit, "arg")
	}
	r.push(step{op: doOpen}, step{op: doParams, lists: &lists{names: implicit}}, step{op: doParams, lists: &lists{names: f.ParList.Names}},
		step{op: doStmts, lists: &lists{stmts: f.Stmts}}, step{op: doClose})
}

func (r *resolver) expr(expr ast.Expr) {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		r.name(e)
	case *ast.AttrGetExpr:
		r.pair(e.Object, e.Key)
	case *ast.TableExpr:
		r.push(step{op: doFields, expr: e})
	case *ast.FuncCallExpr:
		r.push(step{op: doExprs, lists: &lists{exprs: e.Args}})
		if e.Receiver != nil {
			r.push(step{op: doExpr, expr: e.Receiver})
		} else {
			r.push(step{op: doExpr, expr: e.Func})
		}
	case *ast.LogicalOpExpr:
		r.pair(e.Lhs, e.Rhs)
	case *ast.RelationalOpExpr:
		r.pair(e.Lhs, e.Rhs)
	case *ast.StringConcatOpExpr:
		r.pair(e.Lhs, e.Rhs)
	case *ast.ArithmeticOpExpr:
		r.pair(e.Lhs, e.Rhs)
	case *ast.UnaryMinusOpExpr:
		r.push(step{op: doExpr, expr: e.Expr})
	case *ast.UnaryNotOpExpr:
		r.push(step{op: doExpr, expr: e.Expr})
	case *ast.UnaryLenOpExpr:
		r.push(step{op: doExpr, expr: e.Expr})
	case *ast.FunctionExpr:
		r.function(e, false)
	}
}

func (r *resolver) pair(a, b ast.Expr) { r.push(step{op: doExpr, expr: a}, step{op: doExpr, expr: b}) }
