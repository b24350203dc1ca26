package texts

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// forms are the plural categories of CLDR.
var forms = [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// Text is what a table has for a key. It does not change.
type Text struct {
	language language.Tag
	plain    []part                 // if it has no forms
	forms    map[plural.Form][]part // nil: plain
}

// part is a piece of a template: a text, or the name of a value.
type part struct{ text, name string }

var placeholder = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// parseTemplate reads a text with placeholders.
func parseTemplate(s string, left *room) ([]part, error) {
	var parts []part
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			parts = append(parts, part{text: text.String()})
			text.Reset()
		}
	}
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			i = len(s)
		}
		text.WriteString(s[:i])
		s = s[i:]
		switch {
		case s == "":
		case len(s) > 1 && s[1] == s[0]:
			text.WriteByte(s[0])
			s = s[2:]
		case s[0] == '}':
			return nil, errors.New(`a "}" without "{"; a brace by itself is written twice: "}}"`)
		default:
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return nil, errors.New(`a "{" without "}"; a brace by itself is written twice: "{{"`)
			}
			if !placeholder.MatchString(s[1:end]) {
				return nil, fmt.Errorf(`%.40q is not the name of a value: letters, digits and "_"; a brace by itself is written twice: "{{"`, s[1:end])
			}
			if left.marks--; left.marks < 0 {
				return nil, fmt.Errorf("more than %d placeholders in all tables", MaxMarks)
			}
			flush()
			parts = append(parts, part{name: strings.Clone(s[1:end])})
			s = s[end+1:]
		}
	}
	flush()
	return parts, nil
}

// Values finds a value by the name of a placeholder.
type Values func(name string) (text string, ok bool)

// Template is a text with its form chosen.
type Template struct{ parts []part }

// Template returns the form of the text for the number that it depends on. counted
// says whether there is one.
func (t *Text) Template(count float64, counted bool) Template {
	if t.forms == nil {
		return Template{t.plain}
	}
	form := plural.Other
	if counted {
		form = category(t.language, count)
	}
	parts, ok := t.forms[form]
	if !ok {
		parts = t.forms[plural.Other]
	}
	return Template{parts}
}

// category returns the plural category of a number as it is shown: without zeros at
// its end.
func category(tag language.Tag, n float64) plural.Form {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return plural.Other
	}
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(math.Abs(n), 'f', -1, 64), ".")
	f := operand(fraction)
	return plural.Cardinal.MatchPlural(tag, operand(whole), len(fraction), len(fraction), f, f)
}

// operand returns a number given by its digits; one of seven digits or more with only
// its last six and a one before them. The rules of CLDR ask whether a number is one of
// the small ones, and for its last digits, six of them at most.
func operand(digits string) int {
	const most = 6
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > most {
		digits = "1" + digits[len(digits)-most:]
	}
	n, _ := strconv.Atoi(digits) // 0 for ""
	return n
}

// Parts returns of how many pieces the template consists: what Size and Format look
// at.
func (t Template) Parts() int { return len(t.parts) }

// Size returns how many bytes Format returns for the same values; math.MaxInt if that
// is more than fits.
func (t Template) Size(values Values) int {
	size := 0
	for _, p := range t.parts {
		n := len(p.text)
		if p.name != "" {
			n = len(p.filled(values))
		}
		if size += n; size < 0 {
			return math.MaxInt
		}
	}
	return size
}

// Format puts values in their places. A placeholder without a value stays as it is
// written. Braces in a value mean nothing.
func (t Template) Format(values Values) string {
	if len(t.parts) == 1 && t.parts[0].name == "" {
		return t.parts[0].text
	}
	var b strings.Builder
	b.Grow(t.Size(values))
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
		} else {
			b.WriteString(p.filled(values))
		}
	}
	return b.String()
}

func (p part) filled(values Values) string {
	if text, ok := values(p.name); ok {
		return text
	}
	return "{" + p.name + "}"
}
