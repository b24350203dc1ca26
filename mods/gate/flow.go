package gate

import (
	"github.com/yuin/gopher-lua/ast"
)

// effect says how a part of a program may end other than by coming to its end.
type effect uint8

const (
	raises effect = 1 << iota // by an error
	yields                    // by giving way to others: coroutine.yield, or waiting for an answer

	anything = raises | yields
)

// flow is a function or a loop, as far as it matters for what can end a loop.
type flow struct {
	function bool
	jump     bool // a loop made of a label and a goto
	endless  bool // a loop whose condition never ends it
	at       spot
	what     string // "while true"

	effects effect
	calls   []callee
	leaves  bool // a break, return or goto leads out
	returns bool
	breaks  bool            // a break ends it, and if it is made of a goto the loop around it
	gotos   map[string]bool // labels that were not met yet
	labels  map[string]bool
}

// callee is what a flow calls: a flow, a function, a local variable or a global one.
type callee struct {
	flow   *flow
	fn     *ast.FunctionExpr
	local  *variable
	global string
	among  effect // of its effects, those that come through: pcall lets no errors through
}

// flows finds the loops of a file that cannot end.
type flows struct {
	r     *resolved
	known func(table string) *Capability // what the mod may use
	open  []*flow                        // innermost last
	all   []*flow
	of    map[*ast.FunctionExpr]*flow
	loops []*flow // endless ones that nothing leaves directly
}

func (f *flows) top() *flow { return f.open[len(f.open)-1] }

func (f *flows) enter(n *flow) {
	f.open = append(f.open, n)
	f.all = append(f.all, n)
}

// leave ends the innermost flow, and tells the one around it what that needs.
func (f *flows) leave() {
	n := f.top()
	f.open = f.open[:len(f.open)-1]
	if n.function {
		return
	}
	outer := f.top()
	for label := range n.labels {
		delete(n.gotos, label)
	}
	n.leaves = n.leaves || n.returns || n.breaks || len(n.gotos) > 0
	outer.returns = outer.returns || n.returns
	outer.breaks = outer.breaks || n.jump && n.breaks
	if len(outer.gotos) < len(n.gotos) {
		outer.gotos, n.gotos = n.gotos, outer.gotos // the smaller one is moved
	}
	for label := range n.gotos {
		outer.gotos[label] = true
	}
	n.gotos, n.labels = nil, nil
	outer.calls = append(outer.calls, callee{flow: n, among: anything})
	if n.endless && !n.leaves {
		f.loops = append(f.loops, n)
	}
}

func (f *flows) stmt(s ast.Stmt) {
	n := f.top()
	switch s := s.(type) {
	case *ast.ReturnStmt:
		n.returns = true
	case *ast.BreakStmt:
		n.breaks = true
	case *ast.GotoStmt:
		if n.gotos == nil {
			n.gotos = map[string]bool{}
		}
		n.gotos[s.Label] = true
	case *ast.LabelStmt:
		if n.labels == nil {
			n.labels = map[string]bool{}
		}
		n.labels[s.Name] = true
	}
}

// call notes what a call can do to the flow that it is in.
func (f *flows) call(e *ast.FuncCallExpr) {
	n := f.top()
	if e.Receiver != nil {
		at, ok := f.r.pathOf(e.Receiver)
		switch {
		case ok && at.member == "" && f.known(at.table) != nil:
			f.global(n, path{at.table, e.Method}, e.Args)
		case f.isText(e.Receiver) && library["string"][e.Method]:
			f.global(n, path{"string", e.Method}, nil)
		default:
			n.effects |= anything
		}
		return
	}
	if at, ok := f.r.pathOf(e.Func); ok {
		f.global(n, at, e.Args)
		return
	}
	f.value(n, e.Func, anything)
}

// isText reports whether an expression is a string for certain: a constant, or what
// a method of the string library makes of one.
func (f *flows) isText(e ast.Expr) bool {
	for range 16 {
		switch x := e.(type) {
		case *ast.StringExpr, *ast.StringConcatOpExpr:
			return true
		case *ast.FuncCallExpr:
			if x.Receiver == nil || !library["string"][x.Method] {
				return false
			}
			e = x.Receiver
		default:
			return false
		}
	}
	return false
}

// global notes the call of a global variable, or of a field of one.
func (f *flows) global(n *flow, at path, args []ast.Expr) {
	arg := func(i int, among effect) {
		if i < len(args) {
			f.value(n, args[i], among)
		}
	}
	switch {
	case at.member == "" && library[""][at.table]:
		switch at.table {
		case "error", "assert", "require":
			n.effects |= raises
		case "pcall", "xpcall":
			arg(0, yields)
		}
	case isLibrary(at.table):
		switch at.String() {
		case "coroutine.yield":
			n.effects |= yields
		case "table.sort", "table.foreach", "table.foreachi":
			arg(1, anything)
		case "string.gsub":
			arg(2, anything)
		}
	case at.member == "":
		n.calls = append(n.calls, callee{global: at.table, among: anything})
	case f.known(at.table) != nil:
		fn := f.known(at.table).function(at.member)
		switch {
		case fn == nil:
			n.effects |= anything
		case fn.Later:
			n.effects |= yields
		}
		for i, e := range args {
			switch e.(type) {
			case *ast.FunctionExpr, *ast.IdentExpr: // a callback, perhaps
				arg(i, anything)
			}
		}
	default:
		n.effects |= anything
	}
}

// value notes that what an expression is, is called.
func (f *flows) value(n *flow, e ast.Expr, among effect) {
	stack := []ast.Expr{e}
	for range 16 {
		if len(stack) == 0 {
			return
		}
		e := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at, ok := f.r.pathOf(e); ok {
			probe := &flow{}
			f.global(probe, at, nil)
			n.effects |= probe.effects & among
			for _, c := range probe.calls {
				c.among &= among
				n.calls = append(n.calls, c)
			}
			continue
		}
		switch x := e.(type) {
		case *ast.FunctionExpr:
			n.calls = append(n.calls, callee{fn: x, among: among})
		case *ast.IdentExpr:
			n.calls = append(n.calls, callee{local: f.r.names[x].local, among: among})
		case *ast.LogicalOpExpr:
			if stack = append(stack, x.Rhs); x.Operator == "or" {
				stack = append(stack, x.Lhs)
			}
		case *ast.StringExpr, *ast.NumberExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NilExpr: // no function
		default:
			n.effects |= anything & among
		}
	}
	if len(stack) > 0 {
		n.effects |= anything & among
	}
}

// caller is who calls a flow.
type caller struct {
	flow  *flow
	among effect
}

// endless returns the loops that nothing can end: no break, no error that is let
// through, no giving way. A function that nobody can tell counts as what may do it.
func (f *flows) endless() []*flow {
	if len(f.loops) == 0 {
		return nil
	}
	callers := map[*flow][]caller{}
	locals, globals := map[*variable]*flow{}, map[string]*flow{}
	all := f.all
	// stand is the flow that stands for a variable.
	stand := func(v *variable) *flow {
		n := &flow{}
		if v == nil || v.single() == nil {
			n.effects = anything
		} else {
			f.value(n, v.single(), anything)
		}
		all = append(all, n)
		return n
	}
	for i := 0; i < len(all); i++ { // it grows
		for _, c := range all[i].calls {
			to := c.flow
			switch {
			case c.fn != nil:
				to = f.of[c.fn]
			case c.global != "":
				if globals[c.global] == nil {
					globals[c.global] = stand(f.r.assigned[c.global])
				}
				to = globals[c.global]
			case c.flow == nil:
				if locals[c.local] == nil {
					locals[c.local] = stand(c.local)
				}
				to = locals[c.local]
			}
			if to == nil {
				all[i].effects |= c.among
				continue
			}
			callers[to] = append(callers[to], caller{all[i], c.among})
		}
	}
	for changed := all; len(changed) > 0; {
		n := changed[len(changed)-1]
		changed = changed[:len(changed)-1]
		for _, c := range callers[n] {
			if e := c.flow.effects | n.effects&c.among; e != c.flow.effects {
				c.flow.effects = e
				changed = append(changed, c.flow)
			}
		}
	}
	var out []*flow
	for _, l := range f.loops {
		if l.effects == 0 {
			out = append(out, l)
		}
	}
	return out
}
