package mods

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/luasandbox/modrunner/limits"
)

// badItem is an error in one element of an array or a table.
type badItem struct {
	at  string
	err error
}

func (e *badItem) Error() string { return e.err.Error() }

// read returns a manifest's value in the form that the option has.
func (o Option) read(raw any) (value any, err error) {
	switch o.Type {
	case TextOption:
		text, ok := raw.(string)
		if !ok {
			return nil, fmt.Errorf("must be a string")
		}
		value = text
	case TextsOption:
		if value, err = readTexts(raw); err != nil {
			return nil, err
		}
	case CountOption:
		n, ok := raw.(int64)
		if !ok || n < 0 {
			return nil, fmt.Errorf("must be a whole number from 0")
		}
		value = n
	case NumberOption:
		switch n := raw.(type) {
		case int64:
			value = float64(n)
		case float64:
			value = n
		default:
			return nil, fmt.Errorf("must be a number")
		}
	case SizeOption:
		n, ok := raw.(int64)
		if text, isText := raw.(string); isText {
			n, err = limits.ParseSize(text)
			ok = err == nil
		}
		if !ok || n < 1 || n == math.MaxInt64 {
			return nil, fmt.Errorf(`must be a number of bytes, or a size such as "64KiB"`)
		}
		value = n
	case FlagOption:
		flag, ok := raw.(bool)
		if !ok {
			return nil, fmt.Errorf("must be true or false")
		}
		value = flag
	default:
		return nil, fmt.Errorf("the host declares it with the unknown type %q", o.Type)
	}
	if err := o.fits(value); err != nil {
		return nil, err
	}
	if o.Check != nil {
		if err := o.Check(value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func readTexts(raw any) ([]string, error) {
	items, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("must be an array of strings")
	}
	texts := []string{}
	for i, item := range items {
		text, ok := item.(string)
		switch {
		case !ok:
			return nil, &badItem{strconv.Itoa(i), fmt.Errorf("must be a string")}
		case slices.Contains(texts, text):
			return nil, &badItem{strconv.Itoa(i), fmt.Errorf("%q is there twice", text)}
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// fits checks a value of the form that the option has against its bounds.
func (o Option) fits(value any) error {
	var number float64
	switch v := value.(type) {
	case string:
		return o.choice(v)
	case []string:
		for i, text := range v {
			if err := o.choice(text); err != nil {
				return &badItem{strconv.Itoa(i), err}
			}
		}
		return nil
	case int64:
		number = float64(v)
	case float64:
		number = v
	case bool:
		return nil
	default:
		return fmt.Errorf("a %T; want string, []string, int64, float64 or bool", value)
	}
	if (o.Min != 0 || o.Max != 0) && !(number >= o.Min && number <= o.Max) {
		show := func(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
		if o.Type == SizeOption {
			show = func(n float64) string { return limits.FormatSize(int64(n)) }
		}
		return fmt.Errorf("must be from %s to %s", show(o.Min), show(o.Max))
	}
	return nil
}

func (o Option) choice(text string) error {
	if len(o.Choices) > 0 && !slices.Contains(o.Choices, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(o.Choices, ", "))
	}
	return nil
}
