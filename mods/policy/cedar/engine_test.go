package cedar

import (
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"github.com/luasandbox/modrunner/mods/policy"
)

func load1(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse("test.cedar", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func broken(t testing.TB, text string) *cedar.Policy {
	t.Helper()
	var p cedar.Policy
	if err := p.UnmarshalCedar([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return &p
}

const (
	permitAll = `@id("all") permit (principal, action, resource);`
	forbidOne = `@id("never") forbid (principal, action, resource) when { context.risk > 90 };`
	// What no rule of ours can be, and what fails when it is evaluated.
	overflows = `forbid (principal, action, resource) when { context.risk + 9223372036854775807 > 0 };`
)

// A rule that cannot be evaluated denies, be it a forbid or a permit. Cedar itself would
// leave a forbid out, and allow.
func TestErrorsDeny(t *testing.T) {
	r := policy.Request{ID: "m", Digest: "h1:x", Signature: policy.Trusted, Risk: 1, Permissions: []policy.Permission{{Capability: "log", Risk: "none"}}}
	for _, effect := range []string{"forbid", "permit"} {
		p := load1(t, permitAll+"\n"+forbidOne)
		if mod, all := p.Judge(r); mod.Effect != policy.Allow || all[0].Effect != policy.Allow {
			t.Fatalf("the control: %+v %+v", mod, all)
		}
		p.rules[1].whole = broken(t, strings.Replace(overflows, "forbid", effect, 1))
		mod, all := p.Judge(r)
		for _, ruling := range append(all, mod) {
			if ruling.Effect != policy.Deny || len(ruling.Rules) != 1 || ruling.Rules[0] != "test.cedar:2:never" || !strings.Contains(ruling.Message, "overflow") {
				t.Errorf("%s: %+v", effect, ruling)
			}
		}
		if d := policy.Decide(r, p, nil); d.Effect != policy.Deny {
			t.Errorf("%+v", d)
		}
	}
	// The negative control: Cedar's own decision.
	f, err := collect(r)
	if err != nil {
		t.Fatal(err)
	}
	set := cedar.NewPolicySet()
	set.Add("all", broken(t, permitAll))
	set.Add("never", broken(t, overflows))
	decision, diagnostic := cedar.Authorize(set, types.EntityMap{f.mod.UID: f.mod},
		cedar.Request{Principal: f.mod.UID, Action: loadAction, Resource: host, Context: f.context})
	if decision != cedar.Allow || len(diagnostic.Errors) != 1 {
		t.Errorf("Cedar does not skip what fails any more: %v, %+v", decision, diagnostic)
	}
}

// A panic of the evaluator denies.
func TestPanicDenies(t *testing.T) {
	p := load1(t, permitAll)
	p.rules[0].whole = nil
	r := policy.Request{ID: "m", Signature: policy.Trusted, Permissions: []policy.Permission{{Capability: "log"}}}
	mod, all := p.Judge(r)
	if mod.Effect != policy.Deny || len(all) != 1 || all[0].Effect != policy.Deny || all[0].Capability != "log" {
		t.Errorf("%+v %+v", mod, all)
	}
}

// What Cedar's validator alone lets pass, of what is refused here.
func TestValidatorAlone(t *testing.T) {
	v, err := validator(nil)
	if err != nil {
		t.Fatal(err)
	}
	takes := func(condition string) bool {
		p := broken(t, "forbid (principal, action == Action::\"load\", resource) when { "+condition+" };")
		return v.Policy("", (*ast.Policy)(p.AST())) == nil
	}
	for _, condition := range []string{
		`context has sginature && context.sginature == "bad"`,
		`context.signature == "trsted"`,
		`principal is Mood`,
		`context.risk > 100`,
		`false && context.nonsense`,
		`1 == "1"`,
		`context.interactive && !context.interactive`,
		`context.risk + 9223372036854775807 > 0`,
	} {
		if !takes(condition) {
			t.Errorf("the validator refuses %s now", condition)
		}
		if _, err := Parse("x", []byte("@id(\"a\") forbid (principal, action == Action::\"load\", resource) when { "+condition+" };")); err == nil {
			t.Errorf("we take %s", condition)
		}
	}
	for _, condition := range []string{`context.sginature == "bad"`, `context.risk == "5"`, `context.risk`} {
		if takes(condition) {
			t.Errorf("the validator takes %s", condition)
		}
	}
}

// Where our parser and Cedar's read differently, nothing is loaded: the check is there.
func TestAgree(t *testing.T) {
	const text = `@id("a") @ask("b") permit (principal in Publisher::"x", action in [Action::"load"], resource is Host) when { context.risk > 5 } unless { context.risk > 6 };`
	statements, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{
		text,
		strings.Replace(text, "permit", "forbid", 1),
		strings.Replace(text, `"x"`, `"y"`, 1),
		strings.Replace(text, `"load"`, `"grant"`, 1),
		strings.Replace(text, `[Action::"load"]`, `Action::"load"`, 1),
		strings.Replace(text, `is Host`, `is Mod`, 1),
		strings.Replace(text, ` in Publisher::"x"`, ``, 1),
		strings.Replace(text, "unless", "when", 1),
		strings.Replace(text, "> 6", ">= 6", 1),
		strings.Replace(text, "unless { context.risk > 6 }", "", 1),
		strings.Replace(text, `@ask("b")`, `@ask("c")`, 1),
		strings.Replace(text, `@ask("b") `, ``, 1),
	} {
		if same := statements[0].agree((*ast.Policy)(broken(t, other).AST())); same != (other == text) {
			t.Errorf("agrees: %v\n%s", same, other)
		}
	}
}

// The schema has what the table has, and facts fit it: Cedar's validator takes each
// attribute, and a request.
func TestSchemaAndFacts(t *testing.T) {
	v, err := validator(nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := collect(policy.Request{Signature: policy.Unsigned})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Request(cedar.Request{Principal: f.mod.UID, Action: loadAction, Resource: host, Context: f.context}); err != nil {
		t.Error(err)
	}
	if err := v.Entity(f.mod); err != nil {
		t.Error(err)
	}
	p := load1(t, permitAll)
	resource, _ := p.capability(policy.Permission{Capability: "x"})
	if err := v.Entity(resource); err != nil {
		t.Error(err)
	}
	if err := v.Request(cedar.Request{Principal: f.mod.UID, Action: grantAction, Resource: resource.UID, Context: f.context}); err != nil {
		t.Error(err)
	}
	for _, a := range attributes {
		condition := map[valueType]string{flagType: a.path, numberType: a.path + " == 1", textType: a.path + ` == "low"`, textsType: a.path + ".isEmpty()"}[a.typ]
		rule := broken(t, "permit (principal, action == Action::\"grant\", resource) when { "+condition+" };")
		if err := v.Policy("", (*ast.Policy)(rule.AST())); err != nil {
			t.Errorf("%s: %v", a.path, err)
		}
	}
}

// What Cedar's parser or validator does not take, or reads otherwise, is not loaded,
// although nothing before has found fault with it.
func TestCedarHasTheLastWord(t *testing.T) {
	const text = `@id("a") permit (principal, action == Action::"grant", resource) when { resource.count has n };`
	for name, test := range map[string]struct {
		cedar string
		uses  map[option]bool
		want  string
	}{
		"the same":  {text, map[option]bool{{"count", "n"}: true}, ""},
		"otherwise": {strings.Replace(text, "count", "text ", 1), map[option]bool{{"count", "n"}: true}, "otherwise"},
		"not Cedar": {strings.Replace(text, "permit", "permit(", 1), nil, "does not take it"},
		"types":     {strings.Replace(text, "resource.count has n", "resource.count.n > 5 ", 1), map[option]bool{{"count", "n"}: true}, ""},
	} {
		statements, err := read(text)
		if err != nil {
			t.Fatal(err)
		}
		if name == "types" { // read as it is written, and of a type that it has not
			if statements, err = read(test.cedar); err != nil {
				t.Fatal(err)
			}
			test.want = "validator does not take it"
		}
		statements[0].end = len(test.cedar)
		failed := &Error{}
		p := &Policy{rules: []*Rule{{ID: "a"}}}
		p.compile("x", test.cedar, statements, test.uses, failed)
		got := ""
		if len(failed.Problems) > 0 {
			got = failed.Problems[0].Message
		}
		if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
