package policy

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/luasandbox/modrunner/limits"
)

// SameOptions reports whether two requests say the same. Numbers are equal if their
// values are, so that options that were read from JSON compare with those of a manifest.
func SameOptions(a, b map[string]any) bool {
	if len(a) != len(b) {
		return false
	}
	for name, value := range a {
		other, there := b[name]
		if !there || !reflect.DeepEqual(plain(value), plain(other)) {
			return false
		}
	}
	return true
}

// exact is the largest whole number up to which a float64 holds all.
const exact = 1 << 53

// plain brings the forms of one value into one.
func plain(value any) any {
	switch v := value.(type) {
	case int:
		return int64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= exact {
			return int64(v)
		}
	case []string:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = item
		}
		return items
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = plain(item)
		}
		return items
	}
	return value
}

// ClampOptions returns options of which none is above its clamp, in a new map if
// anything is clamped. A size such as "64KiB" becomes a number of bytes. An option that
// is not there stays so: it is the capability that knows its default, and whether it
// has that option at all.
//
// What cannot be compared with its clamp, a text or NaN, is an error: it cannot be
// granted.
func ClampOptions(options map[string]any, clamps map[string]int64) (map[string]any, error) {
	if len(clamps) == 0 {
		return options, nil
	}
	out := maps.Clone(options)
	for _, name := range slices.Sorted(maps.Keys(clamps)) {
		value, there := options[name]
		if !there {
			continue
		}
		most := clamps[name]
		switch v := value.(type) {
		case int64:
			out[name] = min(v, most)
			continue
		case int:
			out[name] = min(int64(v), most)
			continue
		case float64:
			if v == v {
				out[name] = min(v, float64(most))
				continue
			}
		case string:
			if n, err := limits.ParseSize(v); err == nil {
				out[name] = min(n, most)
				continue
			}
		}
		return nil, fmt.Errorf("the policy limits the option %q, which is no number here", name)
	}
	return out, nil
}
