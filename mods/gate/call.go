package gate

import (
	"fmt"
	"math"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/luasandbox/modrunner/luasandbox/vm"
)

// What string.char is used for, beyond one character here and there.
const (
	mostChars     = 16 // constants in one call
	mostCharCalls = 24 // calls with constants in one file
)

// call holds a call against what is known of the function.
func (w *walker) call(e *ast.FuncCallExpr) {
	args, how := e.Args, asValue
	called, handled := e.Func, asCallee
	if e.Receiver != nil {
		called, handled = e.Receiver, asTable
	}
	root, _ := w.r.rootAt(e)
	if root.line == 0 {
		root = spot{int32(e.Line()), 1}
	}
	if e.Receiver != nil {
		if at, ok := w.r.pathOf(e.Receiver); ok && at.member == "" && at.table != "_G" {
			w.member(path{at.table, e.Method}, asCallee, root)
			if c := w.in.described(at.table); c != nil && c.function(e.Method) != nil {
				w.in.add("wrong-argument-type", Error, w.at(root), at.table, "write "+clip(at.table+"."+e.Method),
					"%s:%s passes the table itself as the first argument", clip(at.table), clip(e.Method))
			}
		}
	} else if at, ok := w.r.pathOf(e.Func); ok {
		switch at.String() {
		case "load", "loadstring":
			w.code(at.table, args, root)
			handled = asHandled
		case "require":
			w.require(args, root)
		case "pcall", "xpcall":
			w.protectedRequire(args, root)
		case "type":
			how = asTest
		case "rawget", "rawset":
			if w.raw(at.table, args, root) {
				args = args[1:]
			}
		case "setmetatable":
			if w.metatable(args, root) {
				args = args[1:]
			}
		case "string.char":
			w.char(args, root)
		}
		if at.member != "" {
			w.arguments(at, args, root)
		}
	}
	acts := []act{{op: walkExpr, expr: called, use: handled}}
	if len(args) > 0 && e.Func != nil && w.r.isGlobal(e.Func, "assert") {
		acts = append(acts, act{op: walkExpr, expr: args[0], use: asTest})
		args = args[1:]
	}
	w.push(append(acts, act{op: walkExprs, use: how, rest: &rest{exprs: args}})...)
}

// arguments checks the arguments of a function of a capability.
func (w *walker) arguments(at path, args []ast.Expr, where spot) {
	c := w.in.described(at.table)
	if c == nil {
		return
	}
	f := c.function(at.member)
	if f == nil {
		return
	}
	least, most := f.Args()
	given := len(args)
	open := given > 0 && multi(args[given-1])
	switch {
	case given < least && !open:
		w.in.add("wrong-arity", Error, w.at(where), at.table, "", "%s takes %s, and gets %d", clip(at.String()), arity(least, most), given)
	case most >= 0 && given > most && !(open && given == most+1):
		w.in.add("wrong-arity", Warning, w.at(where), at.table, "", "%s takes %s, and gets %d: what is more is dropped", clip(at.String()), arity(least, most), given)
	}
	for i, arg := range args {
		if i >= len(f.Params) && most >= 0 {
			break
		}
		p := f.Params[min(i, len(f.Params)-1)]
		if wrong, got := mismatch(p, arg); wrong {
			w.in.add("wrong-argument-type", Error, w.at(where), at.table, "", "argument %d of %s, %s, must be %s, and is %s", i+1, clip(at.String()), clip(p.Name), wanted(p), got)
		}
	}
}

func arity(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("at least %d arguments", least)
	case least == most && most == 1:
		return "1 argument"
	case least == most:
		return fmt.Sprintf("%d arguments", most)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// wanted words what an argument must be.
func wanted(p Param) string {
	switch p.Kind {
	case "bytes":
		return "a string"
	case "integer":
		if p.Bounded && (p.Min > math.MinInt64 || p.Max < math.MaxInt64) {
			return fmt.Sprintf("an integer from %g to %g", p.Min, p.Max)
		}
		return "an integer"
	case "list", "map", "record":
		return "a table"
	}
	return "a " + clip(p.Kind)
}

// mismatch reports whether a constant cannot be an argument, and what it is.
func mismatch(p Param, e ast.Expr) (wrong bool, got string) {
	kind := p.Kind
	if kind == "any" {
		return false, ""
	}
	switch x := e.(type) {
	case *ast.StringExpr:
		return kind != "string" && kind != "bytes", "a string"
	case *ast.TrueExpr, *ast.FalseExpr:
		return kind != "boolean", "a boolean"
	case *ast.NilExpr:
		return !p.Optional && !p.Variadic, "nil"
	case *ast.FunctionExpr:
		return kind != "function", "a function"
	case *ast.TableExpr:
		return kind != "list" && kind != "map" && kind != "record", "a table"
	case *ast.NumberExpr, *ast.UnaryMinusOpExpr:
		f, ok := number(x)
		if !ok {
			return false, ""
		}
		switch {
		case kind == "number":
			return false, ""
		case kind != "integer":
			return true, "a number"
		}
		return f != math.Trunc(f) || p.Bounded && (f < p.Min || f > p.Max), fmt.Sprintf("%g", f)
	}
	return false, ""
}

// number returns what a numeral says, with or without a minus before it.
func number(e ast.Expr) (float64, bool) {
	sign := 1.0
	if minus, ok := e.(*ast.UnaryMinusOpExpr); ok {
		e, sign = minus.Expr, -1
	}
	n, ok := e.(*ast.NumberExpr)
	if !ok {
		return 0, false
	}
	f, ok := vm.ParseNumber(n.Value)
	return sign * f, ok
}

// code is a use of load or loadstring; args are nil if it is not called there.
func (w *walker) code(name string, args []ast.Expr, at spot) {
	in := w.in
	in.dynamic, in.loads = true, true
	if len(args) > 0 {
		if _, constant := args[0].(*ast.StringExpr); constant {
			in.add("code-from-string", Warning, w.at(at), "", "write the function itself", "%s makes code of a constant string", name)
			return
		}
		in.add("code-from-string", Error, w.at(at), "", "", "%s makes code of what the mod computes: nobody can tell what it does", name)
		return
	}
	in.add("code-from-string", Error, w.at(at), "", "", "%s is passed on: what it makes code of, nobody can tell", name)
}

// require looks for the module that is meant.
func (w *walker) require(args []ast.Expr, at spot) {
	if len(args) == 0 {
		return
	}
	if name, ok := args[0].(*ast.StringExpr); ok {
		w.in.require(w.path, name.Value, w.at(at), false)
		return
	}
	w.in.anyModule = true
}

// protectedRequire looks at pcall(require, "name"): the module need not be there.
func (w *walker) protectedRequire(args []ast.Expr, at spot) {
	if len(args) == 0 || !w.r.isGlobal(args[0], "require") {
		return
	}
	if len(args) > 1 {
		if name, ok := args[1].(*ast.StringExpr); ok {
			w.in.require(w.path, name.Value, w.at(at), true)
			return
		}
	}
	w.in.anyModule = true
}

// raw looks at rawget and rawset of the globals, and of shared tables. It reports
// whether the first argument has been dealt with.
func (w *walker) raw(function string, args []ast.Expr, at spot) bool {
	if len(args) < 2 {
		return false
	}
	of, ok := w.r.pathOf(args[0])
	if !ok || of.member != "" {
		return false
	}
	key, constant := args[1].(*ast.StringExpr)
	switch {
	case of.table == "_G" && constant && function == "rawget":
		w.global(key.Value, asTest, at)
		return true
	case of.table == "_G" && constant:
		w.assigned(key.Value, at)
		return true
	case function == "rawset" && constant:
		w.write(of.table, key.Value, w.at(at))
	case function == "rawset":
		w.write(of.table, "", w.at(at))
	}
	return false
}

// metatable looks at setmetatable of tables that are not the caller's own. It reports
// whether the first argument has been dealt with.
func (w *walker) metatable(args []ast.Expr, at spot) bool {
	if len(args) == 0 {
		return false
	}
	of, ok := w.r.pathOf(args[0])
	switch {
	case !ok || of.member != "":
	case of.table == "_G":
		w.in.anyGlobal = true
		w.in.dynamic = true
		w.in.add("shared-table-write", Warning, w.at(at), "", "", "the table of globals gets a metatable: what a global is, nobody can tell")
		return true
	case w.in.shared(of.table):
		w.in.add("shared-table-write", Warning, w.at(at), of.table, "", "%s gets a metatable, and is no table of the mod's own", clip(of.table))
	}
	return false
}

// char looks for texts that are made of numbers.
func (w *walker) char(args []ast.Expr, at spot) {
	constants := 0
	for _, arg := range args {
		if _, ok := number(arg); ok {
			constants++
		}
	}
	if constants == 0 {
		return
	}
	if w.chars++; constants >= mostChars {
		w.in.add("obfuscation", Warning, w.at(at), "", "write the text itself", "string.char makes a text of %d numbers", constants)
	} else if w.chars == mostCharCalls {
		w.in.add("obfuscation", Warning, w.at(at), "", "write the texts themselves", "string.char makes texts of numbers, %d times and more in this file", mostCharCalls)
	}
}

// target is what is assigned to.
func (w *walker) target(e ast.Expr) {
	switch x := e.(type) {
	case *ast.IdentExpr:
		if ref := w.r.names[x]; ref.local == nil {
			w.assigned(x.Value, ref.at)
		}
	case *ast.AttrGetExpr:
		root, known := w.r.rootAt(x)
		if !known {
			root = spot{int32(x.Line()), 1}
		}
		key, constant := x.Key.(*ast.StringExpr)
		of, ok := w.r.pathOf(x.Object)
		switch {
		case ok && of == (path{table: "_G"}) && constant:
			w.assigned(key.Value, root)
			return
		case ok && of == (path{table: "_G"}):
			w.in.dynamic, w.in.anyGlobal = true, true
			w.in.once("dynamic-globals", Note, w.at(root), "", "", "a global is written by a name that is made while the mod runs")
		case ok && of.member == "" && constant:
			w.write(of.table, key.Value, w.at(root))
		case ok && of.member == "":
			w.write(of.table, "", w.at(root))
		case w.textMetatable(x.Object):
			w.in.add("shared-table-write", Warning, w.at(root), "", "", "the metatable of all strings is written to")
		}
		if !constant {
			w.push(act{op: walkExpr, expr: x.Key})
		}
		if !ok || of.table != "_G" || of.member != "" {
			w.push(act{op: walkExpr, expr: x.Object, use: asTable})
		}
	}
}

// textMetatable reports whether an expression is getmetatable("").
func (w *walker) textMetatable(e ast.Expr) bool {
	if x, ok := e.(*ast.IdentExpr); ok && w.r.names[x].local != nil {
		e = w.r.names[x].local.single()
	}
	if x, ok := e.(*ast.AttrGetExpr); ok { // getmetatable("").__index.x = ...
		e = x.Object
	}
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Func == nil || !w.r.isGlobal(call.Func, "getmetatable") || len(call.Args) == 0 {
		return false
	}
	_, ok = call.Args[0].(*ast.StringExpr)
	return ok
}

// assigned is a global variable that is given a value.
func (w *walker) assigned(name string, at spot) {
	w.in.assigned[name] = true
	if library[""][name] {
		w.in.once("shared-table-write", Warning, w.at(at), "", "", "%s of the library is replaced for all of the mod", name)
		return
	}
	w.in.globalWrite(name, w.at(at))
}

// write is a field of a global table that is given a value; the name is "" if nobody
// can tell it.
func (w *walker) write(table, name string, at place) {
	w.in.defined[path{table, name}] = true
	if !w.in.shared(table) {
		return
	}
	what := strings.TrimSuffix(table+"."+name, ".")
	if isLibrary(table) {
		w.in.add("shared-table-write", Warning, at, "", "keep it in a table of your own", "%s is written to: all of the mod's files, and libraries in it, see that", clip(what))
		return
	}
	w.in.add("shared-table-write", Warning, at, table, "keep it in a table of your own", "%s is written to, and %s is the host's", clip(what), clip(table))
}
