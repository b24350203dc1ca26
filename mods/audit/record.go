package audit

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Record is one thing to remember. Texts are cut at the sizes below, with a mark
// that says how much is gone; all but printable ASCII is escaped, so that a log can
// be shown on a terminal.
type Record struct {
	Time time.Time     // wall clock; written in UTC
	Sim  time.Duration // simulation time

	// Kind says what happened: grant, denial, violation, state, call. It must not be
	// empty, nor begin with "audit.", which is for the log's own records.
	Kind string

	// The mod that it is about, the version of the mod, and the digest of its files.
	Mod, Version, Digest string

	// Attrs says more, in this order. Groups are flattened, with their names and a
	// dot before the keys; a key that comes again gets "#2". A value is a string, a
	// number, a boolean, a time or a duration; an error or a fmt.Stringer is written
	// as its text, anything else as the name of its type.
	Attrs []slog.Attr
}

// What of a Record is kept.
const (
	maxKind   = 64   // bytes
	maxName   = 128  // bytes of mod, version, digest, and of a key
	maxText   = 1024 // bytes of a value
	maxAttrs  = 32   // further ones are counted in the attribute "omitted"
	maxGroups = 4    // depth of groups; deeper ones are omitted

	// maxLine is the longest line that a Record can become, and more than that: 6
	// bytes for each byte of every text.
	maxLine = 256 << 10
)

// ownKind begins the kinds of the log's own records.
const ownKind = "audit."

// attr is an attribute as it is written. The value is a string, an int64, a
// uint64, a float64 that is a number, or a bool.
type attr struct {
	key   string
	value any
}

// flatten returns attrs as they are written. It calls code of the attributes'
// owners.
func flatten(attrs []slog.Attr) []attr {
	if len(attrs) == 0 {
		return nil
	}
	flat, omitted := make([]attr, 0, min(len(attrs), maxAttrs)+1), 0
	var add func(prefix string, attrs []slog.Attr, depth int)
	add = func(prefix string, attrs []slog.Attr, depth int) {
		for _, a := range attrs {
			value := a.Value.Resolve()
			if a.Equal(slog.Attr{}) {
				continue
			}
			if value.Kind() == slog.KindGroup && depth < maxGroups {
				within := prefix
				if a.Key != "" {
					within += cut(a.Key, maxName) + "."
				}
				add(within, value.Group(), depth+1)
				continue
			}
			if len(flat) == maxAttrs || value.Kind() == slog.KindGroup {
				omitted++
				continue
			}
			flat = append(flat, attr{unusedKey(flat, cut(prefix+a.Key, maxName)), plain(value)})
		}
	}
	add("", attrs, 0)
	if omitted > 0 {
		flat = append(flat, attr{unusedKey(flat, "omitted"), int64(omitted)})
	}
	return flat
}

// unusedKey returns key, with a number behind it if flat has it already.
func unusedKey(flat []attr, key string) string {
	used := func(k string) bool {
		for _, a := range flat {
			if a.key == k {
				return true
			}
		}
		return false
	}
	if !used(key) {
		return key
	}
	for n := 2; ; n++ {
		suffix := "#" + strconv.Itoa(n)
		if k := cut(key, maxName-len(suffix)) + suffix; !used(k) {
			return k
		}
	}
}

// plain returns a value as it is written.
func plain(v slog.Value) any {
	switch v.Kind() {
	case slog.KindString:
		return cut(v.String(), maxText)
	case slog.KindInt64:
		return v.Int64()
	case slog.KindUint64:
		if u := v.Uint64(); u > math.MaxInt64 {
			return u
		}
		return int64(v.Uint64())
	case slog.KindFloat64:
		f := v.Float64()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return f
	case slog.KindBool:
		return v.Bool()
	case slog.KindDuration:
		return v.Duration().String()
	case slog.KindTime:
		return timestamp(v.Time())
	}
	switch x := v.Any().(type) {
	case nil:
		return "<nil>"
	case error:
		return cut(text(x.Error), maxText)
	case fmt.Stringer:
		return cut(text(x.String), maxText)
	default:
		return cut(fmt.Sprintf("<%T>", x), maxText)
	}
}

// text calls f, which may be a method of a nil pointer.
func text(f func() string) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = "<panic>"
		}
	}()
	return f()
}

// cut returns s as UTF-8 of at most size bytes, which are more than a mark has.
func cut(s string, size int) string {
	if len(s) > size {
		const mark = len("...[+9223372036854775807 bytes]")
		end := size - mark
		for range utf8.UTFMax - 1 { // not in the middle of a character
			if utf8.RuneStart(s[end]) {
				break
			}
			end--
		}
		s = s[:end] + "...[+" + strconv.Itoa(len(s)-end) + " bytes]"
	}
	return strings.ToValidUTF8(s, "?")
}

// timestamp writes a time in UTC. One outside of the years 0 to 9999, which JSON
// cannot hold, is the zero time.
func timestamp(t time.Time) string {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		t = time.Time{}
	}
	return t.Format(time.RFC3339Nano)
}

// line is what is written of a Record, before its hash.
type line struct {
	seq                        uint64
	time                       string
	sim                        int64
	kind, mod, version, digest string
	attrs                      []attr
}

// newLine cuts a record to size. The number is given later.
func newLine(r Record) line {
	return line{
		time:    timestamp(r.Time),
		sim:     int64(r.Sim),
		kind:    cut(r.Kind, maxKind),
		mod:     cut(r.Mod, maxName),
		version: cut(r.Version, maxName),
		digest:  cut(r.Digest, maxName),
		attrs:   flatten(r.Attrs),
	}
}

// append appends the one way to write a line, up to where its hash begins.
func (l *line) append(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), l.seq, 10)
	b = appendString(append(b, `,"time":`...), l.time)
	b = strconv.AppendInt(append(b, `,"sim":`...), l.sim, 10)
	b = appendString(append(b, `,"kind":`...), l.kind)
	for _, f := range [...]struct{ name, text string }{
		{`,"mod":`, l.mod}, {`,"version":`, l.version}, {`,"digest":`, l.digest},
	} {
		if f.text != "" {
			b = appendString(append(b, f.name...), f.text)
		}
	}
	if len(l.attrs) == 0 {
		return b
	}
	b = append(b, `,"attrs":{`...)
	for i, a := range l.attrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, a.key), ':')
		switch v := a.value.(type) {
		case string:
			b = appendString(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case uint64:
			b = strconv.AppendUint(b, v, 10)
		case float64:
			b = appendFloat(b, v)
		case bool:
			b = strconv.AppendBool(b, v)
		}
	}
	return append(b, '}')
}

// appendFloat writes a float so that it is not taken for an integer.
func appendFloat(b []byte, f float64) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, 64)
	for _, c := range b[start:] {
		if c == '.' || c == 'e' {
			return b
		}
	}
	return append(b, '.', '0')
}

// appendString writes a string as JSON, in printable ASCII: what is printable
// beyond that is another set with each version of Unicode, and a line must be the
// same to all who verify it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= 0x20 && r < 0x7f:
			b = append(b, byte(r))
		case r > 0xffff:
			r -= 0x10000
			b = appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			b = appendUnit(b, r)
		}
	}
	return append(b, '"')
}

func appendUnit(b []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
