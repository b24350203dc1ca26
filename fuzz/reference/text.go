package reference

import "strings"

// Text is what a search leaves: numbers (positions) are float64, the rest string.
type Text = any

// found returns the captures of a match as string.match does; whole asks for the
// whole match where there are none.
func found(s string, m *Match, whole bool) ([]Text, error) {
	if len(m.Captures) == 0 && whole {
		return []Text{s[m.Start:m.End]}, nil
	}
	var list []Text
	for i := range m.Captures {
		t, err := m.capture(s, i)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// capture returns capture i; the whole match for the first where there is none.
func (m *Match) capture(s string, i int) (Text, error) {
	if i >= len(m.Captures) {
		if i > 0 {
			return nil, PatternError("invalid capture index")
		}
		return s[m.Start:m.End], nil
	}
	switch c := m.Captures[i]; {
	case c.Open:
		return nil, PatternError("unfinished capture")
	case c.Position:
		return float64(c.Start + 1), nil
	default:
		return s[c.Start:c.End], nil
	}
}

// from returns the offset that an argument init means.
func from(s string, init int) int {
	if init < 0 {
		init = max(init+len(s)+1, 0)
	}
	return min(max(init-1, 0), len(s))
}

// StringFind is string.find(s, p, init, plain): nil if there is no match.
func StringFind(s, p string, init int, plain bool) ([]Text, error) {
	start := from(s, init)
	if plain || !strings.ContainsAny(p, "^$*+?.([%-") {
		i := strings.Index(s[start:], p)
		if i < 0 {
			return nil, nil
		}
		return []Text{float64(start + i + 1), float64(start + i + len(p))}, nil
	}
	m, err := Find(s, p, start)
	if m == nil || err != nil {
		return nil, err
	}
	captures, err := found(s, m, false)
	return append([]Text{float64(m.Start + 1), float64(m.End)}, captures...), err
}

// StringMatch is string.match(s, p, init): nil if there is no match.
func StringMatch(s, p string, init int) ([]Text, error) {
	m, err := Find(s, p, from(s, init))
	if m == nil || err != nil {
		return nil, err
	}
	return Captures(s, m)
}

// StringGmatch is all that an iterator of string.gmatch(s, p) gives, most matches at
// the most. A '^' is a character like others there.
func StringGmatch(s, p string, most int) (all [][]Text, err error) {
	for at := 0; at <= len(s) && len(all) < most; {
		m, err := (&Pattern{s: s, p: p}).find(at, false)
		if err != nil {
			return all, err
		}
		if m == nil {
			break
		}
		captures, err := Captures(s, m)
		if err != nil {
			return all, err
		}
		all = append(all, captures)
		if at = m.End; m.End == m.Start {
			at++
		}
	}
	return all, nil
}

// StringGsub is string.gsub(s, p, ..., most): replace returns what stands in the
// place of a match.
func StringGsub(s, p string, most int, replace func(*Match) (string, error)) (string, int, error) {
	rest, anchored := strings.CutPrefix(p, "^")
	var out strings.Builder
	n, at := 0, 0
	for n < most {
		m, err := (&Pattern{s: s, p: rest}).find(at, true)
		if err != nil {
			return "", 0, err
		}
		if m != nil {
			n++
			text, err := replace(m)
			if err != nil {
				return "", 0, err
			}
			out.WriteString(text)
		}
		switch {
		case m != nil && m.End > at:
			at = m.End
		case at < len(s):
			out.WriteByte(s[at])
			at++
		default:
			return out.String(), n, nil
		}
		if anchored {
			break
		}
	}
	return out.String() + s[at:], n, nil
}

// Captures returns what a function that replaces a match of s is called with.
func Captures(s string, m *Match) ([]Text, error) { return found(s, m, true) }

// Expand returns the text that a replacement string stands for in a match.
func Expand(s, repl string, m *Match) (string, error) {
	var out strings.Builder
	for i := 0; i < len(repl); i++ {
		if repl[i] != '%' {
			out.WriteByte(repl[i])
			continue
		}
		i++
		switch {
		case i == len(repl):
			out.WriteByte(0) // the NUL behind C's string
		case repl[i] < '0' || repl[i] > '9':
			out.WriteByte(repl[i])
		case repl[i] == '0':
			out.WriteString(s[m.Start:m.End])
		default:
			t, err := m.capture(s, int(repl[i]-'1'))
			if err != nil {
				return "", err
			}
			if f, ok := t.(float64); ok {
				t = Number(f)
			}
			out.WriteString(t.(string))
		}
	}
	return out.String(), nil
}
