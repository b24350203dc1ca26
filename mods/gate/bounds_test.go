package gate_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// long are texts that are deep, or many, or both, of about n bytes.
var long = []struct {
	name string
	text func(n int) string
}{
	{"concatenation", func(n int) string { return "local a = nope" + strings.Repeat("..b", n/3) }},
	{"sum", func(n int) string { return "local a = nope" + strings.Repeat("+b", n/2) }},
	{"and", func(n int) string { return "local a = nope" + strings.Repeat(" and b", n/6) }},
	{"and of capabilities", func(n int) string { return "local a = storage" + strings.Repeat(" and storage.x", n/14) }},
	{"or", func(n int) string { return "local a = nope" + strings.Repeat(" or b", n/5) }},
	{"comparisons", func(n int) string { return "local a = nope" + strings.Repeat("==b", n/3) }},
	{"elseif", func(n int) string {
		return "if a then" + strings.Repeat(" elseif not storage then return", n/31) + " end"
	}},
	{"calls of calls", func(n int) string { return "f" + strings.Repeat("()", n/2) }},
	{"methods of methods", func(n int) string { return "f" + strings.Repeat(":f()", n/4) }},
	{"fields of fields", func(n int) string { return "f" + strings.Repeat(".f", n/2) + "=1" }},
	{"a table", func(n int) string { return "local a = {" + strings.Repeat("b,", n/2) + "}" }},
	{"tables", func(n int) string {
		return "local a = " + strings.Repeat("{", 150) + strings.Repeat("b,", n/2) + strings.Repeat("}", 150)
	}},
	{"statements", func(n int) string { return strings.Repeat("a=a ", n/4) }},
	{"globals", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "g%d=h%d\n", i, i)
		}
		return b.String()
	}},
	{"targets", func(n int) string { return strings.Repeat("a,", n/2) + "a=1" }},
	{"ifs that return", func(n int) string { return strings.Repeat("if not a then return end\n", n/25) }},
	{"ifs that return, of many names", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "if not g%d then return end\n", i)
		}
		return b.String()
	}},
	{"asserts", func(n int) string { return strings.Repeat("assert(a)\n", n/10) }},
	{"loops in loops", func(n int) string {
		return strings.Repeat("while true do ", 150) + strings.Repeat("f()", n/3) + strings.Repeat(" end", 150)
	}},
	{"gotos in loops", func(n int) string {
		var b strings.Builder
		b.WriteString(strings.Repeat("while true do ", 150))
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "do goto l%d end\n", i)
		}
		return b.String() + strings.Repeat(" end", 150)
	}},
	{"labels", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n/2; i++ {
			fmt.Fprintf(&b, "::l%d::\n", i)
		}
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "goto l%d\n", i)
		}
		return b.String()
	}},
	{"functions that call each other", func(n int) string {
		var b strings.Builder
		b.WriteString("function f0() end\n")
		for i := 1; b.Len() < n; i++ {
			fmt.Fprintf(&b, "function f%d() f%d() end\n", i, i-1)
		}
		return b.String() + "while true do f0() end"
	}},
	{"aliases of aliases", func(n int) string {
		return "local a = storage\n" + strings.Repeat("do local a = a print(a.x)\n", 150) + strings.Repeat("a.x()\n", n/6) + strings.Repeat("end ", 150)
	}},
	{"aliases in a row", func(n int) string { return "local a = b " + strings.Repeat("do local a = a end a() ", n/23) }},
	{"a long name by another name", func(n int) string {
		return "local a, b = x" + strings.Repeat("x", n/3) + ", string.x" + strings.Repeat("x", n/3) + strings.Repeat(" a() b()", n/24)
	}},
	{"one line of strings", func(n int) string { return strings.Repeat("f'\\0' ", n/6) }},
	{"characters that turn", func(n int) string { return strings.Repeat("--\u202e\n", n/6) }},
	{"columns", func(n int) string { return "a=1" + strings.Repeat(" nope()", n/7) }},
	{"modules", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "require'm%d'\n", i)
		}
		return b.String()
	}},
	{"calls of the host", func(n int) string { return strings.Repeat("storage.gett(1)\n", n/16) }},
	{"fields of the library", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "string.x%d()\n", i)
		}
		return b.String()
	}},
}

// How many steps the check takes for each byte of a text, and how much memory in all.
const (
	mostSteps = 10
	mostBytes = 1500
)

func fileOf(t testing.TB, text string) (*bundle.Bundle, *manifest.Manifest) {
	t.Helper()
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = \"com.example.mod\"\nversion = \"1.0.0\"\n" + withStorage)},
		"main.lua": {Data: []byte(text)},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return b, man
}

// Whatever a text is, it is gone through, and what is found is bounded.
func TestLongTexts(t *testing.T) {
	for _, tt := range long {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.text(120_000)
			b, man := fileOf(t, text)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			found, steps := gate.CheckSteps(b, man, hostAPI())
			runtime.ReadMemStats(&after)
			checkBounds(t, found)
			if took := after.TotalAlloc - before.TotalAlloc; took > mostBytes*uint64(len(text)) {
				t.Errorf("%d bytes are taken for each byte", took/uint64(len(text)))
			}
			if steps > mostSteps*len(text) {
				t.Errorf("%d steps for %d bytes", steps, len(text))
			}
			for _, f := range found {
				if f.Rule == "syntax" {
					t.Errorf("nothing is shown: %s", f)
				}
			}
		})
	}
}

func checkBounds(t testing.TB, found []gate.Finding) {
	t.Helper()
	kinds := map[string]int{}
	for _, f := range found {
		kind := string(f.Severity) + " " + f.Rule
		if kinds[kind]++; kinds[kind] > gate.MaxOfRule {
			t.Fatalf("more than %d findings of %s", gate.MaxOfRule, kind)
		}
		if len(f.String()) > 2000 || f.Line < 1 || f.Column < 1 || strings.ContainsAny(f.String(), "\n\x1b") {
			t.Fatalf("%+v", f)
		}
		if _, known := gate.RuleByID(f.Rule); !known {
			t.Fatalf("there is no rule %q", f.Rule)
		}
	}
}

// BenchmarkLongTexts tells the time for each byte of the texts, of two sizes: the same,
// where time is in proportion.
func BenchmarkLongTexts(b *testing.B) {
	for _, tt := range long {
		for _, n := range []int{100_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(tt.name, " ", "-"), n), func(b *testing.B) {
				text := tt.text(n)
				bun, man := fileOf(b, text[:min(len(text), 1<<20)])
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					gate.Checker{API: hostAPI()}.Check(bun, man)
				}
			})
		}
	}
}

// BenchmarkThousandMods checks this project's own mods, as often as makes a thousand.
func BenchmarkThousandMods(b *testing.B) {
	type one struct {
		b   *bundle.Bundle
		man *manifest.Manifest
	}
	var all []one
	for _, folder := range testMods(b) {
		bun, err := bundle.OpenPath(folder, bundle.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		man, err := manifest.Parse(bundle.ManifestName, bun.Manifest())
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, one{bun, man})
	}
	for b.Loop() {
		began := time.Now()
		for i := range 1000 {
			m := all[i%len(all)]
			gate.Checker{API: hostAPI()}.Check(m.b, m.man) // nothing is remembered
		}
		b.ReportMetric(time.Since(began).Seconds(), "s/1000mods")
	}
}

// FuzzCheck: of any text, the check comes back, in steps in proportion to it, and what it
// found is bounded.
func FuzzCheck(f *testing.F) {
	for _, tt := range long {
		f.Add(tt.text(400), withStorage)
	}
	for _, r := range gate.Rules() {
		f.Add(r.Bad.Lua, r.Bad.Manifest)
		f.Add(r.Good.Lua, r.Good.Manifest)
	}
	f.Fuzz(func(t *testing.T, text, head string) {
		fsys := fstest.MapFS{
			"mod.toml": {Data: []byte("[mod]\nid = \"com.example.mod\"\nversion = \"1.0.0\"\n" + head)},
			"main.lua": {Data: []byte(text)},
			"part.lua": {Data: []byte("return {}")},
		}
		b, err := bundle.Open(fsys, bundle.Limits{})
		if err != nil {
			return
		}
		man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
		if err != nil {
			return
		}
		found, steps := gate.CheckSteps(b, man, hostAPI())
		if steps > mostSteps*len(text)+100 {
			t.Errorf("%d steps for %d bytes", steps, len(text))
		}
		checkBounds(t, found)
		if again := (gate.Checker{API: hostAPI()}).Check(b, man); len(again) != len(found) {
			t.Errorf("%d findings, and then %d", len(found), len(again))
		}
	})
}
