package gate

import (
	"fmt"
	"strings"
	"testing"
)

// What a collector holds is bounded, whatever findings are about, and what it tells at
// the end is the same.
func TestCollector(t *testing.T) {
	tell := func() (*collector, []Finding) {
		c := newCollector()
		for i := range 50_000 {
			c.add("one", Error, place{"a.lua", i, 1}, "", "", "m")
			c.add("many", Error, place{"a.lua", i, 1}, fmt.Sprintf("string.x%d", i), "", "m")
		}
		c.drop(func(about string) bool { return strings.HasSuffix(about, "7") })
		return c, c.all()
	}
	c, found := tell()
	kept := 0
	for _, list := range c.found {
		kept += len(list)
	}
	if kept > 2*MaxOfRule+maxGroups {
		t.Errorf("%d findings are kept", kept)
	}
	if len(found) != 2*MaxOfRule {
		t.Fatalf("%d findings", len(found))
	}
	omitted := map[string]int{}
	for _, f := range found {
		omitted[f.Rule] += f.Omitted
	}
	if omitted["one"] != 50_000-MaxOfRule || omitted["many"] < 40_000 {
		t.Errorf("%v are omitted", omitted)
	}
	for range 10 {
		_, again := tell()
		if fmt.Sprint(again) != fmt.Sprint(found) {
			t.Fatal("the findings differ")
		}
	}
}
