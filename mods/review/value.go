package review

import (
	"strconv"
	"strings"
)

// valueText writes the value of an option as it is shown; "" for one that is not
// there.
func valueText(p Permission, option string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case int64:
		if p.isSize(option) {
			return exactSize(v)
		}
		return grouped(v)
	case float64:
		if v >= -1<<53 && v <= 1<<53 && v == float64(int64(v)) { // of JSON
			return valueText(p, option, int64(v))
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		return strconv.Quote(v)
	}
	if items, ok := list(value); ok {
		if len(items) == 0 {
			return "none"
		}
		return strings.Join(items, ", ")
	}
	return "?"
}

// optionsText writes all options of a request.
func optionsText(p Permission) string {
	var parts []string
	for _, name := range p.names() {
		parts = append(parts, name+" "+valueText(p, name, p.Options[name]))
	}
	return strings.Join(parts, "; ")
}

// isSize reports whether an option is a number of bytes.
func (p Permission) isSize(option string) bool {
	if o, there := p.declared(option); there {
		return o.Type == "size"
	}
	return len(p.Declared) == 0 && meanings[p.Capability][option] == amount && option == "quota"
}
