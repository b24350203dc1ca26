package differential

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var (
	programs  = flag.Int("programs", 600, "how many programs TestPrograms compares with C Lua")
	firstSeed = flag.Uint64("seed", 1, "the first of their seeds")
	stopAfter = flag.Int("differences", 10, "after how many programs that differ to stop")
)

// perChild is how many programs one child process runs.
const perChild = 200

// difference tells where two outputs part, or returns "".
func difference(want, got string) string {
	if want == got {
		return ""
	}
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(wants), len(gots)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(wants) {
			a = wants[i]
		}
		if i < len(gots) {
			b = gots[i]
		}
		if a != b {
			return fmt.Sprintf("line %d of the output\nwant %.300q\n got %.300q", i+1, a, b)
		}
	}
	return "no line"
}

// number is how many programs to try: fewer under go test -short.
func number() int {
	if testing.Short() {
		return *programs / 6
	}
	return *programs
}

// traitsOf returns what the program of a seed contains.
func traitsOf(seed uint64) traits {
	switch seed % 8 {
	case 0:
		return traits{arithmetic: true}
	case 1:
		return traits{errors: true, arithmetic: true}
	case 2:
		return traits{errors: true, metatables: true}
	}
	return full
}

// TestJumps holds the two forms of programs against each other: with goto on
// gopher-lua, which has it, they print what they print without in C Lua; unless they
// meet one of gopher-lua's faults, which a part of them does.
func TestJumps(t *testing.T) {
	var seeds []uint64
	var loops, jumps []string
	for seed := *firstSeed; len(seeds) < number()/8; seed++ {
		if text := program(seed, jumping, traits{}); strings.Contains(text, "goto ") {
			seeds = append(seeds, seed)
			loops = append(loops, program(seed, structured, traits{}))
			jumps = append(jumps, text)
		}
	}
	want, same := inC(t, loops), 0
	for i, got := range inStock(t, jumps) {
		if difference(want[i], got) == "" {
			same++
		}
		if d := difference(want[i], ours(t, jumps[i])); d != "" {
			t.Errorf("seed %d: %s\n%s", seeds[i], d, jumps[i])
		}
	}
	t.Logf("gopher-lua prints what C Lua does for %d of %d programs", same, len(seeds))
	if same < len(seeds)/2 {
		t.Error("that is too few for the two forms to be the same programs")
	}
}

// TestPrograms compares programs of all kinds with C Lua, each in both forms.
func TestPrograms(t *testing.T) {
	wrong, lines := 0, 0
	for done := 0; done < number() && wrong < *stopAfter; done += perChild {
		var texts []string
		for i := range min(perChild, number()-done) {
			seed := *firstSeed + uint64(done+i)
			texts = append(texts, program(seed, structured, traitsOf(seed)))
		}
		for i, want := range inC(t, texts) {
			seed := *firstSeed + uint64(done+i)
			if want == died {
				t.Logf("seed %d: C Lua dies of it", seed)
				continue
			}
			lines += strings.Count(want, "\n")
			if strings.Contains(want, raised+"does not compile") {
				t.Fatalf("the program of seed %d is none: %s\n%s", seed, want, texts[i])
			}
			jumps := program(seed, jumping, traitsOf(seed))
			for _, text := range []string{texts[i], jumps} {
				if d := difference(want, ours(t, text)); d != "" {
					t.Errorf("seed %d: %s", seed, d)
					if wrong++; wrong == 1 || testing.Verbose() {
						t.Logf("the program:\n%s", text)
					}
					break
				}
				if jumps == texts[i] {
					break
				}
			}
		}
	}
	if least := number() * 15; lines < least && wrong == 0 {
		t.Errorf("the programs printed %d lines; %d would be enough to mean something", lines, least)
	}
	t.Logf("%d lines", lines)
}
