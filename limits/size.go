package limits

import (
	"fmt"
	"strconv"
)

// sizeUnits in the order in which FormatSize tries them: a longer unit first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"GiB", 1 << 30},
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"GB", 1e9},
	{"MB", 1e6},
	{"kB", 1e3},
	{"KB", 1e3},
	{"B", 1},
	{"", 1},
}

const sizeWanted = `a whole number of bytes, or a number with B, kB, MB, GB (powers of 1000), KiB, MiB or GiB (powers of 1024), such as "64MiB"`

// maxFraction is the number of digits allowed after the point: with nine,
// fraction*unit stays below 2^63 for every unit.
const maxFraction = 9

// ParseSize reads a number of bytes: "4096", "16MB", "64MiB", "1.5GiB",
// "unlimited". The units are B; kB or KB, MB, GB (powers of 1000); KiB, MiB,
// GiB (powers of 1024), spelled exactly so. A fraction of up to nine digits
// may stand before a unit other than B and is rounded down to a whole byte.
// Signs, spaces, exponents and sizes that an int64 cannot hold are errors; the
// error is always a [*ParseError], and the result with it 0.
//
// 0 is a size, but in [Limits] it stands for the default: who lets people type
// a limit refuses it.
func ParseSize(s string) (int64, error) {
	if s == "unlimited" {
		return Unlimited, nil
	}
	fail := func(at int, want string) (int64, error) {
		return 0, &ParseError{What: "size", Input: s, Offset: at, Want: want}
	}
	const tooLarge = "at most 9223372036854775807 bytes"

	whole, i := int64(0), 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		d := int64(s[i] - '0')
		if whole > (Unlimited-d)/10 {
			return fail(0, tooLarge)
		}
		whole = whole*10 + d
	}
	if i == 0 {
		return fail(0, sizeWanted)
	}

	fraction, scale, point := int64(0), int64(1), -1
	if i < len(s) && s[i] == '.' {
		point = i
		for i++; i < len(s) && isDigit(s[i]); i++ {
			if i-point > maxFraction {
				return fail(i, fmt.Sprintf("at most %d digits after the point", maxFraction))
			}
			fraction = fraction*10 + int64(s[i]-'0')
			scale *= 10
		}
		if scale == 1 {
			return fail(i, "a digit after the point")
		}
	}

	for _, u := range sizeUnits {
		if s[i:] != u.name {
			continue
		}
		if u.bytes == 1 && point >= 0 {
			return fail(point, "a whole number of bytes")
		}
		n := MulAdd(whole, u.bytes, fraction*u.bytes/scale)
		if n == Unlimited && u.bytes != 1 {
			return fail(0, tooLarge)
		}
		return n, nil
	}
	return fail(i, sizeWanted)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// FormatSize writes n so that [ParseSize] reads the same number again: in the
// largest of GiB, MiB and KiB that divides it, else in bytes without a unit;
// "unlimited" for [Unlimited]. A negative n, which ParseSize refuses, is
// written in bytes.
func FormatSize(n int64) string {
	if n == Unlimited {
		return "unlimited"
	}
	if n > 0 {
		for _, u := range sizeUnits[:3] {
			if n%u.bytes == 0 {
				return strconv.FormatInt(n/u.bytes, 10) + u.name
			}
		}
	}
	return strconv.FormatInt(n, 10)
}

// approxSize writes n for people, rounded down to a tenth: "63.9 MiB".
func approxSize(n int64) string {
	for _, u := range sizeUnits[:3] {
		if n < u.bytes {
			continue
		}
		whole, tenth := n/u.bytes, n%u.bytes*10/u.bytes
		if tenth == 0 {
			return fmt.Sprintf("%d %s", whole, u.name)
		}
		return fmt.Sprintf("%d.%d %s", whole, tenth, u.name)
	}
	return fmt.Sprintf("%d B", n)
}
