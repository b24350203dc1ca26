package stdlib

import (
	"math"
	"testing"
)

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
