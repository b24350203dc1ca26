package stdlib

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// FuzzFormatNumber compares directives with Go's fmt where Go's mean what C's
// do, and otherwise looks at what any result must be. What C itself prints is
// recorded in testdata/string_format.golden.
func FuzzFormatNumber(f *testing.F) {
	for _, n := range []float64{0, 1, -1, 0.5, 2.5, 1e15, 1e300, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 63, -1 << 63, 999999.5} {
		for verb := range len("diouxXeEfgG") {
			f.Add(n, uint8(verb), uint8(verb*37), uint8(12), int8(verb-1))
		}
	}
	f.Fuzz(func(t *testing.T, n float64, verb, flags, width uint8, precision int8) {
		d := directive{
			minus: flags&1 != 0, plus: flags&2 != 0, space: flags&4 != 0, alt: flags&8 != 0, zero: flags&16 != 0,
			width: int(width) % 100, precision: max(int(precision)%100, -1), verb: "diouxXeEfgG"[int(verb)%11],
		}
		var text string
		integer := strings.IndexByte("diouxX", d.verb) >= 0
		if integer {
			text = string(d.appendInteger(nil, n))
		} else {
			text = string(d.appendFloat(nil, n))
		}
		if len(text) < d.width || len(text) > 512 {
			t.Fatalf("%+v of %v: %d bytes", d, n, len(text))
		}
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return
		}
		if plain := strings.TrimSpace(text); d.verb == 'g' && d.precision >= 17 {
			if back, err := strconv.ParseFloat(plain, 64); err != nil || back != n {
				t.Fatalf("%+v of %v: %q reads as %v, %v", d, n, plain, back, err)
			}
		}
		form := "%"
		for _, flag := range []struct {
			set  bool
			text string
		}{{d.minus, "-"}, {d.plus, "+"}, {d.space, " "}, {d.zero && !d.minus, "0"}} {
			if flag.set {
				form += flag.text
			}
		}
		if d.width > 0 {
			form += strconv.Itoa(d.width)
		}
		if d.precision >= 0 {
			form += "." + strconv.Itoa(d.precision)
		}
		want := ""
		switch {
		case d.alt:
			return
		case d.precision == 0 && math.Abs(n) < 1 && integer: // fmt drops the sign of no digits
			return
		case d.verb == 'd' && math.Abs(n) < 1<<62:
			want = fmt.Sprintf(form+"d", int64(n))
		case (d.verb == 'x' || d.verb == 'X' || d.verb == 'o') && !d.plus && !d.space && math.Abs(n) < 1<<62:
			want = fmt.Sprintf(form+string(rune(d.verb)), uint64(int64(n)))
		case d.verb == 'e' || d.verb == 'E' || d.verb == 'f':
			want = fmt.Sprintf(form+string(rune(d.verb)), n)
		default:
			return
		}
		if text != want {
			t.Fatalf("%s%c of %v: got %q, fmt has %q", form, d.verb, n, text, want)
		}
	})
}

func TestUnsignedConversion(t *testing.T) {
	for _, c := range []struct {
		f    float64
		want uint64
	}{
		{0, 0}, {1.9, 1}, {-0.9, 0}, {-1, math.MaxUint64}, {1 << 62, 1 << 62}, {1 << 63, 1 << 63}, {1<<63 + 2048, 1<<63 + 2048},
		{1.5e19, 15000000000000000000}, {1 << 64, 0}, {1e300, 0}, {math.Inf(1), 0},
		{-1 << 63, 1 << 63}, {-1e300, 1 << 63}, {math.Inf(-1), 1 << 63}, {math.NaN(), 1 << 63},
	} {
		if got := toUint64(c.f); got != c.want {
			t.Errorf("%v: got %d, want %d", c.f, got, c.want)
		}
	}
}
