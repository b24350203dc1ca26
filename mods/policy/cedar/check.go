package cedar

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checker holds the conditions of one rule against the schema. Cedar's validator does
// so too, and has the last word on types; this one says where, and closes what the
// validator leaves open: it takes `has` of an attribute that there is not, and with it
// whatever stands behind the &&; types of entities that there are not, after is; texts
// that an attribute never has; and conditions that never hold.
type checker struct {
	actions []string // that the rule may be about
	options map[option]place
}

// typed is the type of an expression; for an entity also the entity type, and for an
// attribute which one.
type typed struct {
	typ       valueType
	entity    string
	attribute *attribute
}

// Types that no attribute has.
const (
	entityValue valueType = "entity"
	entitySet   valueType = "set of entities"
)

func (t typed) String() string {
	switch {
	case t.typ == entityValue:
		return "a " + t.entity
	case t.typ == numberType:
		return "a whole number"
	}
	return "a " + string(t.typ)
}

func (t typed) same(other typed) bool { return t.typ == other.typ && t.entity == other.entity }

// guards are the options of which an expression has made sure that they are there.
type guards map[option]bool

func (g guards) and(other guards) guards {
	all := maps.Clone(g)
	if all == nil {
		all = guards{}
	}
	maps.Copy(all, other)
	return all
}

// types checks e, given the options that are there, and returns its type and the
// options that are there if it is true. It leaves with a *fault as panic.
func (c *checker) types(e *expr, there guards) (typed, guards) {
	switch e.op {
	case "int":
		return typed{typ: numberType}, nil
	case "text":
		return typed{typ: textType}, nil
	case "decimal":
		return typed{typ: decimalType}, nil
	case "entity":
		return typed{typ: entityValue, entity: e.name}, nil
	case "variable":
		return c.variable(e), nil
	case ".":
		return c.access(e, there), nil
	case "has":
		o := c.option(e, e.args[0], e.name)
		if there[o] {
			failf(e.at, "this always holds: the same has stands before it")
		}
		return typed{typ: flagType}, guards{o: true}
	case "set":
		return c.set(e, there), nil
	case "&&":
		_, left := c.flag(e.args[0], there)
		_, right := c.flag(e.args[1], there.and(left))
		return typed{typ: flagType}, left.and(right)
	case "||":
		_, left := c.flag(e.args[0], there)
		_, right := c.flag(e.args[1], there)
		both := guards{}
		for o := range left {
			if right[o] {
				both[o] = true
			}
		}
		return typed{typ: flagType}, both
	case "!":
		c.flag(e.args[0], there)
		return typed{typ: flagType}, nil
	case "if":
		_, when := c.flag(e.args[0], there)
		c.flag(e.args[1], there.and(when))
		c.flag(e.args[2], there)
		return typed{typ: flagType}, nil
	}
	c.operation(e, there)
	return typed{typ: flagType}, nil
}

// set checks what stands in square brackets.
func (c *checker) set(e *expr, there guards) typed {
	first, _ := c.types(e.args[0], there)
	for _, item := range e.args {
		if t, _ := c.types(item, there); !t.same(first) {
			failf(item.at, "%s in a set that begins with %s", t, first)
		}
		if item.op != "text" && item.op != "entity" {
			failf(item.at, "a set is of texts or of entities that are written there")
		}
	}
	if first.typ == textType {
		return typed{typ: textsType}
	}
	return typed{typ: entitySet, entity: first.entity}
}

// flag checks an expression that has to be true or false.
func (c *checker) flag(e *expr, there guards) (typed, guards) {
	t, g := c.types(e, there)
	if t.typ != flagType {
		failf(e.at, "%s where something true or false is wanted", t)
	}
	return t, g
}

func (c *checker) variable(e *expr) typed {
	switch e.name {
	case "principal":
		return typed{typ: entityValue, entity: modType}
	case "resource":
		if slices.Equal(c.actions, []string{grant}) {
			return typed{typ: entityValue, entity: capabilityType}
		}
		failf(e.at, "the resource is a capability only where the head says action == Action::%q", grant)
	}
	return typed{typ: recordType}
}

// pathOf is how an attribute is written, or "" if e is none.
func pathOf(e *expr) string {
	switch e.op {
	case "variable":
		return e.name
	case ".":
		if of := pathOf(e.args[0]); of != "" {
			return of + "." + e.name
		}
	}
	return ""
}

func (c *checker) access(e *expr, there guards) typed {
	of, _ := c.types(e.args[0], there)
	name := pathOf(e)
	if group, ok := groupNamed(e.args[0].name); ok && pathOf(e.args[0]) == "resource."+group.name {
		o := c.option(e, e.args[0], e.name)
		if !there[o] {
			failf(e.at, "a request may be without this option; write `%s has %s && ...` before, on the left", pathOf(e.args[0]), e.name)
		}
		return typed{typ: group.typ}
	}
	if of.typ != recordType && of.typ != entityValue || name == "" {
		failf(e.at, "%s has nothing behind a point", of)
	}
	a, ok := attributeNamed(name)
	if !ok {
		names := members(pathOf(e.args[0]))
		hint := suggest(e.name, names)
		if hint == "" {
			hint = "; there are " + strings.Join(names, ", ")
		}
		failf(e.at, "there is no `%s`%s", name, hint)
	}
	return typed{typ: a.typ, attribute: &a}
}

// option notes that the rule looks at an option.
func (c *checker) option(e, group *expr, name string) option {
	g, ok := groupNamed(group.name)
	if !ok || pathOf(group) != "resource."+g.name {
		failf(e.at, "has is for the options of a capability, as in `resource.count has quota`; all other attributes are always there")
	}
	c.types(group, nil)
	o := option{g.name, name}
	if _, noted := c.options[o]; !noted {
		c.options[o] = e.at
	}
	return o
}

// operation checks what compares.
func (c *checker) operation(e *expr, there guards) {
	left, _ := c.types(e.args[0], there)
	var right typed
	if len(e.args) > 1 {
		right, _ = c.types(e.args[1], there)
	}
	ok := false
	switch e.op {
	case "==", "!=":
		ok = left.same(right) && left.typ != recordType
	case "<", "<=", ">", ">=":
		ok = left.typ == numberType && right.typ == numberType
	case "lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual":
		ok = left.typ == decimalType && right.typ == decimalType
	case "contains":
		ok = left.typ == textsType && right.typ == textType || left.typ == entitySet && right.typ == entityValue && left.entity == right.entity
	case "containsAll", "containsAny":
		ok = left.typ == textsType && right.typ == textsType
	case "isEmpty":
		if left.typ != textsType {
			failf(e.at, "isEmpty is for texts, not for %s", left)
		}
		return
	case "like":
		if left.typ != textType {
			failf(e.at, "a pattern is for a text, not for %s", left)
		}
		right, ok = typed{typ: textType}, true
	case "in":
		ok = left.typ == entityValue && left.entity == modType && right.entity == publisherType
		if !ok {
			failf(e.at, `in is for publishers, as in principal in Publisher::"name"; for texts there is ["a", "b"].contains(...)`)
		}
	}
	if !ok {
		failf(e.at, "`%s` between %s and %s, which can never hold", e.op, left, right)
	}
	if a, b := pathOf(e.args[0]), e.args; a != "" && len(b) > 1 && a == pathOf(b[1]) {
		failf(e.at, "both sides are the same")
	}
	constant := func(e *expr) bool {
		return e.op == "text" || e.op == "int" || e.op == "entity" || e.op == "decimal" ||
			e.op == "set"
	}
	if len(e.args) > 1 && constant(e.args[0]) && constant(e.args[1]) {
		failf(e.at, "both sides are written here; what is compared has to come from the request")
	}
	c.words(e, left, right)
	c.bounds(e, left, right)
}

// words refuses to compare an attribute that has one of a few values with something
// that is none of them.
func (c *checker) words(e *expr, left, right typed) {
	of, other := left.attribute, e.args[len(e.args)-1]
	if right.attribute != nil && right.attribute.words != nil {
		of, other = right.attribute, e.args[0]
	}
	if of == nil || of.words == nil {
		return
	}
	literals := []*expr{other}
	switch {
	case (e.op == "==" || e.op == "!=") && other.op == "text":
	case e.op == "contains" && other.op == "set" && of == right.attribute:
		literals = other.args
	default:
		failf(e.at, "compare %s with a text by == or !=, or with several as in [\"%s\"].contains(%s)", of.path, strings.Join(of.words[:2], `", "`), of.path)
	}
	for _, l := range literals {
		if l.op != "text" || !slices.Contains(of.words, l.text) {
			failf(l.at, "%s is never %q%s; it is one of %s", of.path, l.text, suggest(l.text, of.words), strings.Join(of.words, ", "))
		}
	}
}

// bounds refuses a comparison of a number that always, or never, holds.
func (c *checker) bounds(e *expr, left, right typed) {
	of, number, op := left.attribute, e.args[len(e.args)-1], e.op
	if number.op != "int" {
		of, number = right.attribute, e.args[0]
		op = map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]
	}
	if of == nil || number.op != "int" || of.typ != numberType {
		return
	}
	n := number.n
	var always, never bool
	switch op {
	case "<":
		always, never = of.max < n, of.min >= n
	case "<=":
		always, never = of.max <= n, of.min > n
	case ">":
		always, never = of.min > n, of.max <= n
	case ">=":
		always, never = of.min >= n, of.max < n
	default:
		never = n < of.min || n > of.max
	}
	between := fmt.Sprintf("at least %d", of.min)
	if of.max < maxCount {
		between = fmt.Sprintf("%d to %d", of.min, of.max)
	}
	switch {
	case always:
		failf(e.at, "this always holds: %s is %s", of.path, between)
	case never && e.op != "!=":
		failf(e.at, "this never holds: %s is %s", of.path, between)
	case never:
		failf(e.at, "this always holds: %s is %s", of.path, between)
	}
}

func failf(at place, format string, args ...any) { panic(faultf(at, format, args...)) }
