package manifest

import (
	"fmt"
	"strings"
)

// Reference returns the documentation of the manifest in Markdown.
func Reference() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# mod.toml\n\nThe manifest of a mod: a [TOML](https://toml.io) file of at most %d KiB at the top of the mod. "+
		"A key that is not described here is an error. Names with dots are written in quotes.\n\n```toml\n%s```\n", maxBytes>>10, example())
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## [%s]\n\n%s", s.key, s.doc)
		if s.required {
			b.WriteString(" Required.")
		}
		b.WriteString("\n\n")
		if s.rows != nil {
			fmt.Fprintf(&b, "Each key is a %s: %s. At most %d.\n\n%s\n", s.rows.noun, s.rows.form, s.rows.max, s.rows.value)
			continue
		}
		b.WriteString("| key | value | meaning | if left out |\n|---|---|---|---|\n")
		for _, f := range s.fields {
			fallback := f.fallback
			switch {
			case f.required:
				fallback = "an error"
			case fallback == "":
				fallback = "nothing"
			}
			fmt.Fprintf(&b, "| `%s` | %s, as `%s` | %s | %s |\n", f.key, f.rule(), f.example, f.doc, fallback)
		}
	}
	return b.String()
}

// rule is what a value has to be, in words.
func (f field) rule() string {
	length := fmt.Sprintf("%d to %d characters", f.min, f.max)
	if f.min == 0 {
		length = fmt.Sprintf("at most %d characters", f.max)
	}
	switch f.typ {
	case textField:
		rule := "a string of " + length
		if f.form != "" {
			rule += ": " + f.form
		}
		return rule
	case listField:
		return fmt.Sprintf("an array of at most %d strings of %s", f.maxItems, length)
	}
	return f.want()
}

// example is a manifest that has every key.
func example() string {
	var b strings.Builder
	for i, s := range sections {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", s.key)
		for _, f := range s.fields {
			fmt.Fprintf(&b, "%s = %s\n", f.key, f.example)
		}
		if s.rows != nil {
			fmt.Fprintf(&b, "%s\n", s.rows.example)
		}
	}
	return b.String()
}
