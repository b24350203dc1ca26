package stdlib

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox/vm"
)

func TestOpenErrors(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	if err := Open(m, Options{}); err == nil {
		t.Error("a second Open succeeds")
	}
	small := vm.New(vm.Config{Limits: limits.Limits{Memory: 1000}})
	err := Open(small, Options{})
	var limit *limits.Error
	if !errors.As(err, &limit) || limit.Kind != limits.Memory {
		t.Errorf("with 1000 bytes: %v", err)
	}
}

// TestOpenIsCheap: what the library has in it is not each machine's own.
func TestOpenIsCheap(t *testing.T) {
	m := newMachine(t, limits.Limits{}, Options{})
	if n := m.Memory(); n > 10_000 {
		t.Errorf("a machine with the library holds %d bytes", n)
	}
	live := func(text string) int64 {
		if _, err := evaluate(t, m, text); err != nil {
			t.Fatal(err)
		}
		return m.Census()
	}
	before := live("")
	if grown := live("math.tau = 2 * math.pi") - before; grown < 500 || grown > 5000 {
		t.Errorf("the first write to a library takes %d bytes", grown)
	}
}

// TestMachinesInParallel shares the library between goroutines; the race detector
// looks on.
func TestMachinesInParallel(t *testing.T) {
	const text = `
		local out = {}
		for name, lib in pairs({string = string, table = table, math = math}) do
			for k in pairs(lib) do out[#out + 1] = name .. "." .. k end
		end
		table.sort(out)
		string.upper, math.extra = nil, 1
		local s = ("x"):upper() .. table.concat(out, ",") .. math.random(1000) .. tostring(print) .. os.date("%c", 0)
		return #s, s`
	results := make([][]string, 8)
	var group sync.WaitGroup
	for i := range results {
		m := newMachine(t, limits.Limits{}, Options{Seed: 5})
		group.Go(func() { results[i], _ = evaluate(t, m, text) })
	}
	group.Wait()
	for _, got := range results[1:] {
		if diff := cmp.Diff(results[0], got); diff != "" || len(got) != 2 {
			t.Fatalf("machines disagree:\n%s", diff)
		}
	}
}

// TestRunsAreReproducible: two runs agree in results, instructions and memory.
func TestRunsAreReproducible(t *testing.T) {
	run := func() string {
		m := newMachine(t, limits.Limits{}, Options{Seed: 9})
		got, err := evaluate(t, m, `
			local t = {}
			for i = 1, 2000 do t[i] = {math.random(), tostring({}), os.time(), os.clock()} end
			table.sort(t, function(a, b) return a[1] < b[1] end)
			local parts = {}
			for i, v in ipairs(t) do parts[i] = table.concat(v, "|") end
			return table.concat(parts, "\n"), collectgarbage("count")`)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got, m.Total().Instructions().Use().Current, m.Allocated(), m.Memory())
	}
	if a, b := run(), run(); a != b {
		t.Errorf("two runs differ:\n%s", cmp.Diff(a, b))
	}
}
