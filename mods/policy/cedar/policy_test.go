package cedar_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/mods/policy/cedar"
)

func mustParse(t testing.TB, text string) *cedar.Policy {
	t.Helper()
	p, err := cedar.Parse("test.cedar", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// when is a rule about capabilities with a condition.
func when(condition string) string {
	return "@id(\"a\")\nforbid (principal, action == Action::\"grant\", resource)\nwhen { " + condition + " };"
}

func TestParseTakes(t *testing.T) {
	for _, text := range []string{
		`@id("a") permit (principal, action, resource);`,
		`@id("a") permit (principal == Mod::"weather", action == Action::"load", resource is Host);`,
		`@id("a") permit (principal in Publisher::"Ada", action in [Action::"load", Action::"grant"], resource);`,
		`@id("a") permit (principal is Mod, action in Action::"grant", resource is Capability);`,
		`@id("a") @message("why") permit (principal, action, resource == Capability::"storage");`,
		`@id("a") @ask("may it?") @clamp("quota=64KiB, files=3") permit (principal, action == Action::"grant", resource);`,
		`@id("a") @clamp("memory=16MiB,time=50ms, instructions=1000") permit (principal, action == Action::"load", resource);`,
		"\n// a comment with ünïcode\n@id(\"a\") // another\n\tpermit (principal, action, resource)\r\n;\r\n",
		when(`context.signature == "trusted"`),
		when(`"trusted" != context.signature`),
		when(`["trusted", "bad",].contains(context.signature)`),
		when(`principal in Publisher::"Ada" || principal in [Publisher::"Ada", Publisher::"Grace"]`),
		when(`principal == Mod::"weather" && resource == Capability::"storage"`),
		when(`[Mod::"weather", Mod::"chat"].contains(principal)`),
		when(`if context.interactive then context.risk < 50 else 20 >= context.risk`),
		when(`resource.count has quota && resource.count.quota > 65536`),
		when(`(resource.count has quota && resource.text has mode) && resource.count.quota > 1 && resource.text.mode == "x"`),
		when(`if resource.count has quota then resource.count.quota > 1 else resource.optional`),
		when(`resource.number has rate && resource.number.rate.greaterThan(decimal("0.5"))`),
		when(`resource.flag has all && !resource.flag.all`),
		when(`resource.list has hosts && resource.list.hosts.containsAny(["a.example"]) && !resource.list.hosts.isEmpty()`),
		when(`!["quota", "mode"].containsAll(resource.options)`),
		when(`resource.name like "game.*" && principal.id like "a\*b*"`),
		when(`context.limits.time_ms > 50 && context.limits.memory > 1000 && context.limits.instructions < 9 || principal.library`),
		when(`context.findings.rules.contains("obfuscation") && context.findings.errors > 0`),
		when(`context.publisher == principal.id`),
		when(`principal.version like "0.*"`),
		when(`"\"\\" == principal.version`),
		when(`context.risk > 10 && context.risk < 20 && context.risk != 15`) + "\n" + strings.Replace(when(`context.update.known`), `"a"`, `"b"`, 1),
	} {
		if _, err := cedar.Parse("test.cedar", []byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

var ruleIn = regexp.MustCompile(` rule "[a-z]":`)

// Each mistake is found when the policy is loaded, with its place and what would be
// right.
func TestParseRefuses(t *testing.T) {
	head := `@id("a") permit (principal, action, resource)`
	for _, test := range []struct{ text, want string }{
		// What is no rule.
		{``, "test.cedar:1:1: there is no rule"},
		{"// nothing\n", "2:1: there is no rule"},
		{"\n  allow (principal, action, resource);", "2:3: found `allow`; a rule begins"},
		{head, "found the end of the file; want `;`"},
		{`@id("a") permit (principal, resource, action);`, "1:29: found `resource`; want `action`"},
		{`@id("a") permit (principal action, resource);`, "1:28: found `action`; want `,`"},
		{`@id("a") permit (principal, action = Action::"load", resource);`, "1:36: a single =; want =="},
		{head + "\nwhen { context.risk > };", "2:23: found `}`; want a value"},
		{head + "\nwhen { context.risk > 1 ;", "2:25: found `;`; want `}`"},
		{head + "\nwhen (context.risk > 1);", "2:6: found `(`; want `{`"},
		{head + "\nwhen { 'x' == principal.id };", "2:8: a text stands between double quotes"},
		{head + "\nwhen { principal.id == \"x };", "2:24: the text that begins here has no closing quote"},
		{head + "\nwhen { principal.id == \"\\n\" };", `2:25: after a \ only`},
		{head + "\nwhen { principal.id == \"\\*\" };", `2:24: \* is for patterns`},
		{head + "\n/* when */;", "2:1: a comment is written with //"},
		{head + "\n// safe \u202e elbaliava\n;", "2:9: the character U+202E cannot be seen"},
		{head + "\n// a\rwhen { context.risk > 5 };", "the character U+000D cannot be seen"},
		{head + "\n// \x00\n;", "the character U+0000 cannot be seen"},
		{head + "\n// \xff\n;", "2:4: a byte that is not UTF-8"},
		{head + "\nwhen { principal.id == \"a\u200bb\" };", "2:26: the character U+200B cannot be seen"},
		{head + "\nwhen { context.risk > 99999999999999999999 };", "the number 99999999999999999999 is too large"},
		{head + "\nwhen { context.risk + 1 > 5 };", "2:21: rules do not calculate"},
		{head + "\nwhen { -context.risk > 5 };", "2:8: a minus stands before a number only"},
		{head + "\nwhen { true };", "2:8: a condition that is always true"},
		{head + "\nwhen { context.risk > 5 && false };", "2:28: a condition that is always false"},
		{head + "\nwhen { !!context.interactive };", "2:9: not not"},
		{head + "\nwhen { context[\"risk\"] > 5 };", "2:15: write the name of an attribute after a point"},
		{head + "\nwhen { principal is Mod };", "2:18: `is` stands in the head"},
		{head + "\nwhen { principal.hasTag(\"x\") };", "there is no method hasTag"},
		{head + "\nwhen { ip(\"127.0.0.1\").isLoopback() };", "2:8: found `ip`; want a value"},
		{head + "\nwhen { contxt.risk > 5 };", "2:8: found `contxt`; want a value: context, principal, resource, a text, a number or a set; did you mean `context`?"},
		{head + "\nwhen { action == Action::\"load\" };", "2:8: which action a rule is about stands in its head"},
		{head + "\nwhen { [].contains(principal.id) };", "2:8: an empty set"},
		{when(`resource.number has a && resource.number.a.lessThan(decimal("1"))`), "a decimal has a point"},
		{when(`resource.number has a && resource.number.a.lessThan(decimal("0.12345"))`), "a decimal has a point"},

		// Annotations.
		{`permit (principal, action, resource);`, "1:1: a rule has a name"},
		{`@id("") permit (principal, action, resource);`, "1:5: an id is made of"},
		{`@id("A b") permit (principal, action, resource);`, "1:5: an id is made of"},
		{`@id permit (principal, action, resource);`, "1:5: found `permit`; want `(`"},
		{`@id("a") @id("b") permit (principal, action, resource);`, "1:10: @id is there twice"},
		{`@id("a") @mesage("x") permit (principal, action, resource);`, "1:10: there is no annotation @mesage; did you mean `message`?"},
		{`@id("a") @advice("x") permit (principal, action, resource);`, "there is no annotation @advice; there are @id, @message, @ask, @clamp"},
		{`@id("a") @ask("") permit (principal, action, resource);`, "1:15: @ask says something to a person"},
		{`@id("a") @ask("x") @message("y") permit (principal, action, resource);`, "@ask says what @message would"},
		{`@id("a") @ask("x") forbid (principal, action, resource);`, "1:10: @ask stands on a permit"},
		{`@id("a") @clamp("memory=1MiB") forbid (principal, action == Action::"load", resource);`, "1:10: @clamp stands on a permit"},
		{`@id("a") @clamp("memory=1MiB") permit (principal, action, resource);`, "1:10: @clamp is of one kind of thing"},
		{`@id("a") @clamp("memery=1MiB") permit (principal, action == Action::"load", resource);`, "there is no limit memery; did you mean `memory`?"},
		{`@id("a") @clamp("memory=0") permit (principal, action == Action::"load", resource);`, "memory=0: want a size"},
		{`@id("a") @clamp("memory=unlimited") permit (principal, action == Action::"load", resource);`, "want a size"},
		{`@id("a") @clamp("memory=-5") permit (principal, action == Action::"load", resource);`, "want a size"},
		{`@id("a") @clamp("time=50") permit (principal, action == Action::"load", resource);`, "want a duration"},
		{`@id("a") @clamp("depth=5KiB") permit (principal, action == Action::"load", resource);`, "want a whole number"},
		{`@id("a") @clamp("memory=1MiB, memory=2MiB") permit (principal, action == Action::"load", resource);`, "memory is there twice"},
		{`@id("a") @clamp("memory") permit (principal, action == Action::"load", resource);`, "want names and values"},
		{`@id("a") @clamp("quota=much") permit (principal, action == Action::"grant", resource);`, "want the name of an option, and a count or a size"},
		{`@id("a") @clamp("quota=1,quota=2") permit (principal, action == Action::"grant", resource);`, "quota is there twice"},

		// The head.
		{`@id("a") permit (principal, action == Action::"lod", resource);`, `the action is Action::"load" or Action::"grant"`},
		{`@id("a") permit (principal, action in [Action::"load", Action::"load"], resource);`, "is there twice"},
		{`@id("a") permit (principal, action in [], resource);`, "this rule never applies"},
		{`@id("a") permit (principal == User::"x", action, resource);`, "1:31: found `User`; want one of Mod, Publisher"},
		{`@id("a") permit (principal == Publisher::"x", action, resource);`, "the principal is a mod"},
		{`@id("a") permit (principal in Mod::"x", action, resource);`, "a mod is in a publisher"},
		{`@id("a") permit (principal == Mod::"", action, resource);`, "nothing has an empty name"},
		{`@id("a") permit (principal, action, resource == Mod::"x");`, "the resource is a capability"},
		{`@id("a") permit (principal, action == Action::"load", resource == Capability::"x");`, "this never applies"},
		{`@id("a") permit (principal, action == Action::"grant", resource is Host);`, "this never applies"},
		{`@id("a") permit (principal, action, resource == Host::"x");`, "there is one host"},

		// Names.
		{head + "\nwhen { context.sginature == \"bad\" };", "2:8: rule \"a\": there is no `context.sginature`; did you mean `signature`?"},
		{head + "\nwhen { context.colour == \"red\" };", "there is no `context.colour`; there are advisories, environment"},
		{head + "\nwhen { context.findings.eror > 1 };", "there is no `context.findings.eror`"},
		{head + "\nwhen { context.risk.high > 1 };", "a whole number has nothing behind a point"},
		{head + "\nwhen { context has sginature && context.sginature == \"bad\" };", "2:16: rule \"a\": has is for the options"},
		{head + "\nwhen { context has risk };", "has is for the options"},
		{head + "\nwhen { resource.risk == \"high\" };", "2:8: rule \"a\": the resource is a capability only where the head says"},
		{when(`resource.count.quota > 5`), "a request may be without this option; write `resource.count has quota && ...` before"},
		{when(`resource.count has quota || resource.count.quota > 5`), "a request may be without this option"},
		{when(`!(resource.count has quota) && resource.count.quota > 5`), "a request may be without this option"},
		{when(`resource.count has quota && resource.count has quota`), "this always holds"},
		{when(`resource.options has quota`), "has is for the options"},
		{when(`resource.count has a.b`), "after has stands one name"},
		{when(`resource.counts has a`), "has is for the options"},

		// Types.
		{when(`context.risk == "5"`), "3:21: rule \"a\": `==` between a whole number and a text"},
		{when(`context.risk > "5"`), "`>` between a whole number and a text"},
		{when(`context.interactive == 1`), "between a flag and a whole number"},
		{when(`context.risk`), "a whole number where something true or false is wanted"},
		{when(`context.risk > 5 && context.publisher`), "a text where something true or false is wanted"},
		{when(`!context.risk`), "a whole number where something true or false is wanted"},
		{when(`if context.risk then context.interactive else context.interactive`), "where something true or false is wanted"},
		{when(`resource.count has quota && resource.count.quota == "64KiB"`), "`==` between a whole number and a text"},
		{when(`resource.list has hosts && resource.list.hosts == "a"`), "between a texts and a text"},
		{when(`resource.number has rate && resource.number.rate > 5`), "`>` between a decimal and a whole number"},
		{when(`context.keys.contains(5)`), "between a texts and a whole number"},
		{when(`context.publisher.contains("a")`), "between a text and a text"},
		{when(`context.risk.isEmpty()`), "isEmpty is for texts"},
		{when(`context.risk like "5*"`), "a pattern is for a text"},
		{when(`["a", 5].contains(principal.id)`), "a whole number in a set that begins with a text"},
		{when(`[1, 2].contains(context.risk)`), "a set is of texts or of entities"},
		{when(`["a", context.signature].contains("b")`), "a set is of texts or of entities"},
		{when(`[context.signature].contains("b")`), "a set is of texts or of entities"},
		{when(`principal == Capability::"x"`), "between a Mod and a Capability"},
		{when(`principal in Mod::"x"`), "in is for publishers"},
		{when(`principal.id in ["a"]`), "in is for publishers"},
		{when(`context.limits == context.limits`), "which can never hold"},
		{when(`resource.count has a && resource.text has a`) + "\n", "resource.text.a, and in line 3 it is resource.count.a"},

		// What never holds.
		{when(`context.signature == "trsted"`), "3:29: rule \"a\": context.signature is never \"trsted\"; did you mean `trusted`?"},
		{when(`["bad", "evil"].contains(context.signature)`), `context.signature is never "evil"`},
		{when(`context.signature like "*trusted*"`), "compare context.signature with a text"},
		{when(`context.signature == context.publisher`), "compare context.signature with a text"},
		{when(`resource.risk == "extreme"`), `resource.risk is never "extreme"`},
		{when(`context.advisories.worst != "terrible"`), "is never"},
		{when(`context.risk > 100`), "this never holds: context.risk is 0 to 100"},
		{when(`context.risk == 101`), "this never holds"},
		{when(`context.risk >= 0`), "this always holds"},
		{when(`0 <= context.risk`), "this always holds"},
		{when(`context.findings.errors < 0`), "this never holds: context.findings.errors is at least 0"},
		{when(`context.limits.memory < 0`), "this never holds"},
		{when(`principal.id == principal.id`), "both sides are the same"},
		{when(`"a" == "b"`), "both sides are written here"},
		{when(`["a"].contains("b")`), "both sides are written here"},
		{when(`1 == "1"`), "which can never hold"},
		{when(`context.signature == "bad" && context.signature == "revoked"`), "this cannot hold together with what the rule says of context.signature before"},
		{when(`context.signature == "bad" && context.signature != "bad"`), "this cannot hold together"},
		{when(`["bad", "revoked"].contains(context.signature) && !(context.signature == "bad" || context.signature == "revoked")`), "this cannot hold together"},
		{when(`context.interactive && !context.interactive`), "this cannot hold together"},
		{when(`context.risk > 50 && context.risk < 51`), "this cannot hold together"},
		{when(`context.risk > 50 && !(context.risk > 20)`), "this cannot hold together"},
		{when(`context.interactive }` + "\nunless { context.interactive"), "4:10: rule \"a\": this cannot hold together"},
		{when(`context.environment == "server" } when { context.environment == "ci"`), "this cannot hold together"},

		// Ids.
		{head + ";\n" + head + ";", "2:1: rule \"a\": line 1 has a rule with this id"},
	} {
		_, err := cedar.Parse("test.cedar", []byte(test.text))
		if err == nil {
			t.Errorf("taken:\n%s\nwant: %s", test.text, test.want)
			continue
		}
		if e, ok := errors.AsType[*cedar.Error](err); !ok || len(e.Problems) == 0 || e.Problems[0].Line == 0 {
			t.Errorf("%T without a place: %v", err, err)
		}
		first, _, _ := strings.Cut(err.Error(), "\n")
		if !strings.Contains(test.want, "rule ") {
			first = ruleIn.ReplaceAllString(first, "")
		}
		if !strings.Contains(first, test.want) {
			t.Errorf("%s\nwant: %s\n%s", first, test.want, test.text)
		}
	}
}

// An option of one capability has one type in all rules; those of two capabilities have
// nothing to do with each other.
func TestOptionTypes(t *testing.T) {
	rule := func(id, resource, condition string) string {
		return fmt.Sprintf("@id(%q) forbid (principal, action == Action::\"grant\", resource%s) when { %s };\n", id, resource, condition)
	}
	count, text := `resource.count has quota && resource.count.quota > 5`, `resource.text has quota && resource.text.quota == "5"`
	storage, files := ` == Capability::"storage"`, ` == Capability::"files"`
	mustParse(t, rule("a", storage, count)+rule("b", files, text))
	for _, bad := range []string{
		rule("a", storage, count) + rule("b", storage, text),
		rule("a", "", count) + rule("b", storage, text),
		rule("a", storage, count) + rule("b", "", text),
	} {
		if _, err := cedar.Parse("test.cedar", []byte(bad)); err == nil || !strings.Contains(err.Error(), "an option has one type") {
			t.Errorf("%v\n%s", err, bad)
		}
	}
}

// Several mistakes are told at once, each with its rule.
func TestAllProblems(t *testing.T) {
	var text strings.Builder
	for i := range 30 {
		fmt.Fprintf(&text, "@id(\"r%d\") forbid (principal, action, resource) when { context.rsk > %d };\n", i, i)
	}
	_, err := cedar.Parse("test.cedar", []byte(text.String()))
	e, ok := errors.AsType[*cedar.Error](err)
	if !ok || len(e.Problems) != 20 || e.Omitted != 10 {
		t.Fatalf("%v", err)
	}
	if p := e.Problems[3]; p.Rule != "r3" || p.Line != 4 || p.Column != 55 || p.File != "test.cedar" {
		t.Errorf("%+v", p)
	}
	if p, ok := errors.AsType[*cedar.Problem](err); !ok || p != e.Problems[0] {
		t.Error("the problems are not unwrapped")
	}
}

// What is too much is refused before anything recurses on it.
func TestBounds(t *testing.T) {
	rule := `@id("a") permit (principal, action, resource) when { `
	for name, text := range map[string]string{
		"bytes":         strings.Repeat(" ", cedar.MaxBytes+1),
		"brackets":      rule + strings.Repeat("(", 33),
		"many brackets": strings.Repeat("(", cedar.MaxBytes),
		"sets":          rule + strings.Repeat("[", 60_000),
		"ifs":           rule + strings.Repeat("if ", 20_000),
		"nots":          rule + strings.Repeat("!", 60_000),
		"points":        rule + "context" + strings.Repeat(".a", 30_000),
		"ands":          rule + strings.Repeat("context.interactive && ", 2000) + "context.interactive };",
		"semicolons":    strings.Repeat(";", 60_000),
		"annotations":   strings.Repeat("@a(\"\")", 10_000),
		"entities":      `@id("a") permit (principal, action in [` + strings.Repeat(`Action::"load",`, 4000),
		"text":          `@id("` + strings.Repeat("a", 600) + `") permit (principal, action, resource);`,
	} {
		if _, err := cedar.Parse("test.cedar", []byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	nested := func(n int) string {
		return when(strings.Repeat("(", n) + "context.interactive" + strings.Repeat(")", n))
	}
	mustParse(t, nested(31))
	if _, err := cedar.Parse("test.cedar", []byte(nested(32))); err == nil || !strings.Contains(err.Error(), "more than 32 levels") {
		t.Error(err)
	}
	var options strings.Builder
	for i := range 600 {
		fmt.Fprintf(&options, "resource.count has a%d", i)
		if i%50 == 49 {
			fmt.Fprintf(&options, " };\n@id(\"r%d\") forbid (principal, action == Action::\"grant\", resource) when { ", i)
		} else {
			options.WriteString(" || ")
		}
	}
	if _, err := cedar.Parse("test.cedar", []byte(when(options.String()+"context.interactive"))); err == nil || !strings.Contains(err.Error(), "options in more than 512 places") {
		t.Error(err)
	}
	var many strings.Builder
	for i := range cedar.MaxRules {
		fmt.Fprintf(&many, "@id(\"r%d\") permit (principal, action, resource);\n", i)
	}
	mustParse(t, many.String())
	if _, err := cedar.Parse("test.cedar", []byte(many.String()+`@id("x") permit (principal, action, resource);`)); err == nil {
		t.Error("one rule too many is taken")
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "policy.cedar")
	if _, err := cedar.ReadFile(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := cedar.ReadFile(dir); err == nil {
		t.Error("a folder is taken")
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`@id("a") permit (principal, action, resource);`)
	p, err := cedar.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := p.Name()
	if len(name) != len("policy.cedar@123456789012") || !strings.HasPrefix(name, "policy.cedar@") {
		t.Error(name)
	}
	if rules := p.Rules(); len(rules) != 1 || rules[0].Name != "policy.cedar:1:a" {
		t.Errorf("%+v", rules)
	}
	write(`@id("b") permit (principal, action, resource);`)
	if p, err = cedar.ReadFile(file); err != nil || p.Name() == name {
		t.Errorf("another text has the same name: %s, %v", p.Name(), err)
	}
	write(strings.Repeat(" ", cedar.MaxBytes+5))
	if _, err := cedar.ReadFile(file); err == nil {
		t.Error("too long, and taken")
	}
}
