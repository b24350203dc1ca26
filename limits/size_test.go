package limits_test

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/luasandbox/modrunner/limits"
	"pgregory.net/rapid"
)

func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1": 1, "4096": 4096, "007": 7, "12B": 12,
		"1kB": 1000, "1KB": 1000, "16MB": 16_000_000, "2GB": 2_000_000_000,
		"1KiB": 1024, "64MiB": 64 << 20, "1GiB": 1 << 30,
		"1.5GiB": 3 << 29, "0.5KiB": 512, "1.1MiB": 1153433, "0.001kB": 1, "0.0001kB": 0,
		"1.999999999GiB":               2147483646,
		"9223372036854775806":          limits.Unlimited - 1,
		"9223372036854775807":          limits.Unlimited,
		"9223372036854775807B":         limits.Unlimited,
		"8589934591GiB":                8589934591 << 30,
		"unlimited":                    limits.Unlimited,
		strings.Repeat("0", 400) + "1": 1,
	}
	good["8589934591.999999999GiB"] = 8589934591<<30 + 999999999*(1<<30)/1_000_000_000
	for in, want := range good {
		if got, err := limits.ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", in, got, err, want)
		}
	}

	bad := map[string]int{ // the offset of what is wrong
		"": 0, "-1": 0, "+1": 0, " 1": 0, "1 ": 1, "64 MiB": 2, "MiB": 0, ".5MiB": 0,
		"1.MiB": 2, "1.": 2, "1.5": 1, "1.5B": 1, "1.5.5MiB": 3, "1e3": 1, "0x10": 1, "1_000": 1, "1,5MiB": 1,
		"16M": 2, "16mb": 2, "16Mib": 2, "16TiB": 2, "16MiBB": 2, "NaN": 0, "nan": 0, "Inf": 0, "Unlimited": 0, "unlimited ": 0,
		"9223372036854775808": 0, "9223372036854775808B": 0, "99999999999999999999999": 0,
		"8589934592GiB": 0, "9223372036854775807KiB": 0, "1.0000000001GiB": 11,
		"1\x00": 1, "1\n": 1, "٣": 0, "1\xff": 1,
	}
	for in, offset := range bad {
		got, err := limits.ParseSize(in)
		var pe *limits.ParseError
		if !errors.As(err, &pe) || got != 0 {
			t.Errorf("ParseSize(%q) = %d, %v; want a ParseError", in, got, err)
			continue
		}
		if pe.Input != in || pe.Offset != offset || pe.What != "size" || pe.Want == "" {
			t.Errorf("ParseSize(%q): %+v; want offset %d", in, *pe, offset)
		}
	}
}

func TestParseErrorIsShortAndEscaped(t *testing.T) {
	_, err := limits.ParseSize("\x1b[2J" + strings.Repeat("9", 1<<20))
	if err == nil || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("%.500q", err)
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1", 1000: "1000", 1024: "1KiB", 1536: "1536", 64 << 20: "64MiB", 3 << 29: "1536MiB", 5 << 30: "5GiB",
		limits.Unlimited: "unlimited", limits.Unlimited - 1: "9223372036854775806", -1: "-1", -1024: "-1024",
	} {
		if got := limits.FormatSize(n); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", n, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Int64Min(0), rapid.Map(rapid.Int64Range(0, 1<<33-1), func(n int64) int64 { return n << 30 })).Draw(t, "n")
		if got, err := limits.ParseSize(limits.FormatSize(n)); err != nil || got != n {
			t.Fatalf("%d -> %q -> %d, %v", n, limits.FormatSize(n), got, err)
		}
	})
}

// FuzzParseSize compares with exact rational arithmetic.
func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"", "0", "4096", "64MiB", "1.5GiB", "16MB", "12B", "-1", "NaN", "1e9", "unlimited", "9223372036854775807", "8589934592GiB", "0.999999999GiB"} {
		f.Add(seed)
	}
	units := map[string]int64{"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := limits.ParseSize(in)
		if err != nil {
			var pe *limits.ParseError
			if !errors.As(err, &pe) || got != 0 || pe.Offset < 0 || pe.Offset > len(in) {
				t.Fatalf("%q: %d, %#v", in, got, err)
			}
			return
		}
		if got < 0 {
			t.Fatalf("%q = %d", in, got)
		}
		if in == "unlimited" {
			return
		}
		number := strings.TrimRight(in, "BGKMik")
		unit, known := units[in[len(number):]]
		exact, ok := new(big.Rat).SetString(number)
		if !known || !ok {
			t.Fatalf("%q accepted as %d", in, got)
		}
		exact.Mul(exact, new(big.Rat).SetInt64(unit))
		floor := new(big.Int).Quo(exact.Num(), exact.Denom())
		if !floor.IsInt64() || floor.Int64() != got {
			t.Fatalf("%q = %d, exactly %v", in, got, floor)
		}
		if back, err := limits.ParseSize(limits.FormatSize(got)); err != nil || back != got {
			t.Fatalf("%q = %d, then %d, %v", in, got, back, err)
		}
	})
}
