package cedar

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
)

// The two actions.
const (
	load  = "load"  // of the mod as a whole
	grant = "grant" // of one capability
)

const annotationNames = "@id, @message, @ask, @clamp"

var (
	ruleID     = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)
	optionName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Rule is one rule of a policy.
type Rule struct {
	ID           string
	Name         string // the file, the line and the id, as rulings have it: "policy.cedar:12:only-signed"
	Line, Column int    // where it begins
	Effect       policy.Effect
	Message      string           // of @message or @ask; may be empty
	Limits       limits.Limits    // of @clamp, where the rule is about mods
	Options      map[string]int64 // of @clamp, where it is about capabilities; not to be changed

	forbid  bool
	actions []string
	uses    []option
	whole   *cedar.Policy
	scope   *cedar.Policy // without its conditions
}

// newRule checks what a statement says. The error is a *fault; the id is there
// nevertheless, if it is known.
func newRule(s *statement) (r *Rule, options map[option]place, err error) {
	r = &Rule{Line: s.at.line, Column: s.at.column, forbid: s.forbid}
	defer func() {
		if p := recover(); p != nil {
			f, ours := p.(*fault)
			if !ours {
				panic(p)
			}
			err = f
		}
	}()
	clamp := r.annotate(s)
	r.actions = scopes(s)
	if clamp != nil {
		r.clamp(*clamp)
	}
	c := checker{actions: r.actions, options: map[option]place{}}
	for _, condition := range s.conditions {
		c.flag(condition.body, nil)
	}
	if f := neverHolds(s); f != nil {
		return r, nil, f
	}
	for o := range c.options {
		r.uses = append(r.uses, o)
	}
	slices.SortFunc(r.uses, func(a, b option) int { return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.name, b.name)) })
	return r, c.options, nil
}

// annotate reads the annotations, and returns the @clamp, if there is one.
func (r *Rule) annotate(s *statement) (clamp *annotation) {
	seen := map[string]bool{}
	for _, a := range s.annotations {
		if a.name == "id" {
			if !ruleID.MatchString(a.value) {
				failf(a.valueAt, "an id is made of a to z, 0 to 9, '.', '_' and '-', as in @id(\"strangers-may-not\")")
			}
			r.ID = a.value
		}
	}
	r.Effect = policy.Allow
	if s.forbid {
		r.Effect = policy.Deny
	}
	for _, a := range s.annotations {
		if seen[a.name] {
			failf(a.at, "@%s is there twice", a.name)
		}
		seen[a.name] = true
		if s.forbid && (a.name == "ask" || a.name == "clamp") {
			failf(a.at, "@%s stands on a permit: a forbid always denies", a.name)
		}
		switch a.name {
		case "id":
		case "message", "ask":
			if strings.TrimSpace(a.value) == "" || strings.ContainsFunc(a.value, unicode.IsControl) {
				failf(a.valueAt, "@%s says something to a person, on one line", a.name)
			}
			if r.Message != "" {
				failf(a.at, "@ask says what @message would; one of them is enough")
			}
			if r.Message = a.value; a.name == "ask" {
				r.Effect = policy.Ask
			}
		case "clamp":
			clamp = &a
			r.Effect = max(r.Effect, policy.Clamp)
		default:
			failf(a.at, "there is no annotation @%s%s; there are %s", a.name, suggest(a.name, []string{"message", "clamp"}), annotationNames)
		}
	}
	if r.ID == "" {
		failf(s.at, "a rule has a name: @id(\"...\") in front of it")
	}
	return clamp
}

// clamp reads "memory=16MiB, time=50ms".
func (r *Rule) clamp(a annotation) {
	if len(r.actions) != 1 {
		failf(a.at, "@clamp is of one kind of thing: the head has to say action == Action::%q, and it is limits, or action == Action::%q, and it is options", load, grant)
	}
	r.Options = map[string]int64{}
	for part := range strings.SplitSeq(a.value, ",") {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" {
			failf(a.valueAt, "want names and values, as in @clamp(\"memory=16MiB, time=50ms\")")
		}
		if r.actions[0] == grant {
			n, err := limits.ParseSize(value)
			if err != nil || n == limits.Unlimited || !optionName.MatchString(name) {
				failf(a.valueAt, "%s=%s: want the name of an option, and a count or a size, as in quota=64KiB", name, value)
			}
			if _, twice := r.Options[name]; twice {
				failf(a.valueAt, "%s is there twice", name)
			}
			r.Options[name] = n
			continue
		}
		kind, err := limits.ParseKind(name)
		if err != nil {
			failf(a.valueAt, "there is no limit %s%s; there are %s", name, suggest(name, limitNames()), strings.Join(limitNames(), ", "))
		}
		n, wanted := readLimit(kind, value)
		if n <= 0 || n == limits.Unlimited {
			failf(a.valueAt, "%s=%s: want %s", name, value, wanted)
		}
		if r.Limits.Of(kind) != 0 {
			failf(a.valueAt, "%s is there twice", name)
		}
		r.Limits = r.Limits.With(kind, n)
	}
}

func limitNames() []string {
	var names []string
	for _, k := range limits.Kinds() {
		names = append(names, k.String())
	}
	return names
}

// readLimit reads the value of a limit; 0 if it is none.
func readLimit(kind limits.Kind, text string) (n int64, wanted string) {
	switch kind {
	case limits.Time:
		d, _ := time.ParseDuration(text)
		return int64(d), "a duration, such as 50ms"
	case limits.Memory, limits.Output, limits.String, limits.Source:
		n, _ = limits.ParseSize(text)
		return n, "a size, such as 16MiB"
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = 0
	}
	return n, "a whole number, such as 1000000"
}

// scopes checks the head of a rule, and returns the actions that it can be about.
func scopes(s *statement) []string {
	about := []string{load, grant}
	if s.action.op != "" {
		about = nil
		for _, e := range s.action.entities {
			id := string(e.ID)
			if string(e.Type) != actionType || id != load && id != grant {
				failf(s.action.at, "the action is Action::%q or Action::%q, not %s", load, grant, e)
			}
			if slices.Contains(about, id) {
				failf(s.action.at, "%s is there twice", e)
			}
			about = append(about, id)
		}
		if len(about) == 0 {
			failf(s.action.at, "no action at all: this rule never applies")
		}
	}
	of := func(sc scope) string {
		if sc.is != "" || sc.op == "" {
			return sc.is
		}
		return string(sc.entities[0].Type)
	}
	switch p := s.principal; {
	case p.list:
		failf(p.at, `the head takes one publisher; for several write when { principal in [Publisher::"a", Publisher::"b"] }`)
	case p.op == "in" && of(p) != publisherType:
		failf(p.at, `a mod is in a publisher, as in principal in Publisher::"name", and in nothing else`)
	case (p.op == "==" || p.op == "is") && of(p) != modType:
		failf(p.at, `the principal is a mod, as in principal == Mod::"weather"; of a publisher it is in: principal in Publisher::"name"`)
	}
	only := ""
	switch of(s.resource) {
	case "":
		return about
	case capabilityType:
		only = grant
	case hostType:
		only = load
	default:
		failf(s.resource.at, `the resource is a capability, as in resource == Capability::"storage"`)
	}
	if !slices.Contains(about, only) {
		failf(s.resource.at, "this never applies: the resource of Action::%q is a %s", about[0], map[string]string{load: hostType, grant: capabilityType}[about[0]])
	}
	if only == load && s.resource.op == "==" && s.resource.entities[0] != host {
		failf(s.resource.at, "there is one host, %s; leave it out", host)
	}
	return []string{only}
}

// ast is the statement as Cedar has it, without its conditions.
func (s *statement) ast() *ast.Policy {
	p := ast.Permit()
	if s.forbid {
		p = ast.Forbid()
	}
	for _, a := range s.annotations {
		p.Annotations = append(p.Annotations, ast.AnnotationType{Key: types.AnnotationKey(a.name), Value: types.String(a.value)})
	}
	switch sc := s.principal; sc.op {
	case "==":
		p.PrincipalEq(sc.entities[0])
	case "in":
		p.PrincipalIn(sc.entities[0])
	case "is":
		p.PrincipalIs(types.EntityType(sc.is))
	}
	switch sc := s.action; {
	case sc.op == "==":
		p.ActionEq(sc.entities[0])
	case sc.list:
		p.ActionInSet(sc.entities...)
	case sc.op == "in":
		p.ActionIn(sc.entities[0])
	}
	switch sc := s.resource; sc.op {
	case "==":
		p.ResourceEq(sc.entities[0])
	case "is":
		p.ResourceIs(types.EntityType(sc.is))
	}
	return p
}

// agree reports whether Cedar's own parser has read the same.
func (s *statement) agree(read *ast.Policy) bool {
	ours := s.ast()
	same := ours.Effect == read.Effect && slices.Equal(ours.Annotations, read.Annotations) &&
		ours.Principal == read.Principal && ours.Resource == read.Resource &&
		sameAction(ours.Action, read.Action) && len(s.conditions) == len(read.Conditions)
	for i := 0; same && i < len(s.conditions); i++ {
		theirs := read.Conditions[i]
		same = bool(theirs.Condition) == !s.conditions[i].unless && ast.Equal(s.conditions[i].body.node, ast.NewNode(theirs.Body))
	}
	return same
}

func sameAction(a, b ast.IsActionScopeNode) bool {
	x, list := a.(ast.ScopeTypeInSet)
	y, other := b.(ast.ScopeTypeInSet)
	if list || other {
		return list && other && slices.Equal(x.Entities, y.Entities)
	}
	return a == b
}
