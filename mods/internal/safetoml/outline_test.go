package safetoml

import (
	"slices"
	"strconv"
	"testing"
)

// FuzzOutline holds the scan and the decoder against each other: in a text
// that both accept, they see the same keys. If the scan took for a string what
// the decoder takes for brackets, the bounds would not hold.
func FuzzOutline(f *testing.F) {
	for _, seed := range []string{
		"[mod]\nid = \"abc\" # [\nauthors = ['a', \"\"\"b\n\"\"\", {x = 1}]",
		"a.\"b.c\".'d' = { e = [ { f = '''x''''' }, 2 ], g.h = 1979-05-27T07:32:00Z }",
		"s = \"\"\"\\\\\"\"\"\"\"\nt = '\\'\nu = \"\\\"\\\\\"\n[a.b]\n[a]",
		"\"\"\"a\"\"\" = 1", "a = \"\"\"\"\"\"\"", "x = '''''''", "a=[\n1,\n# c\n2,]", "a = {\n}", "a = +nan\nb = -0x1\nc = 1e6",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := Scan(text, Bounds{Bytes: 64 << 10, Depth: 8, KeyBytes: 128, Entries: 2048})
		if err != nil {
			return
		}
		var root map[string]any
		if _, fault := decode(text, &root); fault != nil {
			return
		}
		seen := 0
		same(t, out, nil, root, &seen)
		if seen != out.count {
			t.Errorf("the scan has %d entries, the decoder %d", out.count, seen)
		}
	})
}

// same checks that the outline knows everything in a decoded value.
func same(t *testing.T, out *Outline, path []string, value any, seen *int) {
	visit := func(name string, inner any) {
		at := append(slices.Clone(path), name)
		if _, ok := out.entries[pathKey(at)]; !ok {
			t.Errorf("%s is not in the outline", Dotted(at))
		}
		*seen++
		same(t, out, at, inner, seen)
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			visit(name, inner)
		}
	case []any:
		for i, inner := range v {
			visit(strconv.Itoa(i), inner)
		}
	case []map[string]any:
		for i, inner := range v {
			visit(strconv.Itoa(i), inner)
		}
	}
}
