package cedar

import (
	"math"
	"slices"
)

// neverHolds finds two parts of a rule's conditions that exclude each other, among
// those that all have to hold. It looks at what compares one attribute with what is
// written in the rule; that every other condition can hold, nobody has checked.
func neverHolds(s *statement) *fault {
	known := map[string]*values{}
	for _, c := range s.conditions {
		if f := narrow(known, c.body, !c.unless); f != nil {
			return f
		}
	}
	return nil
}

// values are those that an attribute may still have.
type values struct {
	low, high int64           // of a number
	only      []string        // of a text: nil is any but those in not
	not       map[string]bool // of a text
	flags     [2]bool         // of a flag: it cannot be false; it cannot be true
}

// narrow takes into account that e is true, or that it is false.
func narrow(known map[string]*values, e *expr, holds bool) *fault {
	switch {
	case e.op == "!":
		return narrow(known, e.args[0], !holds)
	case e.op == "&&" && holds, e.op == "||" && !holds:
		if f := narrow(known, e.args[0], holds); f != nil {
			return f
		}
		return narrow(known, e.args[1], holds)
	}
	of, other, op := e, e, e.op
	switch {
	case len(e.args) == 2 && pathOf(e.args[0]) != "":
		of, other = e.args[0], e.args[1]
	case len(e.args) == 2:
		of, other = e.args[1], e.args[0]
		if turned, ok := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]; ok {
			op = turned
		}
	}
	name := pathOf(of)
	if name == "" {
		return nil
	}
	v := known[name]
	if v == nil {
		v = &values{low: math.MinInt64, high: math.MaxInt64, not: map[string]bool{}}
		known[name] = v
	}
	if !v.narrow(op, other, holds) {
		return faultf(e.at, "this cannot hold together with what the rule says of %s before", name)
	}
	return nil
}

var negated = map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}

// narrow reports whether a value is left.
func (v *values) narrow(op string, other *expr, holds bool) bool {
	if op == "." {
		v.flags[0] = v.flags[0] || holds
		v.flags[1] = v.flags[1] || !holds
		return !(v.flags[0] && v.flags[1])
	}
	if op == "contains" && other.op == "set" {
		return v.texts(other.args, holds)
	}
	if !holds {
		op = negated[op]
	}
	switch {
	case other.op == "int":
		return v.number(op, other.n)
	case other.op == "text" && (op == "==" || op == "!="):
		return v.texts([]*expr{other}, op == "==")
	}
	return true
}

func (v *values) number(op string, n int64) bool {
	switch op {
	case "<", "<=":
		if op == "<" && n == math.MinInt64 {
			return false
		} else if op == "<" {
			n--
		}
		v.high = min(v.high, n)
	case ">", ">=":
		if op == ">" && n == math.MaxInt64 {
			return false
		} else if op == ">" {
			n++
		}
		v.low = max(v.low, n)
	case "==":
		v.low, v.high = max(v.low, n), min(v.high, n)
	}
	return v.low <= v.high
}

func (v *values) texts(items []*expr, among bool) bool {
	named := map[string]bool{}
	for _, item := range items {
		if item.op != "text" {
			return true
		}
		named[item.text] = true
	}
	switch {
	case !among:
		for text := range named {
			v.not[text] = true
		}
	case v.only == nil:
		v.only = []string{}
		for text := range named {
			v.only = append(v.only, text)
		}
	default:
		v.only = slices.DeleteFunc(v.only, func(text string) bool { return !named[text] })
	}
	return v.only == nil || slices.ContainsFunc(v.only, func(text string) bool { return !v.not[text] })
}
