package stdlib

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parseExact reads a number as the prelude prints it.
func parseExact(t *testing.T, s string) float64 {
	t.Helper()
	text, bits, inexact := strings.Cut(s, "{")
	if !inexact {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("not a number: %q", s)
		}
		return f
	}
	var hi, lo float64
	var e int
	if _, err := fmt.Sscanf(bits, "%g,%g,%d}", &hi, &lo, &e); err != nil {
		t.Fatalf("not a number: %q: %v", s, err)
	}
	return math.Ldexp(hi/(1<<26)+lo/(1<<53), e)
}

// ulps is how many floats lie between a and b, for which the sign is the same.
func ulps(a, b float64) uint64 {
	x, y := math.Float64bits(math.Abs(a)), math.Float64bits(math.Abs(b))
	if math.Signbit(a) != math.Signbit(b) {
		return x + y
	}
	return max(x, y) - min(x, y)
}

// TestMathLastDigits compares the functions whose results are the nearest floats
// here, and now and then their neighbours in the GNU C library. Where they differ
// is a golden file, the same for every processor.
func TestMathLastDigits(t *testing.T) {
	const name = "math_near"
	wants := oracleCases(recording(t, name))
	gots := oracleCases(runPrinting(t, oracleText(t, name), 0))
	if len(wants) != len(gots) || len(wants) < 2000 {
		t.Fatalf("%d cases, want %d", len(gots), len(wants))
	}
	var differing []string
	most := map[string]uint64{}
	for i, w := range wants {
		g := gots[i]
		if g == w {
			continue
		}
		differing = append(differing, w.source)
		a, b := parseExact(t, strings.TrimSpace(g.result)), parseExact(t, strings.TrimSpace(w.result))
		function, _, _ := strings.Cut(w.source, "(")
		most[function] = max(most[function], ulps(a, b))
	}
	t.Logf("%d of %d cases are C Lua's to the last digit; units in the last place: %v", len(wants)-len(differing), len(wants), most)
	for function, n := range most {
		if n > 1 {
			t.Errorf("%s differs by %d units in the last place, want at most 1", function, n)
		}
	}
	golden := filepath.Join(oracleDir, name+"_differs.txt")
	got := strings.Join(differing, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("cases that differ (-golden +got):\n%s", diff)
	}
}
