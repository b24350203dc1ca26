package luasandbox_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/luasandbox/modrunner/luasandbox"
)

func holding(t *testing.T, list []luasandbox.Holding, name string) luasandbox.Holding {
	t.Helper()
	for _, h := range list {
		if h.Name == name {
			return h
		}
	}
	t.Errorf("no %q in %+v", name, list)
	return luasandbox.Holding{}
}

func TestCensus(t *testing.T) {
	const source = `
		quests = {log = {}, name = "q"}
		for i = 1, 200 do quests.log[i] = {title = "quest " .. i, ("x"):rep(1000)} end
		local hidden = {} for i = 1, 100 do hidden[i] = {} end
		function peek() return #hidden end
		local garbage = {} for i = 1, 500 do garbage[i] = {} end
	`
	s := newSandbox(t, luasandbox.Config{}, source)
	before := s.Usage()
	c, err := s.Census()
	if err != nil {
		t.Fatal(err)
	}
	after := s.Usage()
	if after.Memory != c.Bytes {
		t.Errorf("Usage says %d bytes, the census %d", after.Memory, c.Bytes)
	}
	if before.Memory <= c.Bytes || after.Allocated < c.Bytes || before.Instructions != after.Instructions {
		t.Errorf("before %+v, after %+v, census of %d bytes", before, after, c.Bytes)
	}
	var bytes, objects int64
	for i, k := range c.Kinds {
		bytes, objects = bytes+k.Bytes, objects+k.Objects
		if i > 0 && k.Bytes > c.Kinds[i-1].Bytes {
			t.Errorf("kinds are not in order: %+v", c.Kinds)
		}
	}
	if bytes != c.Bytes || objects != c.Objects {
		t.Errorf("the kinds add up to %d bytes in %d objects, of %d in %d", bytes, objects, c.Bytes, c.Objects)
	}
	if log := holding(t, c.Paths, "_G.quests.log"); log.Bytes < 200*1000 || log.Objects < 401 {
		t.Errorf("%+v", log)
	}
	if h := holding(t, c.Paths, "_G.peek"); h.Objects < 100 {
		t.Errorf("what a closure holds: %+v", h)
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), `"paths":[{"name":`) {
		t.Errorf("%v %s", err, text)
	}
	again, err := s.Census()
	if diff := cmp.Diff(c, again); diff != "" || err != nil {
		t.Errorf("a second census differs: %v %s", err, diff)
	}
	other, err := newSandbox(t, luasandbox.Config{}, source).Census()
	if diff := cmp.Diff(c, other); diff != "" || err != nil {
		t.Errorf("a second sandbox's census differs: %v %s", err, diff)
	}
}

// What is dropped is not counted any more.
func TestCensusSeesWhatIsFreed(t *testing.T) {
	s := newSandbox(t, luasandbox.Config{}, `function hold() t = {} for i = 1, 1000 do t[i] = {} end end function drop() t = nil end`)
	sizes := make([]int64, 3)
	for i, f := range []string{"", "hold", "drop"} {
		if f != "" {
			if _, err := s.Call(context.Background(), f); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.Census()
		if err != nil {
			t.Fatal(err)
		}
		sizes[i] = c.Bytes
	}
	if sizes[1] < sizes[0]+1000*100 || sizes[2] > sizes[0]+1000 {
		t.Errorf("%v", sizes)
	}
	if peak := s.Usage().MemoryPeak; peak < sizes[1] {
		t.Errorf("the peak is %d, after a census of %d", peak, sizes[1])
	}
}

// What the host holds is in the census too, the same on every run.
func TestCensusOfHeldFunctions(t *testing.T) {
	var first luasandbox.Census
	for i := range 10 {
		s := newSandbox(t, luasandbox.Config{}, `
			local shared = {("x"):rep(5000)}
			function make(k) local own = {("y"):rep(k)} return function() return shared, own end end`)
		for k := range 8 {
			if _, err := s.Call(context.Background(), "make", 1000*k); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Load(context.Background(), compile(t, `make = nil`)); err != nil {
			t.Fatal(err)
		}
		c, err := s.Census()
		if err != nil || c.Bytes < 5000+28_000 {
			t.Fatalf("%d bytes, %v", c.Bytes, err)
		}
		if i == 0 {
			first = c
		} else if diff := cmp.Diff(first, c); diff != "" {
			t.Fatal(diff)
		}
	}
}
