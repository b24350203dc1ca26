package gate

import "github.com/yuin/gopher-lua/ast"

// path is a global variable, or a field of one.
type path struct {
	table  string // the global variable
	member string // "": the variable itself
}

// String is the path as a script writes it.
func (p path) String() string {
	if p.member == "" {
		return p.table
	}
	return p.table + "." + p.member
}

// owner is the table that the last name of the path is a field of; "" for a global.
func (p path) owner() string {
	if p.member == "" {
		return ""
	}
	return p.table
}

// name is the last name of the path.
func (p path) name() string {
	if p.member == "" {
		return p.table
	}
	return p.member
}

// longestName is the length of names in paths, in bytes. A path is looked up at each of
// its uses, which may be shorter than it is; no host and no library has longer names.
const longestName = 256

// pathOf returns the global variable, or the field of one, that an expression always
// is: as it stands there, through _G, or by a local variable that is nothing else.
func (r *resolved) pathOf(e ast.Expr) (path, bool) {
	var members [2]string // innermost last
	n := 0
	for range 12 { // aliases of aliases, and fields: more than anybody writes
		switch x := e.(type) {
		case *ast.IdentExpr:
			ref := r.names[x]
			if ref.local != nil {
				if e = ref.local.single(); e == nil {
					return path{}, false
				}
				continue
			}
			if len(x.Value) > longestName {
				return path{}, false
			}
			if x.Value == "_G" && n > 0 {
				n--
				return fieldsOf(members[n], members, n)
			}
			return fieldsOf(x.Value, members, n)
		case *ast.AttrGetExpr:
			key, ok := x.Key.(*ast.StringExpr)
			if !ok || n == len(members) || len(key.Value) > longestName {
				return path{}, false
			}
			members[n] = key.Value
			n++
			e = x.Object
		case *ast.LogicalOpExpr: // storage and storage.get
			if x.Operator != "and" {
				return path{}, false
			}
			e = x.Rhs
		case *ast.FuncCallExpr: // require("string")
			name, ok := r.constRequire(x)
			if !ok || !isLibrary(name) {
				return path{}, false
			}
			return fieldsOf(name, members, n)
		default:
			return path{}, false
		}
	}
	return path{}, false
}

func fieldsOf(table string, members [2]string, n int) (path, bool) {
	switch n {
	case 0:
		return path{table: table}, true
	case 1:
		return path{table, members[0]}, true
	}
	return path{}, false
}

// constRequire returns the name in a call of require with a constant name.
func (r *resolved) constRequire(call *ast.FuncCallExpr) (string, bool) {
	if !r.isGlobal(call.Func, "require") || len(call.Args) == 0 {
		return "", false
	}
	name, ok := call.Args[0].(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return name.Value, true
}

// isGlobal reports whether an expression is that global variable by its name.
func (r *resolved) isGlobal(e ast.Expr, name string) bool {
	x, ok := e.(*ast.IdentExpr)
	return ok && x.Value == name && r.names[x].local == nil
}

// rootAt returns where an expression begins, if it begins with a name.
func (r *resolved) rootAt(e ast.Expr) (spot, bool) {
	for range 4 {
		switch x := e.(type) {
		case *ast.IdentExpr:
			return r.names[x].at, true
		case *ast.AttrGetExpr:
			e = x.Object
		case *ast.FuncCallExpr:
			if e = x.Func; x.Receiver != nil {
				e = x.Receiver
			}
		default:
			return spot{}, false
		}
	}
	return spot{}, false
}

// mostImplied bounds how much of a condition is looked at, so that a chain of n
// conditions takes time in proportion to n.
const mostImplied = 64

// implied returns the globals, and fields of globals, that are not nil where a
// condition is true, or where it is false.
func (r *resolved) implied(condition ast.Expr, truth bool) []string {
	type part struct {
		e     ast.Expr
		truth bool
	}
	var names []string
	stack := []part{{condition, truth}}
	for range mostImplied {
		if len(stack) == 0 {
			break
		}
		p := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch x := p.e.(type) {
		case *ast.IdentExpr:
			if at, ok := r.pathOf(x); ok {
				if p.truth {
					names = append(names, at.String())
				}
			}
			if v := r.names[x].local; v != nil && v.single() != nil { // local there = storage ~= nil
				switch v.single().(type) {
				case *ast.LogicalOpExpr, *ast.RelationalOpExpr, *ast.UnaryNotOpExpr:
					stack = append(stack, part{v.single(), p.truth})
				}
			}
		case *ast.AttrGetExpr:
			if at, ok := r.pathOf(x); ok && p.truth {
				names = append(names, at.String(), at.table)
			}
		case *ast.LogicalOpExpr:
			if p.truth == (x.Operator == "and") {
				stack = append(stack, part{x.Lhs, p.truth}, part{x.Rhs, p.truth})
			}
		case *ast.UnaryNotOpExpr:
			stack = append(stack, part{x.Expr, !p.truth})
		case *ast.RelationalOpExpr:
			if x.Operator == "==" || x.Operator == "~=" {
				if tested, isNil := r.nilTest(x); tested != nil && (isNil == (x.Operator == "==")) != p.truth {
					stack = append(stack, part{tested, true})
				}
			}
		}
	}
	return names
}

// nilTest returns what a comparison compares with nil, or by its type, and whether
// being equal means that it is nil.
func (r *resolved) nilTest(x *ast.RelationalOpExpr) (tested ast.Expr, isNil bool) {
	a, b := x.Lhs, x.Rhs
	for range 2 {
		switch other := b.(type) {
		case *ast.NilExpr:
			return a, true
		case *ast.StringExpr:
			if call, ok := a.(*ast.FuncCallExpr); ok && r.isGlobal(call.Func, "type") && len(call.Args) == 1 {
				return call.Args[0], other.Value == "nil"
			}
		}
		a, b = b, a
	}
	return nil, false
}
