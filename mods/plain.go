package mods

import (
	"fmt"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// plainSized copies what an engine sends, and measures it.
func plainSized(v any) (any, int64, error) {
	v, err := plain(v)
	if err != nil {
		return nil, 0, err
	}
	size, err := jsonvalue.Measure(v, eventPayload)
	return v, size, err
}

// maxPlain is how many values a plain value may consist of.
const maxPlain = 1 << 20

// plain copies what an engine sends, such that it is made of plain values only. What
// contains itself is an error.
func plain(v any) (any, error) {
	c := copier{left: maxPlain}
	return c.copy(v, 0)
}

type copier struct{ left int }

func (c *copier) copy(v any, depth int) (any, error) {
	if depth > jsonvalue.MaxDepth {
		return nil, fmt.Errorf("nested more than %d deep, or contains itself", jsonvalue.MaxDepth)
	}
	if c.left--; c.left < 0 {
		return nil, fmt.Errorf("more than %d values, or contains itself", maxPlain)
	}
	switch v := v.(type) {
	case nil, bool, string, float64:
		return v, nil
	case int:
		return whole(int64(v))
	case int64:
		return whole(v)
	case []string:
		if c.left -= len(v); c.left < 0 {
			return c.copy(nil, depth)
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, err := c.copy(v[i], depth+1)
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		table := make(map[string]any, len(v))
		for key, item := range v {
			item, err := c.copy(item, depth+1)
			if err != nil {
				return nil, err
			}
			table[key] = item
		}
		return table, nil
	}
	return nil, fmt.Errorf("a %T cannot be sent; want nil, bool, int, int64, float64, string, []string, []any or map[string]any", v)
}

func whole(n int64) (any, error) {
	if n < -maxInteger || n > maxInteger {
		return nil, fmt.Errorf("%d is more than a Lua number holds exactly", n)
	}
	return float64(n), nil
}
