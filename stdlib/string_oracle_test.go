package stdlib

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stringScripts are the scripts testdata/string_*.lua. Each prints a line for
// each of its cases; what C Lua 5.1.5 (Debian's lua5.1) printed is recorded in
// testdata/string_*.golden. To record anew, with lua5.1 installed:
//
//	go test -run TestStringOracle -update ./stdlib
var stringScripts = []string{"basic", "find", "match", "gmatch", "gsub", "format"}

func stringScript(t *testing.T, name string) string {
	t.Helper()
	var text strings.Builder
	for _, part := range []string{"prelude", name} {
		b, err := os.ReadFile(filepath.Join("testdata", "string_"+part+".lua"))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	return text.String()
}

func stringGolden(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join("testdata", "string_"+name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(runLua51(t, stringScript(t, name))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; record it: go test -run TestStringOracle -update ./stdlib", err)
	}
	return string(b)
}

func TestStringOracle(t *testing.T) {
	cases := 0
	for _, name := range stringScripts {
		t.Run(name, func(t *testing.T) {
			want := stringGolden(t, name)
			cases += strings.Count(want, "\n")
			compareLines(t, want, runPrinting(t, stringScript(t, name), 0))
		})
	}
	if cases < 1500 && !t.Failed() {
		t.Errorf("only %d cases are recorded", cases)
	}
}

// TestStringOracleInSlices runs the same cases with a pause as often as there
// can be one.
func TestStringOracleInSlices(t *testing.T) {
	for _, name := range []string{"find", "gmatch", "gsub"} {
		t.Run(name, func(t *testing.T) {
			compareLines(t, stringGolden(t, name), runPrinting(t, stringScript(t, name), 1))
		})
	}
}

// compareLines reports the lines in which got is not want, the first few in full.
func compareLines(t *testing.T, want, got string) {
	t.Helper()
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(wants) != len(gots) {
		t.Errorf("%d lines, want %d", len(gots), len(wants))
	}
	wrong := 0
	for i := range min(len(wants), len(gots)) {
		if wants[i] == gots[i] {
			continue
		}
		if wrong++; wrong <= 20 {
			t.Errorf("\n got %s\nwant %s", gots[i], wants[i])
		}
	}
	if wrong > 20 {
		t.Errorf("and %d more lines", wrong-20)
	}
}
