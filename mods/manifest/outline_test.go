package manifest

import (
	"strconv"
	"testing"

	"github.com/luasandbox/modrunner/limits"
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
		if len(text) > maxBytes {
			return
		}
		out, err := scan(text)
		if err != nil {
			return
		}
		root, err := decode(text)
		if err != nil {
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
func same(t *testing.T, out *outline, path []string, value any, seen *int) {
	visit := func(name string, inner any) {
		at := under(path, name)
		if _, ok := out.entries[pathKey(at)]; !ok {
			t.Errorf("%s is not in the outline", dotted(at))
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

// Whatever can be limited, a manifest can ask for, under the same name.
func TestEveryLimitHasAField(t *testing.T) {
	for _, kind := range limits.Kinds() {
		found := false
		for _, f := range limitFields {
			if f.key != kind.String() {
				continue
			}
			found = true
			m := &Manifest{}
			if err := f.store(m, int64(7)); err != nil || m.Limits.Of(kind) != 7 {
				t.Errorf("the field %q does not set its limit: %+v, %v", f.key, m.Limits, err)
			}
		}
		if !found {
			t.Errorf("no field for the limit %q", kind)
		}
	}
	if len(limitFields) != len(limits.Kinds()) {
		t.Errorf("%d fields, %d limits", len(limitFields), len(limits.Kinds()))
	}
}
