package cedar

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// The types of entities that a policy names.
const (
	modType        = "Mod"
	publisherType  = "Publisher"
	capabilityType = "Capability"
	hostType       = "Host"
	actionType     = "Action"
)

var entityTypes = []string{modType, publisherType, capabilityType, hostType, actionType}

// statement is one rule as it is written.
type statement struct {
	at          place // of the first annotation, or of the effect
	end         int   // offset behind the semicolon
	annotations []annotation
	forbid      bool
	principal   scope
	action      scope
	resource    scope
	conditions  []condition
}

type annotation struct {
	name, value string
	at, valueAt place
}

// scope is what the head of a rule says of one of its three variables: nothing, or
// ==, in or is.
type scope struct {
	at       place
	op       string // "", "==", "in", "is"
	is       string // a type
	entities []types.EntityUID
	list     bool // in [...]
}

type condition struct {
	unless bool
	body   *expr
}

// expr is an expression with the place where it stands. op is one of the operators
// of Cedar, or one of: int, text, entity, variable, set, decimal, if, and for method
// calls the name of the method.
type expr struct {
	at   place
	op   string
	args []*expr
	name string // of a variable, an attribute; the type of an entity
	text string // of a text, a pattern or an entity's id
	n    int64
	node ast.Node // the same as Cedar has it
}

// parser reads the part of Cedar that package cedar takes. What it reads, Cedar's own
// parser reads too, and the two have to agree: see agree.
type parser struct {
	tokens []token
	pos    int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) advance() token {
	t := p.tokens[p.pos]
	if t.kind != endToken {
		p.pos++
	}
	return t
}

// accept takes the next token if it is that one.
func (p *parser) accept(text string) bool {
	if t := p.peek(); t.text != text || t.kind == stringToken || t.kind == endToken {
		return false
	}
	p.advance()
	return true
}

// statement reads one rule.
func (p *parser) statement() (s *statement, err error) {
	defer func() {
		if f := recover(); f != nil {
			wrong, ours := f.(*fault)
			if !ours {
				panic(f)
			}
			s, err = nil, wrong
		}
	}()
	p.depth = 0
	return p.rule(), nil
}

// fail leaves statement.
func (p *parser) fail(at place, format string, args ...any) { panic(faultf(at, format, args...)) }

func (p *parser) want(text, where string) {
	if t := p.peek(); !p.accept(text) {
		p.fail(t.at, "found %s; want `%s` %s", t.shown(), text, where)
	}
}

func (p *parser) rule() *statement {
	s := &statement{at: p.peek().at}
	for at := s.at; p.accept("@"); at = p.peek().at {
		s.annotations = append(s.annotations, p.annotation(at))
	}
	t := p.advance()
	switch {
	case t.kind == identToken && t.text == "forbid":
		s.forbid = true
	case t.kind != identToken || t.text != "permit":
		p.fail(t.at, "found %s; a rule begins with its annotations, and then `permit` or `forbid`", t.shown())
	}
	p.want("(", "after the effect")
	s.principal = p.scope("principal", "is", "==", "in")
	p.want(",", "after what is said of the principal")
	s.action = p.scope("action", "==", "in")
	p.want(",", "after what is said of the action")
	s.resource = p.scope("resource", "is", "==")
	p.want(")", "after what is said of the resource")
	for {
		switch {
		case p.accept("when"):
			s.conditions = append(s.conditions, p.condition(false))
			continue
		case p.accept("unless"):
			s.conditions = append(s.conditions, p.condition(true))
			continue
		}
		break
	}
	t = p.peek()
	p.want(";", "at the end of the rule")
	s.end = t.at.offset + 1
	return s
}

func (p *parser) annotation(at place) annotation {
	t := p.advance()
	if t.kind != identToken {
		p.fail(t.at, "found %s; want the name of an annotation: %s", t.shown(), annotationNames)
	}
	a := annotation{name: t.text, at: at}
	p.want("(", "after the name of an annotation")
	value := p.advance()
	if value.kind != stringToken {
		p.fail(value.at, "found %s; the value of an annotation is a text", value.shown())
	}
	a.value, a.valueAt = p.unquote(value), value.at
	p.want(")", "after the value of an annotation")
	return a
}

func (p *parser) scope(variable string, ops ...string) scope {
	t := p.peek()
	p.want(variable, "in the head of a rule: permit (principal, action, resource)")
	s := scope{at: t.at}
	for _, op := range ops {
		if s.at = p.peek().at; p.accept(op) {
			s.op = op
			break
		}
	}
	switch s.op {
	case "is":
		s.is = p.entityType()
	case "==":
		s.entities = []types.EntityUID{p.entity()}
	case "in":
		if s.list = p.accept("["); !s.list {
			s.entities = []types.EntityUID{p.entity()}
			break
		}
		for !p.accept("]") {
			s.entities = append(s.entities, p.entity())
			if t := p.peek(); !p.accept(",") && t.text != "]" {
				p.fail(t.at, "found %s; want `,` or `]`", t.shown())
			}
		}
	}
	return s
}

func (p *parser) entityType() string {
	t := p.advance()
	for _, name := range entityTypes {
		if t.kind == identToken && t.text == name {
			return name
		}
	}
	p.fail(t.at, "found %s; want one of %s", t.shown(), strings.Join(entityTypes, ", "))
	return ""
}

func (p *parser) entity() types.EntityUID {
	typ := p.entityType()
	p.want("::", "as in "+typ+`::"name"`)
	t := p.advance()
	if t.kind != stringToken {
		p.fail(t.at, `found %s; want a text, as in %s::"name"`, t.shown(), typ)
	}
	id := p.unquote(t)
	if id == "" {
		p.fail(t.at, "nothing has an empty name")
	}
	return types.NewEntityUID(types.EntityType(typ), types.String(id))
}

// unquote returns what a string that is no pattern says.
func (p *parser) unquote(t token) string {
	raw := t.text[1 : len(t.text)-1]
	if !strings.Contains(raw, `\`) {
		return raw
	}
	var out strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] == '\\' {
			if i++; raw[i] == '*' {
				p.fail(t.at, `\* is for patterns, after like`)
			}
		}
		out.WriteByte(raw[i])
	}
	return out.String()
}

func (p *parser) condition(unless bool) condition {
	p.want("{", "before the condition")
	c := condition{unless: unless, body: p.expression()}
	p.want("}", "after the condition")
	return c
}

// expression reads what may stand between brackets. It is where the parser, and all
// that walks over expressions, goes deeper.
func (p *parser) expression() *expr {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.peek().at, "more than %d levels of brackets and of if inside each other", maxNesting)
	}
	defer func() { p.depth-- }()
	t := p.peek()
	if !p.accept("if") {
		return p.or()
	}
	e := &expr{at: t.at, op: "if", args: []*expr{p.expression(), nil, nil}}
	p.want("then", "after the condition of if")
	e.args[1] = p.expression()
	p.want("else", "after what follows then")
	e.args[2] = p.expression()
	e.node = ast.IfThenElse(e.args[0].node, e.args[1].node, e.args[2].node)
	return e
}

func (p *parser) or() *expr {
	left := p.and()
	for at := p.peek().at; p.accept("||"); at = p.peek().at {
		right := p.and()
		left = &expr{at: at, op: "||", args: []*expr{left, right}, node: left.node.Or(right.node)}
	}
	return left
}

func (p *parser) and() *expr {
	left := p.relation()
	for at := p.peek().at; p.accept("&&"); at = p.peek().at {
		right := p.relation()
		left = &expr{at: at, op: "&&", args: []*expr{left, right}, node: left.node.And(right.node)}
	}
	return left
}

var relations = map[string]func(a, b ast.Node) ast.Node{
	"==": ast.Node.Equal, "!=": ast.Node.NotEqual, "in": ast.Node.In,
	"<": ast.Node.LessThan, "<=": ast.Node.LessThanOrEqual,
	">": ast.Node.GreaterThan, ">=": ast.Node.GreaterThanOrEqual,
}

func (p *parser) relation() *expr {
	left := p.unary()
	t := p.peek()
	if make, ok := relations[t.text]; ok && t.kind != stringToken {
		p.advance()
		right := p.unary()
		return &expr{at: t.at, op: t.text, args: []*expr{left, right}, node: make(left.node, right.node)}
	}
	switch {
	case p.accept("has"):
		name := p.attribute("after has")
		if p.peek().text == "." {
			p.fail(p.peek().at, "after has stands one name")
		}
		return &expr{at: t.at, op: "has", args: []*expr{left}, name: name, node: left.node.Has(types.String(name))}
	case p.accept("like"):
		pattern := p.advance()
		if pattern.kind != stringToken {
			p.fail(pattern.at, `found %s; want a pattern, such as "game.*"`, pattern.shown())
		}
		raw := pattern.text[1 : len(pattern.text)-1]
		return &expr{at: t.at, op: "like", args: []*expr{left}, text: raw, node: left.node.Like(readPattern(raw))}
	case t.text == "is":
		p.fail(t.at, "`is` stands in the head of a rule only")
	case t.text == "+" || t.text == "*" || t.text == "-":
		p.fail(t.at, "rules do not calculate: a sum that is too large would be an error, and deny; compare with a number")
	}
	return left
}

func (p *parser) attribute(where string) string {
	t := p.advance()
	if t.kind != identToken || reserved[t.text] {
		p.fail(t.at, "found %s; want a name %s", t.shown(), where)
	}
	return t.text
}

// reserved are the words that are no names. Source: "Grammar specification for Cedar
// policy syntax", RESERVED.
var reserved = map[string]bool{"true": true, "false": true, "if": true, "then": true, "else": true,
	"in": true, "like": true, "has": true, "is": true, "__cedar": true}

func (p *parser) unary() *expr {
	t := p.peek()
	switch {
	case p.accept("!"):
		if p.peek().text == "!" {
			p.fail(p.peek().at, "not not: leave both out")
		}
		arg := p.member()
		return &expr{at: t.at, op: "!", args: []*expr{arg}, node: ast.Not(arg.node)}
	case p.accept("-"):
		number := p.advance()
		if number.kind != numberToken {
			p.fail(t.at, "a minus stands before a number only; rules do not calculate")
		}
		return p.number(t.at, "-"+number.text)
	}
	return p.member()
}

func (p *parser) number(at place, text string) *expr {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.fail(at, "the number %s is too large", text)
	}
	return &expr{at: at, op: "int", n: n, node: ast.Long(n)}
}

// methods are what may be called on a value, by their number of arguments.
var methods = map[string]int{"contains": 1, "containsAll": 1, "containsAny": 1, "isEmpty": 0,
	"lessThan": 1, "lessThanOrEqual": 1, "greaterThan": 1, "greaterThanOrEqual": 1}

func (p *parser) member() *expr {
	e := p.primary()
	for {
		t := p.peek()
		switch {
		case p.accept("["):
			p.fail(t.at, "write the name of an attribute after a point: context.risk")
		case !p.accept("."):
			return e
		}
		name := p.attribute("after the point")
		if !p.accept("(") {
			e = &expr{at: e.at, op: ".", args: []*expr{e}, name: name, node: e.node.Access(types.String(name))}
			continue
		}
		count, ok := methods[name]
		if !ok {
			p.fail(t.at, "there is no method %s; there are contains, containsAll, containsAny, isEmpty, and for decimals lessThan, lessThanOrEqual, greaterThan and greaterThanOrEqual", name)
		}
		args := append([]*expr{e}, p.list(")")...)
		if len(args) != 1+count {
			p.fail(t.at, "%s takes %d values, not %d", name, count, len(args)-1)
		}
		e = call(t.at, name, args)
	}
}

func call(at place, method string, args []*expr) *expr {
	e := &expr{at: at, op: method, args: args}
	switch a := args[0].node; method {
	case "contains":
		e.node = a.Contains(args[1].node)
	case "containsAll":
		e.node = a.ContainsAll(args[1].node)
	case "containsAny":
		e.node = a.ContainsAny(args[1].node)
	case "isEmpty":
		e.node = a.IsEmpty()
	default:
		e.node = ast.NewMethodCall(a, types.Path(method), args[1].node)
	}
	return e
}

func (p *parser) primary() *expr {
	t := p.advance()
	switch {
	case t.kind == numberToken:
		return p.number(t.at, t.text)
	case t.kind == stringToken:
		text := p.unquote(t)
		return &expr{at: t.at, op: "text", text: text, node: ast.String(types.String(text))}
	case t.kind == markToken && t.text == "(":
		e := p.expression()
		p.want(")", "after an expression in brackets")
		return e
	case t.kind == markToken && t.text == "[":
		e := &expr{at: t.at, op: "set", args: p.list("]")}
		if len(e.args) == 0 {
			p.fail(t.at, "an empty set; for \"has none\" there is .isEmpty()")
		}
		nodes := make([]ast.Node, len(e.args))
		for i, arg := range e.args {
			nodes[i] = arg.node
		}
		e.node = ast.Set(nodes...)
		return e
	case t.kind != identToken:
		p.fail(t.at, "found %s; want a value", t.shown())
	case p.peek().text == "::":
		p.pos--
		uid := p.entity()
		return &expr{at: t.at, op: "entity", name: string(uid.Type), text: string(uid.ID), node: ast.EntityUID(uid.Type, uid.ID)}
	}
	e := &expr{at: t.at, op: "variable", name: t.text}
	switch t.text {
	case "principal":
		e.node = ast.Principal()
	case "resource":
		e.node = ast.Resource()
	case "context":
		e.node = ast.Context()
	case "decimal":
		p.want("(", `as in decimal("0.5")`)
		number := p.advance()
		if number.kind != stringToken {
			p.fail(number.at, `found %s; want a number in quotes, as in decimal("0.5")`, number.shown())
		}
		p.want(")", `as in decimal("0.5")`)
		if _, err := types.ParseDecimal(p.unquote(number)); err != nil {
			p.fail(number.at, `a decimal has a point, at most four digits after it, and at most fifteen before it, as in "0.5"`)
		}
		arg := ast.String(types.String(p.unquote(number)))
		e.op, e.node = "decimal", ast.NewNode(ast.NodeTypeExtensionCall{Name: "decimal", Args: []ast.IsNode{arg.AsIsNode()}})
	case "action":
		p.fail(t.at, "which action a rule is about stands in its head: permit (principal, action == Action::\"load\", resource)")
	case "true", "false":
		p.fail(t.at, "a condition that is always %s; leave it out, or the rule", t.text)
	default:
		message := fmt.Sprintf("found %s; want a value: context, principal, resource, a text, a number or a set", t.shown())
		p.fail(t.at, "%s", message+suggest(t.text, []string{"context", "principal", "resource", "decimal"}))
	}
	return e
}

// list reads expressions with commas between them, up to the closing bracket.
func (p *parser) list(end string) []*expr {
	var items []*expr
	for !p.accept(end) {
		items = append(items, p.expression())
		if t := p.peek(); !p.accept(",") && t.text != end {
			p.fail(t.at, "found %s; want `,` or `%s`", t.shown(), end)
		}
	}
	return items
}

// readPattern reads what stands between the quotes after like.
func readPattern(raw string) types.Pattern {
	var components []any
	var literal strings.Builder
	flush := func() {
		components = append(components, types.String(literal.String()))
		literal.Reset()
	}
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '*':
			flush()
			components = append(components, types.Wildcard{})
		case '\\':
			i++
			literal.WriteByte(raw[i])
		default:
			literal.WriteByte(raw[i])
		}
	}
	flush()
	return types.NewPattern(components...)
}
