package gate

import "github.com/yuin/gopher-lua/ast"

// constant reports whether a condition is always true, or always false.
func (w *walker) constant(e ast.Expr, truth bool) bool {
	for range 8 {
		switch x := e.(type) {
		case *ast.TrueExpr, *ast.NumberExpr, *ast.StringExpr, *ast.FunctionExpr, *ast.TableExpr:
			return truth
		case *ast.FalseExpr, *ast.NilExpr:
			return !truth
		case *ast.UnaryNotOpExpr:
			e, truth = x.Expr, !truth
		case *ast.RelationalOpExpr:
			a, okA := number(x.Lhs)
			b, okB := number(x.Rhs)
			return okA && okB && compare(x.Operator, a, b) == truth
		case *ast.IdentExpr:
			v := w.r.names[x].local
			if v == nil || v.single() == nil {
				return false
			}
			e = v.single()
		default:
			return false
		}
	}
	return false
}

func compare(operator string, a, b float64) bool {
	switch operator {
	case "==":
		return a == b
	case "~=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

// longest is how often a loop may be gone round at all, as a bound that is a constant
// says: more than the largest budget of instructions.
const longest = 1e12

// forEver reports whether a for counts to infinity, or nearly so.
func (w *walker) forEver(s *ast.NumberForStmt) bool {
	if at, ok := w.r.pathOf(s.Limit); ok {
		return at == (path{"math", "huge"})
	}
	first, ok := number(s.Init)
	if !ok {
		first = 0
	}
	last, okLast := number(s.Limit)
	step := 1.0
	if s.Step != nil {
		if step, ok = number(s.Step); !ok {
			return false
		}
	}
	if !okLast {
		return negatedHuge(w.r, s.Limit) && step < 0
	}
	if step == 0 {
		return first >= last
	}
	return (last-first)/step > longest
}

// negatedHuge reports whether an expression is -math.huge.
func negatedHuge(r *resolved, e ast.Expr) bool {
	minus, ok := e.(*ast.UnaryMinusOpExpr)
	if !ok {
		return false
	}
	at, ok := r.pathOf(minus.Expr)
	return ok && at == (path{"math", "huge"})
}
