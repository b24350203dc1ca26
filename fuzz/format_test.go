package fuzz

import (
	"errors"
	"math"
	"testing"

	"github.com/luasandbox/modrunner/fuzz/reference"
)

const formatProgram = `
local f, x, text, y = ...
return {
  pack(pcall(function() local r = string.format(f, x, text, y, text, x, y) return r end)),
  pack(pcall(function() local r = string.format(f, text, x, text, y) return r end)),
  pack(true, tostring(x), tostring(y), x .. text),
}
`

// FuzzFormat holds string.format, and the text of numbers, against the reference.
func FuzzFormat(f *testing.F) {
	for i, format := range []string{
		"%d", "%5.2f|%-10s|%q", "%s %s %s", "%c%c", "%x %s %o", "%g %s %e", "%99.99f", "%", "%100d", "%y", "%q", "%#x", "%+d % d %05d", "%i%%", "%-+ #0d", "%-+ #00d", "%.0f", "%#.0f", "%#.3g", "%.14g", "%20.3s", "%.s", "%u", "%E", "%G",
		"%#o", "%08.3f", "%-8d|", "%.200d", "%5c", "%.0d", "%#.0o", "%s", "a\x00b%s", "%*d", "%ld", "%.f", "% 5.f", "%5%", "%0-5d", "%.99e", "%08.3d", "%-08.4x|", "%#X", "%+.0e", "%010s", "%.3c", "%g|%g",
	} {
		for _, n := range []float64{0, -0.5, 1.5, 2.5, 1e15, 123456789012, 5e-324, math.MaxFloat64, math.Inf(-1), 1 << 63, -1 << 63, 999999.5, 1e-5, 0.0001, 99999.95, 255} {
			f.Add(format, "text\x00\"\n\\", n, 1/n+float64(i), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, format, text string, x, y float64, fuel uint8) {
		if len(format) > 60 || len(text) > 300 || math.IsNaN(x) || math.IsNaN(y) { // whose sign is the processor's
			return
		}
		var want []any
		for _, args := range [][]any{{x, text, y, text, x, y}, {text, x, text, y}} {
			out, err := reference.Format(format, args...)
			if errors.Is(err, reference.ErrTired) {
				want = append(want, nil)
			} else {
				want = append(want, packed([]any{out}, err))
			}
		}
		want = append(want, packed([]any{reference.Number(x), reference.Number(y), reference.Number(x) + text}, nil))
		agree(t, formatProgram, fuel, want, format, x, text, y)
	})
}
