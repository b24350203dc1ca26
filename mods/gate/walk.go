package gate

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"
)

// use is what is done with the value of an expression.
type use uint8

const (
	asValue   use = iota // it goes somewhere
	asTest               // it is only asked whether it is there
	asTable              // something is looked up in it
	asCallee             // it is called
	asHandled            // told elsewhere
)

// walker holds one file against the rules. It goes over the tree in the order of the
// text, with a stack of its own, and knows at each place which globals were found not
// to be nil.
type walker struct {
	in     *inspection
	path   string
	r      *resolved
	flows  flows
	stack  []act
	guards map[string]int
	blocks [][]string // what was found not to be nil for the rest of each open block
	chars  int        // calls of string.char with constants
}

// act is something that is yet to be done.
type act struct {
	op   actKind
	use  use
	n    int32
	expr ast.Expr
	*rest
}

// rest is what few acts have: the stack may have as many as a text has characters.
type rest struct {
	stmts []ast.Stmt
	exprs []ast.Expr
	names []string
	flow  *flow
}

type actKind uint8

const (
	walkBlock   actKind = iota // a block with stmts
	walkStmts                  // the first of stmts, and then the others
	walkExprs                  // the first of exprs, and then the others
	walkExpr                   // expr
	walkFields                 // those of expr, a table, from n
	walkTarget                 // expr is assigned
	walkGuard                  // names are not nil
	walkUnguard                // that ends
	walkPersist                // names are not nil for the rest of the block
	walkEnd                    // a block ends
	walkEnter                  // a flow begins
	walkLeave                  // and ends
)

// walk holds a file against the rules.
func walk(in *inspection, path string, chunk []ast.Stmt, r *resolved) {
	w := &walker{in: in, path: path, r: r, guards: map[string]int{}}
	w.flows = flows{r: r, known: in.described, of: map[*ast.FunctionExpr]*flow{}}
	w.push(act{op: walkEnter, rest: &rest{flow: &flow{function: true}}}, act{op: walkBlock, rest: &rest{stmts: chunk}}, act{op: walkLeave})
	for len(w.stack) > 0 {
		a := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		in.steps++
		w.do(a)
	}
	for _, loop := range w.flows.endless() {
		in.add("endless-loop", Error, w.at(loop.at), "", "", "this loop (%s) has no end: nothing in it breaks, returns, raises an error or waits", loop.what)
	}
}

func (w *walker) at(s spot) place { return place{w.path, int(s.line), int(s.column)} }

// push has acts done, the first one next.
func (w *walker) push(acts ...act) {
	for _, a := range slices.Backward(acts) {
		w.stack = append(w.stack, a)
	}
}

func (w *walker) do(a act) {
	switch a.op {
	case walkBlock:
		w.blocks = append(w.blocks, nil)
		w.push(act{op: walkEnd})
		w.block(a.stmts)
	case walkStmts:
		if int(a.n) < len(a.stmts) {
			s := a.stmts[a.n]
			a.n++
			w.push(a)
			w.flows.stmt(s)
			w.stmt(s)
		}
	case walkExprs:
		if int(a.n) < len(a.exprs) {
			e := a.exprs[a.n]
			a.n++
			w.push(a)
			w.expr(e, a.use)
		}
	case walkExpr:
		w.expr(a.expr, a.use)
	case walkFields:
		if fields := a.expr.(*ast.TableExpr).Fields; int(a.n) < len(fields) {
			f := fields[a.n]
			a.n++
			w.push(act{op: walkExpr, expr: f.Value}, a)
			if f.Key != nil {
				w.push(act{op: walkExpr, expr: f.Key})
			}
		}
	case walkTarget:
		w.target(a.expr)
	case walkGuard:
		w.guard(a.names, 1)
	case walkUnguard:
		w.guard(a.names, -1)
	case walkPersist:
		w.guard(a.names, 1)
		w.blocks[len(w.blocks)-1] = append(w.blocks[len(w.blocks)-1], a.names...)
	case walkEnd:
		w.guard(w.blocks[len(w.blocks)-1], -1)
		w.blocks = w.blocks[:len(w.blocks)-1]
	case walkEnter:
		w.flows.enter(a.flow)
	case walkLeave:
		w.flows.leave()
	}
}

func (w *walker) guard(names []string, n int) {
	for _, name := range names {
		if w.guards[name] += n; w.guards[name] == 0 {
			delete(w.guards, name)
		}
	}
}

// block walks the statements of a block. A label with a goto behind it, both in the
// block itself, is a loop without a condition.
func (w *walker) block(stmts []ast.Stmt) {
	from, to := -1, -1
	labels := map[string]int{}
	for i, s := range stmts {
		switch s := s.(type) {
		case *ast.LabelStmt:
			if _, twice := labels[s.Name]; !twice {
				labels[s.Name] = i
			}
		case *ast.GotoStmt:
			if at, ok := labels[s.Label]; ok && (from < 0 || at == from) {
				from, to = at, i
			}
		}
	}
	if from < 0 {
		w.push(act{op: walkStmts, rest: &rest{stmts: stmts}})
		return
	}
	name := stmts[from].(*ast.LabelStmt).Name
	loop := &flow{jump: true, endless: true, at: spot{int32(stmts[from].Line()), 1}, what: "from ::" + clip(name) + ":: to goto " + clip(name)}
	w.push(act{op: walkStmts, rest: &rest{stmts: stmts[:from]}}, act{op: walkEnter, rest: &rest{flow: loop}}, act{op: walkStmts, rest: &rest{stmts: stmts[from : to+1]}},
		act{op: walkLeave}, act{op: walkStmts, rest: &rest{stmts: stmts[to+1:]}})
}

// leaves reports whether what follows a block is not come to from its end.
func (w *walker) leaves(stmts []ast.Stmt) bool {
	if len(stmts) == 0 {
		return false
	}
	switch s := stmts[len(stmts)-1].(type) {
	case *ast.ReturnStmt, *ast.BreakStmt, *ast.GotoStmt:
		return true
	case *ast.FuncCallStmt:
		call, ok := s.Expr.(*ast.FuncCallExpr)
		return ok && call.Func != nil && w.r.isGlobal(call.Func, "error")
	}
	return false
}

func (w *walker) stmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		w.push(act{op: walkExprs, rest: &rest{exprs: s.Rhs}})
		for _, e := range slices.Backward(s.Lhs) {
			w.push(act{op: walkTarget, expr: e})
		}
	case *ast.LocalAssignStmt:
		w.push(act{op: walkExprs, rest: &rest{exprs: s.Exprs}})
	case *ast.FuncCallStmt:
		if call, ok := s.Expr.(*ast.FuncCallExpr); ok && call.Func != nil && w.r.isGlobal(call.Func, "assert") && len(call.Args) > 0 {
			w.push(act{op: walkPersist, rest: &rest{names: w.r.implied(call.Args[0], true)}})
		}
		w.expr(s.Expr, asHandled)
	case *ast.DoBlockStmt:
		w.push(act{op: walkBlock, rest: &rest{stmts: s.Stmts}})
	case *ast.WhileStmt:
		loop := &flow{endless: w.constant(s.Condition, true), at: w.r.loops[s], what: "while"}
		there := w.r.implied(s.Condition, true)
		w.push(act{op: walkEnter, rest: &rest{flow: loop}}, act{op: walkExpr, expr: s.Condition, use: asTest}, act{op: walkGuard, rest: &rest{names: there}},
			act{op: walkBlock, rest: &rest{stmts: s.Stmts}}, act{op: walkUnguard, rest: &rest{names: there}}, act{op: walkLeave})
	case *ast.RepeatStmt:
		loop := &flow{endless: w.constant(s.Condition, false), at: w.r.loops[s], what: "repeat"}
		w.push(act{op: walkEnter, rest: &rest{flow: loop}}, act{op: walkBlock, rest: &rest{stmts: s.Stmts}}, act{op: walkExpr, expr: s.Condition, use: asTest}, act{op: walkLeave})
	case *ast.IfStmt:
		there, gone := w.r.implied(s.Condition, true), w.r.implied(s.Condition, false)
		w.push(act{op: walkExpr, expr: s.Condition, use: asTest},
			act{op: walkGuard, rest: &rest{names: there}}, act{op: walkBlock, rest: &rest{stmts: s.Then}}, act{op: walkUnguard, rest: &rest{names: there}})
		var after []act
		if len(s.Else) > 0 {
			after = append(after, act{op: walkGuard, rest: &rest{names: gone}}, act{op: walkBlock, rest: &rest{stmts: s.Else}}, act{op: walkUnguard, rest: &rest{names: gone}})
		}
		if len(gone) > 0 && w.leaves(s.Then) {
			after = append(after, act{op: walkPersist, rest: &rest{names: gone}})
		}
		w.insert(4, after)
	case *ast.NumberForStmt:
		loop := &flow{endless: w.forEver(s), at: w.r.loops[s], what: "for"}
		w.push(act{op: walkExprs, rest: &rest{exprs: bounds(s)}}, act{op: walkEnter, rest: &rest{flow: loop}}, act{op: walkBlock, rest: &rest{stmts: s.Stmts}}, act{op: walkLeave})
	case *ast.GenericForStmt:
		w.push(act{op: walkExprs, rest: &rest{exprs: s.Exprs}}, act{op: walkEnter, rest: &rest{flow: &flow{}}}, act{op: walkBlock, rest: &rest{stmts: s.Stmts}}, act{op: walkLeave})
	case *ast.FuncDefStmt:
		w.function(s.Func)
		if s.Name.Func != nil {
			w.push(act{op: walkTarget, expr: s.Name.Func})
			return
		}
		if at, ok := w.r.pathOf(s.Name.Receiver); ok && at.member == "" {
			root, _ := w.r.rootAt(s.Name.Receiver)
			w.write(at.table, s.Name.Method, w.at(root))
		}
		w.push(act{op: walkExpr, expr: s.Name.Receiver, use: asTable})
	case *ast.ReturnStmt:
		w.push(act{op: walkExprs, rest: &rest{exprs: s.Exprs}})
	}
}

// function walks the body of a function.
func (w *walker) function(f *ast.FunctionExpr) {
	n := &flow{function: true}
	w.flows.of[f] = n
	w.push(act{op: walkEnter, rest: &rest{flow: n}}, act{op: walkBlock, rest: &rest{stmts: f.Stmts}}, act{op: walkLeave})
}

func (w *walker) expr(expr ast.Expr, u use) {
	switch e := expr.(type) {
	case *ast.IdentExpr:
		w.name(e, u)
	case *ast.AttrGetExpr:
		w.field(e, u)
	case *ast.TableExpr:
		w.push(act{op: walkFields, expr: e})
	case *ast.FuncCallExpr:
		w.flows.call(e)
		w.call(e)
	case *ast.LogicalOpExpr:
		there := w.r.implied(e.Lhs, e.Operator == "and")
		if at, ok := w.r.pathOf(e.Lhs); ok && e.Operator == "or" && library[at.owner()][at.name()] {
			u = asTest // unpack or table.unpack: it does not come to that
		}
		if len(there) == 0 {
			w.push(act{op: walkExpr, expr: e.Lhs, use: asTest}, act{op: walkExpr, expr: e.Rhs, use: u})
			return
		}
		names := &rest{names: there}
		w.push(act{op: walkExpr, expr: e.Lhs, use: asTest}, act{op: walkGuard, rest: names},
			act{op: walkExpr, expr: e.Rhs, use: u}, act{op: walkUnguard, rest: names})
	case *ast.RelationalOpExpr:
		left, right := asValue, asValue
		if e.Operator == "==" || e.Operator == "~=" {
			left, right = w.comparedWith(e.Rhs), w.comparedWith(e.Lhs)
		}
		w.push(act{op: walkExpr, expr: e.Lhs, use: left}, act{op: walkExpr, expr: e.Rhs, use: right})
	case *ast.StringConcatOpExpr:
		w.push(act{op: walkExpr, expr: e.Lhs}, act{op: walkExpr, expr: e.Rhs})
	case *ast.ArithmeticOpExpr:
		w.push(act{op: walkExpr, expr: e.Lhs}, act{op: walkExpr, expr: e.Rhs})
	case *ast.UnaryMinusOpExpr:
		w.push(act{op: walkExpr, expr: e.Expr})
	case *ast.UnaryNotOpExpr:
		w.push(act{op: walkExpr, expr: e.Expr, use: asTest})
	case *ast.UnaryLenOpExpr:
		w.push(act{op: walkExpr, expr: e.Expr, use: asTable})
	case *ast.FunctionExpr:
		w.function(e)
	}
}

// comparedWith returns what comparing with an expression asks of the other one.
func (w *walker) comparedWith(other ast.Expr) use {
	if _, isNil := other.(*ast.NilExpr); isNil || w.r.isGlobal(other, "_G") {
		return asTest
	}
	return asValue
}

// name is a name in an expression.
func (w *walker) name(e *ast.IdentExpr, u use) {
	ref := w.r.names[e]
	if ref.local == nil {
		w.global(e.Value, u, ref.at)
		return
	}
	if u == asTable || u == asCallee {
		if at, ok := w.r.pathOf(e); ok && at.member == "" { // local s = storage
			w.global(at.table, u, ref.at)
		}
	}
}

// global is the use of a global variable.
func (w *walker) global(name string, u use, at spot) {
	in := w.in
	in.mentioned[name] = true
	switch {
	case u == asHandled:
	case name == "_G":
		if u != asTest {
			in.dynamic = true
			in.once("dynamic-globals", Note, w.at(at), "", "", "_G is used as a table like others: nobody can tell which globals are reached")
		}
	case library[""][name]:
		switch name {
		case "getfenv", "setfenv":
			if u != asTest {
				in.dynamic = true
				in.once("dynamic-globals", Note, w.at(at), "", "", "%s: nobody can tell which globals are reached", name)
			}
		case "load", "loadstring":
			if u != asTest {
				w.code(name, nil, at)
			}
		}
	case len(in.api.table(name)) > 0:
		w.capability(name, u, at)
	case u != asTest && w.guards[name] == 0:
		in.unknownGlobal(name, w.at(at))
	}
}

// capability is the use of a global that is a capability's table.
func (w *walker) capability(name string, u use, at spot) {
	in, guarded, shown := w.in, u == asTest || w.guards[name] > 0, clip(name)
	if grant, ok := in.granted[name]; ok {
		if grant.permission.Optional && !guarded && u != asValue {
			in.once("optional-unchecked", Note, w.at(at), name, "write: if "+shown+" then ... end",
				"%s is optional in the manifest, and nil where it is not granted; here that is not looked at", shown)
		}
		return
	}
	ask := "the manifest does not ask for it"
	if in.man.Library {
		ask = "a library asks for nothing itself: it would take the capability of whoever includes it; let the caller pass the functions"
	}
	hint := `add [permissions.` + clip(in.api.table(name)[0].Name) + `] with a reason`
	if in.man.Library {
		hint = ""
	}
	switch {
	case guarded && u == asTest:
		in.once("undeclared-capability", Note, w.at(at), name, hint, "it is looked whether %s is there; it never is: %s", shown, ask)
	case guarded: // and told where it was looked at
	case in.man.Library:
		in.once("undeclared-capability", Warning, w.at(at), name, hint, "%s is a capability, and %s", shown, ask)
	case u == asValue:
		in.once("undeclared-capability", Warning, w.at(at), name, hint, "%s is nil here: it is a capability, and %s", shown, ask)
	default:
		in.once("undeclared-capability", Error, w.at(at), name, hint, "%s is a capability, and %s", shown, ask)
	}
}

// field is a field that is read.
func (w *walker) field(e *ast.AttrGetExpr, u use) {
	in := w.in
	key, constant := e.Key.(*ast.StringExpr)
	root, _ := w.r.rootAt(e)
	if of, ok := w.r.pathOf(e.Object); ok && of == (path{table: "_G"}) {
		if constant {
			w.global(key.Value, u, root)
			return
		}
		in.dynamic = true
		in.once("dynamic-globals", Note, w.at(root), "", "", "a global is read by a name that is made while the mod runs")
		w.push(act{op: walkExpr, expr: e.Key})
		return
	}
	if at, ok := w.r.pathOf(e); ok && at.member != "" {
		w.member(at, u, root)
	} else if !constant {
		w.push(act{op: walkExpr, expr: e.Key})
	}
	w.push(act{op: walkExpr, expr: e.Object, use: asTable})
}

// member is the use of a field of a global table.
func (w *walker) member(at path, u use, where spot) {
	in := w.in
	if u == asTest || w.guards[at.String()] > 0 {
		return
	}
	var there []string
	switch capability := in.described(at.table); {
	case isLibrary(at.table):
		if library[at.table][at.member] {
			return
		}
		there = sortedKeys(library[at.table])
	case capability != nil:
		if there = capability.members(); slices.Contains(there, at.member) {
			return
		}
	default:
		return
	}
	severity, what := Error, "is called"
	if u != asCallee {
		severity, what = Warning, "is used"
	}
	in.add("unknown-function", severity, w.at(where), at.String(), didYouMean(at.table+".", at.member, there),
		"%s %s, and there is no such function", clip(at.String()), what)
}

// insert puts acts below the topmost n of the stack.
func (w *walker) insert(n int, acts []act) {
	at := len(w.stack) - n
	top := slices.Clone(w.stack[at:])
	w.stack = w.stack[:at]
	w.push(acts...)
	w.stack = append(w.stack, top...)
}

// clip shortens a name for a message.
func clip(name string) string {
	if len(name) > 64 {
		return visible(strings.ToValidUTF8(name[:64], "")) + "..."
	}
	return visible(name)
}
