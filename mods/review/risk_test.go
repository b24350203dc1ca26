package review

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/policy"
)

var update = flag.Bool("update", false, "write RISK.md and the golden files anew")

// asks makes a request.
func asks(capability, risk string, options map[string]any) Permission {
	return Permission{Permission: policy.Permission{Capability: capability, Risk: risk, Reason: "r", Options: options}}
}

// trusted makes a review of a mod that somebody trusted signed.
func trusted(permissions ...Permission) *Review {
	return &Review{ID: "com.example.mod", Version: "1.0.0", Digest: "h1:x", Signature: policy.Trusted, Publisher: "ada", Permissions: permissions}
}

func with(r *Review, change func(*Review)) *Review { change(r); return r }

func texts(n int) (out []string) {
	for i := range n {
		out = append(out, "e"+strings.Repeat("x", i))
	}
	return out
}

// TestRows has a review for each row of the table, with what the row adds to it.
func TestRows(t *testing.T) {
	http := func(options map[string]any) *Review {
		if options["paths"] == nil {
			options["paths"] = []string{"/v1"}
		}
		return trusted(asks("http", "high", options))
	}
	signedBy := func(s policy.Signature) *Review { return &Review{Signature: s} }
	stranger := func(risk string) *Review {
		return &Review{Signature: policy.Unsigned, Permissions: []Permission{asks("a", risk, nil), asks("b", "none", nil)}}
	}
	found := func(f ...gate.Finding) *Review { return with(trusted(), func(r *Review) { r.Findings = f }) }
	warned := func(severity ...string) *Review {
		return with(trusted(), func(r *Review) {
			for _, s := range severity {
				r.Advisories = append(r.Advisories, Advisory{ID: "A-1", Severity: s})
			}
		})
	}
	many := func(n int, f gate.Finding) (out []gate.Finding) {
		for range n {
			out = append(out, f)
		}
		return out
	}
	declared := func(option Option, value any) *Review {
		p := asks("world", "low", map[string]any{option.Name: value})
		p.Known, p.Declared = true, []Option{option}
		return trusted(p)
	}
	tests := []struct {
		rule string
		want int
		r    *Review
	}{
		{"capability.high", 25, trusted(asks("a", "high", nil))},
		{"capability.high", 75, trusted(asks("a", "high", nil), asks("b", "", nil), asks("c", "nonsense", nil), asks("d", "high", nil))},
		{"capability.medium", 20, trusted(asks("a", "medium", nil), asks("b", "medium", nil))},
		{"capability.low", 3, trusted(asks("a", "low", nil), asks("b", "none", nil))},
		{"http.wildcard", 10, http(map[string]any{"hosts": []string{"a.org", "*.b.org", "*.c.org"}})},
		{"http.hosts", 4, http(map[string]any{"hosts": []string{"a.org", "b.org", "c.org", "d.org"}})},
		{"http.hosts", 4, http(map[string]any{"hosts": []string{"*.a.org"}})},
		{"http.hosts", 0, http(map[string]any{"hosts": []string{"a.org", "b.org", "c.org"}})},
		{"http.write", 8, http(map[string]any{"methods": []string{"GET", "POST", "DELETE"}})},
		{"http.write", 0, http(map[string]any{"methods": []string{"GET", "HEAD"}})},
		{"http.paths", 2, trusted(asks("http", "high", nil))},
		{"http.paths", 2, http(map[string]any{"paths": []string{"/a", "/"}})},
		{"http.paths", 0, http(map[string]any{})},
		{"http.headers", 3, http(map[string]any{"headers": []string{"Authorization", "X-Key"}})},
		{"http.plain", 5, http(map[string]any{"plain_http": true})},
		{"http.plain", 0, http(map[string]any{"plain_http": false})},
		{"files.write", 3, trusted(asks("files", "low", nil))},
		{"events.engine", 3, trusted(asks("events", "low", map[string]any{"subscribe": []string{"chat"}}))},
		{"events.engine", 3, with(trusted(asks("events", "low", map[string]any{"subscribe": []string{"chat"}})), func(r *Review) {
			r.EngineEvents = []string{"chat"}
		})},
		{"events.engine", 0, with(trusted(asks("events", "low", map[string]any{"subscribe": []string{"loot"}})), func(r *Review) {
			r.EngineEvents = []string{"chat"}
		})},
		{"services.use", 2, trusted(asks("services", "low", map[string]any{"use": []string{"a/b", "a/c"}}))},
		{"services.export", 2, trusted(asks("services", "low", map[string]any{"export": []string{"a", "b"}}))},
		{"option.wildcard", 10, trusted(asks("world", "low", map[string]any{"places": []string{"x", "*"}, "who": "*"}))},
		{"option.wildcard", 0, trusted(asks("world", "low", map[string]any{"version": "*"}))},
		{"option.many", 2, trusted(asks("events", "low", map[string]any{"emit": texts(9)}))},
		{"option.many", 0, trusted(asks("events", "low", map[string]any{"emit": texts(8)}))},
		{"option.many", 2, http(map[string]any{"hosts": []string{"*.a.org"}, "paths": texts(20)})},
		{"option.amount", 2, trusted(asks("storage", "low", map[string]any{"quota": int64(65537)}))},
		{"option.amount", 0, trusted(asks("storage", "low", map[string]any{"quota": int64(65536)}))},
		{"option.amount", 2, declared(Option{Name: "reach", Type: "count", Default: int64(5)}, int64(6))},
		{"option.amount", 0, declared(Option{Name: "reach", Type: "number", Default: 5.0}, 6.0)},
		{"option.large", 4, trusted(asks("storage", "low", map[string]any{"quota": int64(1<<20 + 1)}))},
		{"option.large", 0, trusted(asks("storage", "low", map[string]any{"quota": int64(1 << 20)}))},
		{"option.unknown", 2, trusted(asks("world", "low", map[string]any{"a": true, "b": "x", "version": "^1.0"}))},
		{"limits", 6, with(trusted(), func(r *Review) { r.Limits.Memory, r.Limits.Depth, r.Limits.Nesting = 1<<40, 1<<40, 1 })},
		{"together.high", 10, trusted(asks("a", "high", nil), asks("b", "high", nil), asks("c", "high", nil))},
		{"together.high", 0, trusted(asks("a", "high", nil))},
		{"together.tell", 15, trusted(asks("a", "high", nil), asks("b", "medium", nil))},
		{"together.tell", 15, trusted(asks("a", "high", nil), asks("events", "low", map[string]any{"subscribe": []string{"x"}}))},
		{"together.tell", 15, trusted(asks("a", "high", nil), asks("services", "low", map[string]any{"use": []string{"x/y"}}))},
		{"together.tell", 0, trusted(asks("a", "high", nil), asks("events", "low", map[string]any{"emit": []string{"x"}}))},
		{"together.keep", 5, trusted(asks("a", "high", nil), asks("storage", "low", nil))},
		{"together.keep", 5, trusted(asks("a", "high", nil), asks("files", "low", nil))},
		{"together.lend", 5, trusted(asks("a", "high", nil), asks("services", "low", map[string]any{"export": []string{"x"}}))},
		{"signer.unsigned", 2, signedBy(policy.Unsigned)},
		{"signer.unknown", 2, signedBy(policy.UnknownKey)},
		{"signer.expired", 8, signedBy(policy.Expired)},
		{"signer.entitled", 12, signedBy(policy.NotEntitled)},
		{"signer.bad", 40, signedBy(policy.BadSig)},
		{"signer.bad", 40, signedBy(policy.Mismatch)},
		{"signer.bad", 40, signedBy("")},
		{"signer.bad", 40, signedBy("nonsense")},
		{"signer.revoked", 60, signedBy(policy.Revoked)},
		{"stranger.low", 3, stranger("low")},
		{"stranger.medium", 8, stranger("medium")},
		{"stranger.high", 15, stranger("high")},
		{"stranger.high", 0, trusted(asks("a", "high", nil))},
		{"finding.error", 45, found(many(9, gate.Finding{Rule: "x", Severity: gate.Error})...)},
		{"finding.error", 15, found(gate.Finding{Rule: "x", Severity: "nonsense"})},
		{"finding.warning", 4, found(gate.Finding{Rule: "x", Severity: gate.Warning})},
		{"finding.warning", 4, found(gate.Finding{Rule: "x", Severity: gate.Error, Justified: "I say so"})},
		{"finding.note", 5, found(many(9, gate.Finding{Rule: "x", Severity: gate.Note})...)},
		{"finding.note", 1, found(gate.Finding{Rule: "x", Severity: gate.Warning, Justified: "I say so"})},
		{"finding.note", 0, found(gate.Finding{Rule: "x", Severity: gate.Note, Justified: "I say so"})},
		{"library", 2, with(trusted(), func(r *Review) {
			r.Requirements = []Requirement{{Relation: Copies, ID: "x"}, {Relation: Needs, ID: "y"}}
		})},
		{"archive", 10, with(trusted(), func(r *Review) { r.Strange = "x" })},
		{"provenance", 10, with(trusted(), func(r *Review) { r.NoProvenance = "x" })},
		{"advisory.critical", 60, warned("critical")},
		{"advisory.high", 80, warned("high", "")},
		{"advisory.medium", 20, warned("medium")},
		{"advisory.low", 10, warned("low")},
		{"frozen", 100, with(trusted(), func(r *Review) { r.Freezes = []string{"x"} })},
	}
	reached := map[string]bool{}
	for _, test := range tests {
		got := 0
		for _, p := range test.r.Risk().Points {
			if p.Rule == test.rule {
				got += p.Points
			}
		}
		if got != test.want {
			t.Errorf("%s: %d points, want %d: %+v", test.rule, got, test.want, test.r.Risk().Points)
		}
		reached[test.rule] = reached[test.rule] || got > 0
	}
	for _, row := range table {
		if !reached[row.rule] {
			t.Errorf("no test reaches %s", row.rule)
		}
		if row.points < 1 || row.most != 0 && row.most < row.points || row.doc == "" || row.why == "" {
			t.Errorf("%s: %+v", row.rule, row)
		}
	}
}

// TestSum holds that a score is the sum of its points, 100 at most, and that a trusted
// mod that asks for nothing has none.
func TestSum(t *testing.T) {
	if risk := trusted().Risk(); risk.Score != 0 || len(risk.Points) != 0 || risk.Points == nil || risk.Level != "low" {
		t.Errorf("%+v", risk)
	}
	worst := with(trusted(asks("http", "high", nil)), func(r *Review) { r.Freezes = []string{"x"} }).Risk()
	if worst.Score != MaxRisk || worst.Level != "very high" {
		t.Errorf("%+v", worst)
	}
	for score, want := range map[int]string{0: "low", 14: "low", 15: "moderate", 39: "moderate", 40: "high", 69: "high", 70: "very high", 100: "very high"} {
		if got := RiskLevel(score); got != want {
			t.Errorf("%d is %s, want %s", score, got, want)
		}
	}
}

// TestSignerLowersNothing holds that no signature is better than a trusted one, and
// that a trusted one takes nothing from what a mod asks for.
func TestSignerLowersNothing(t *testing.T) {
	asked := []Permission{asks("http", "high", nil)}
	least := trusted(asked...).Risk().Score
	for _, s := range []policy.Signature{policy.Unsigned, policy.UnknownKey, policy.BadSig, policy.Expired, policy.Revoked, policy.NotEntitled, policy.Mismatch, ""} {
		if got := (&Review{Signature: s, Permissions: asked}).Risk().Score; got <= least {
			t.Errorf("%q: %d, trusted %d", s, got, least)
		}
	}
}

// TestTable holds RISK.md to the table.
func TestTable(t *testing.T) {
	const file = "RISK.md"
	if *update {
		if err := os.WriteFile(file, []byte(Table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != Table() {
		t.Errorf("%s is not what Table returns (%v): go test ./mods/review -run TestTable -update", file, err)
	}
}

// drawReview makes a mod that asks for anything.
func drawReview(t *rapid.T) *Review {
	pick := func(label string, pool ...string) []string {
		out := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 0, len(pool), rapid.ID[string]).Draw(t, label)
		slices.Sort(out)
		return out
	}
	options := map[string]func() map[string]any{
		"http": func() map[string]any {
			return map[string]any{
				"hosts": pick("hosts", hostPool...), "methods": pick("methods", "GET", "HEAD", "POST", "DELETE"),
				"paths": pick("paths", pathPool...), "headers": pick("headers", "Authorization", "X-Key"),
				"plain_http": rapid.Bool().Draw(t, "plain"),
			}
		},
		"files":   func() map[string]any { return map[string]any{"quota": rapid.Int64Range(1, 1<<40).Draw(t, "quota")} },
		"storage": func() map[string]any { return map[string]any{"quota": rapid.Int64Range(1, 1<<40).Draw(t, "quota")} },
		"events": func() map[string]any {
			return map[string]any{"emit": pick("emit", texts(12)...), "subscribe": pick("subscribe", texts(12)...)}
		},
		"services": func() map[string]any {
			return map[string]any{"export": pick("export", texts(12)...), "use": pick("use", "a/b", "a/c")}
		},
		"world": func() map[string]any { return map[string]any{"places": pick("places", append(texts(12), "*")...)} },
	}
	risks := map[string]string{"http": "high", "files": "low", "storage": "low", "events": "low", "services": "low"}
	r := &Review{ID: "com.example.mod", Version: "1.0.0", Digest: "h1:a", Signature: rapid.SampledFrom([]policy.Signature{policy.Trusted, policy.Unsigned, policy.Revoked}).Draw(t, "signature")}
	for _, name := range pick("capabilities", "http", "files", "storage", "events", "services", "world") {
		risk := risks[name]
		if risk == "" {
			risk = rapid.SampledFrom([]string{"none", "low", "medium", "high"}).Draw(t, "risk")
		}
		r.Permissions = append(r.Permissions, asks(name, risk, options[name]()))
	}
	for _, k := range limits.Kinds() {
		r.Limits = r.Limits.With(k, rapid.SampledFrom([]int64{0, 1, 1 << 20, 1 << 50}).Draw(t, "limit"))
	}
	return r
}

var (
	hostPool = []string{"*.example.org", "a.example.org", "b.example.org", "x.b.example.org", "c.org", "d.org", "e.org", "f.org", "g.org", "h.org:8443", "*.i.org", "k.i.org"}
	pathPool = []string{"/v1", "/v1/a", "/v2/", "/v2/b", "/w1", "/w2", "/w3", "/w4", "/w5", "/w6"}
)

// widen makes a mod ask for more, and returns what it did; "" if there was nothing to
// do. known says that the meaning of what it did is known.
func widen(t *rapid.T, r *Review) (new *Review, did string, known bool) {
	whole := *r
	new = &whole
	new.Permissions = slices.Clone(r.Permissions)
	set := func(i int, name string, value any) {
		p := &new.Permissions[i]
		options := map[string]any{}
		for k, v := range p.Options {
			options[k] = v
		}
		if options[name] = value; value == nil {
			delete(options, name)
		}
		p.Options = options
	}
	n := len(r.Permissions)
	switch i := rapid.IntRange(-3, n-1).Draw(t, "what"); {
	case i == -3:
		for _, k := range limits.Kinds() {
			if was := r.Limits.Of(k); was > 0 {
				new.Limits = r.Limits.With(k, was*2)
				return new, "limit " + k.String(), true
			}
		}
	case i == -2:
		new.Requirements = append(slices.Clone(r.Requirements), Requirement{Relation: Copies, ID: "lib" + strings.Repeat("x", len(r.Requirements))})
		return new, "library", true
	case i == -1:
		risk := rapid.SampledFrom([]string{"none", "low", "medium", "high"}).Draw(t, "new risk")
		new.Permissions = append(new.Permissions, asks("zeppelin", risk, nil))
		if n > 0 && r.Permissions[n-1].Capability == "zeppelin" {
			return new, "", true
		}
		return new, "capability", true
	default:
		p := r.Permissions[i]
		names := p.names()
		if len(names) == 0 {
			return new, "", true
		}
		name := names[rapid.IntRange(0, len(names)-1).Draw(t, "option")]
		kind := meanings[p.Capability][name]
		did = p.Capability + "." + name
		switch value := p.Options[name].(type) {
		case int64:
			set(i, name, value*rapid.Int64Range(2, 100).Draw(t, "times"))
		case bool:
			if value {
				return new, "", true
			}
			set(i, name, true)
		case []string:
			switch {
			case kind == prefixes && (len(value) == 0 || slices.Contains(value, "/")) || kind == hosts && slices.Contains(value, "*.org"):
				return new, "", true
			case kind == prefixes && rapid.Bool().Draw(t, "all paths"):
				set(i, name, rapid.SampledFrom([]any{nil, []string{}, []string{"/"}}).Draw(t, "all"))
			case kind == hosts && rapid.Bool().Draw(t, "collapse"): // a wildcard in the place of what is below it
				kept := slices.DeleteFunc(slices.Clone(value), func(h string) bool {
					return hostCovers("*.example.org", h) || strings.HasSuffix(h, ".org") && strings.Count(h, ".") == 1
				})
				set(i, name, append(kept, "*.example.org", "*.org", "c.org"))
			case kind == methods && slices.Contains(value, "PATCH"):
				return new, "", true
			case kind == methods:
				if len(value) == 0 {
					value = []string{"GET"}
				}
				set(i, name, append(slices.Clone(value), "PATCH"))
			default:
				set(i, name, append(slices.Clone(value), "/new"+strings.Repeat("w", len(value))))
			}
		}
		return new, did, kind != unknown
	}
	return new, "", true
}

// TestMoreIsNeverLess: who asks for more never has a lower score, is always said to ask
// for more, and, the other way round, where meanings are known, never.
func TestMoreIsNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := drawReview(t)
		for range 4 {
			new, did, known := widen(t, old)
			if did == "" {
				continue
			}
			a, b := old.Risk(), new.Risk()
			if b.Score < a.Score || sum(b) < sum(a) {
				t.Fatalf("%s: from %+v to %+v", did, a, b)
			}
			if d := Compare(old, new); !d.More || d.RiskRaised != (b.Score > a.Score) {
				t.Fatalf("%s: %+v", did, d)
			}
			if d := Compare(new, old); known && d.More {
				t.Fatalf("not %s: %+v", did, d)
			}
			old = new
		}
	})
}

func sum(r Risk) (n int) {
	for _, p := range r.Points {
		n += p.Points
	}
	return n
}
