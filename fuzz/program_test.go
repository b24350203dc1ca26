package fuzz

import (
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/fuzz/generate"
)

// FuzzProgram runs programs that compile by construction, so that all of the
// fuzzer's effort goes into what they do, under limits and with pauses of its
// choosing.
func FuzzProgram(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(generate.Bytes(seed, 50+40*int(seed)), generate.Bytes(seed+100, int(seed)))
	}
	f.Fuzz(func(t *testing.T, data, how []byte) {
		if len(data) > 4000 {
			return
		}
		source := generate.Program(data, generate.Anything)
		if o := examine(t, source, chosen(how), []any{1, "two"}); o.refused {
			t.Errorf("does not compile: %s\n%s", o.Err, source)
		}
	})
}

// FuzzCensus runs programs that cannot notice a census, and takes one wherever they
// are paused: what they do is the same as without.
func FuzzCensus(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(generate.Bytes(seed, 300), uint8(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte, fuel uint8) {
		if len(data) > 1000 {
			return
		}
		source := generate.Program(data, generate.Portable)
		j := job{program: compiled(t, source)}
		want := run(t, j, conditions{limits: small}, never)
		got := run(t, j, conditions{limits: small, fuels: []int64{max(int64(fuel), 1)}, census: true}, never)
		// The censuses of the program's own come at other times then, and are its
		// to pay for.
		if want.limit == 0 && got.limit == 0 && (got.Output != want.Output || got.Err != want.Err || got.Results != want.Results) {
			t.Errorf("with a census between any %d instructions it ends with %q and has the output\n%s\nwithout, with %q and\n%s\n%s", fuel, got.Err, got.Output, want.Err, want.Output, source)
		}
	})
}

// TestProgramsDoMuch keeps the generator honest: of random bytes a good part of the
// programs gets to its end or meets a limit, and output comes.
func TestProgramsDoMuch(t *testing.T) {
	kinds := map[string]int{}
	tight := small
	tight.Memory = 150 << 10
	for seed := range uint64(150) {
		o := run(t, job{program: compiled(t, generate.Program(generate.Bytes(seed, 300), generate.Anything))}, conditions{limits: tight}, never)
		kind, _, _ := strings.Cut(o.Err, " ")
		kinds[kind]++
		if o.limit != 0 {
			kinds[o.limit.String()]++
		}
		if o.Output != "" {
			kinds["output"]++
		}
		if o.Call.Instructions > 1000 {
			kinds["long"]++
		}
	}
	for kind, least := range map[string]int{"": 20, "*luasandbox.ScriptError": 5, "*limits.Error": 10, "instructions": 5, "memory": 1, "output": 100, "long": 50} {
		if kinds[kind] < least {
			t.Errorf("only %d of %q: %v", kinds[kind], kind, kinds)
		}
	}
}
