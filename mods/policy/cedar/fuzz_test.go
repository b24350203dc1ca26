package cedar_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/policy/cedar"
)

// seeds are the ready-made policies, and rules with each thing that rules can have.
func seeds(f *testing.F) []string {
	f.Helper()
	files, err := filepath.Glob("ready/*.cedar")
	if err != nil || len(files) != 4 {
		f.Fatalf("%q, %v", files, err)
	}
	texts := []string{
		"", ";", "@id(\"a\") permit (principal, action, resource);",
		when(`if !(context.interactive || principal.library) then context.risk >= -1 else ["a", "b"].containsAny(context.keys)`),
		when(`resource.number has r && resource.number.r.lessThan(decimal("-0.5")) && resource.name like "a\*b*\\\""`),
		when(`resource.count has n && resource.count.n != 5 && resource.list has l && resource.list.l.contains("x")`),
		"@id(\"a\") @ask(\"é\") @clamp(\"memory=1KiB\") permit (principal in Publisher::\"x\", action in [Action::\"load\"], resource is Host) unless { context.risk == 1 };",
		strings.Repeat("(", 5000), `@id("a") permit (principal, action, resource) when { ` + strings.Repeat("if ", 400),
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// Whatever the text: an *Error with places inside the text, or a policy that judges, and
// never laxer than no policy would where it has no permit.
func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := cedar.Parse("fuzz.cedar", []byte(text))
		if err != nil {
			e, ok := errors.AsType[*cedar.Error](err)
			if !ok || len(e.Problems) == 0 || p != nil {
				t.Fatalf("%T %v", err, err)
			}
			lines := strings.Count(text, "\n") + 1
			for _, problem := range e.Problems {
				if problem.Line > lines || problem.Line < 1 && len(text) <= cedar.MaxBytes || strings.Contains(problem.Message, "Cedar") {
					t.Fatalf("%+v of %d lines: %q", problem, lines, text)
				}
			}
			return
		}
		for _, r := range []policy.Request{request(nil), request(map[string]any{"n": int64(5), "r": 0.25, "l": []any{"x"}}), {Signature: policy.BadSig}} {
			mod, all := p.Judge(r)
			if len(all) != len(r.Permissions) || mod.Effect < policy.Allow {
				t.Fatalf("%+v %+v", mod, all)
			}
			for _, ruling := range append(all, mod) {
				if ruling.Effect != policy.Deny && !strings.Contains(text, "permit") {
					t.Fatalf("%+v without a permit: %q", ruling, text)
				}
				if strings.Contains(ruling.Message, "cannot be evaluated") {
					t.Fatalf("%+v: %q", ruling, text)
				}
			}
		}
	})
}

// judged is what FuzzJudge asks: rules of each kind about each kind of option.
const judged = `@id("all") permit (principal, action, resource);
@id("count") forbid (principal, action == Action::"grant", resource) when { resource.count has n && resource.count.n > 100 };
@id("number") forbid (principal, action == Action::"grant", resource) when { resource.number has r && resource.number.r.greaterThan(decimal("0.5")) };
@id("text") forbid (principal, action == Action::"grant", resource) when { resource.text has s && resource.text.s like "*bad*" };
@id("list") forbid (principal, action == Action::"grant", resource) when { resource.list has l && resource.list.l.contains("bad") };
@id("flag") forbid (principal, action == Action::"grant", resource) when { resource.flag has b && resource.flag.b };
@id("unsigned") forbid (principal, action, resource) when { context.signature != "trusted" };
@id("publisher") forbid (principal, action, resource) unless { principal in Publisher::"Ada" };`

// Whatever a mod's author writes, a forbid over it holds: the same in plain Go, which
// knows no types but the right one.
func FuzzJudge(f *testing.F) {
	f.Add("n", uint8(0), int64(101), 0.5, "64KiB", "weather", "trusted", "Ada")
	f.Add("r", uint8(1), int64(0), math.NaN(), "bad", "\x00\xff", "trusted", "Ada")
	f.Add("s", uint8(2), int64(-1), math.Inf(1), "x bad y", "ü\u202e", "unsigned", "Ada")
	f.Add("l", uint8(3), int64(math.MaxInt64), 1e308, "bad", strings.Repeat("m", 300), "", "")
	f.Add("b", uint8(4), int64(math.MinInt64), 0.1234567, "true", "Mod::\"x\"", "trusted", "ada")
	f.Fuzz(func(t *testing.T, name string, kind uint8, n int64, x float64, text, id, signature, publisher string) {
		values := []any{n, x, text, []any{text, "z"}, n%2 == 0, []string{text}, nil, []any{n}, map[string]any{text: n}, int(n)}
		value := values[int(kind)%len(values)]
		r := request(map[string]any{name: value})
		r.ID, r.Signature, r.Publisher = id, policy.Signature(signature), publisher
		p := mustParse(t, judged)
		mod, all := p.Judge(r)
		again, allAgain := p.Judge(r)
		if !reflect.DeepEqual(mod, again) || !reflect.DeepEqual(all, allAgain) {
			t.Fatalf("%+v, and then %+v", mod, again)
		}
		if trusted := signature == "trusted" && publisher == "Ada"; (mod.Effect == policy.Allow) != trusted {
			t.Fatalf("%q by %q: %+v", signature, publisher, mod)
		} else if !trusted {
			return
		}
		if got := all[0].Effect == policy.Allow; got != harmless(name, value) {
			t.Fatalf("%q = %T %v: %+v", name, value, value, all[0])
		}
	})
}

// harmless says of one option what the rules of FuzzJudge mean.
func harmless(name string, value any) bool {
	switch name {
	case "n":
		switch v := value.(type) {
		case int64:
			return v <= 100
		case int:
			return v <= 100
		case float64:
			return v == math.Trunc(v) && v <= 100 && v >= -(1<<53)
		case string:
			size, err := limits.ParseSize(v)
			return err == nil && size <= 100
		}
		return false
	case "r":
		switch v := value.(type) {
		case int64:
			return v <= 0 && v >= -922337203685477
		case int:
			return v <= 0 && v >= -922337203685477
		case float64:
			if v > 0.5 || v < -922337203685476 || math.IsNaN(v) {
				return false
			}
			d, err := types.NewDecimalFromFloat(v)
			return err == nil && d.Float() == v
		}
		return false
	case "s":
		v, ok := value.(string)
		return ok && len(v) <= 64<<10 && !strings.Contains(v, "bad")
	case "l":
		v, ok := value.([]string)
		if list, isAny := value.([]any); isAny {
			for _, item := range list {
				s, isText := item.(string)
				if !isText {
					return false
				}
				v = append(v, s)
			}
			ok = true
		}
		for _, s := range v {
			if s == "bad" || len(s) > 60<<10 {
				return false
			}
		}
		return ok
	case "b":
		v, ok := value.(bool)
		return ok && !v
	}
	return true
}
