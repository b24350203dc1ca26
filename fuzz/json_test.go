package fuzz

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

const jsonProgram = `
local cycle = {1} cycle.cycle = cycle
local function deep(n) local t = {} for i = 1, n do t = {t} end return t end
local function many(n) local t = {} for i = 1, n do t[i] = i end return t end
local ok, v = pcall(json.decode, probe.text())
if ok then
  probe.decoded(json.encode(v), json.encode(v, {indent = true}))
else
  probe.refused(v)
end
for _, f in ipairs{%} do
  local ok, text = pcall(function() return json.encode(f()) end)
  if ok then
    probe.encoded(text, json.encode(json.decode(text)))
  else
    probe.failed(tostring(text))
  end
end
`

// jsonValue returns a Lua expression for what can be JSON, or cannot.
func (s *source) jsonValue(depth int) string {
	s.nodes++
	n := 20
	if depth > 6 || s.nodes > 60 {
		n = 12
	}
	switch s.pick(n) {
	case 0:
		return "nil"
	case 1:
		return "json.null"
	case 2:
		return [...]string{"true", "false"}[s.pick(2)]
	case 3, 4:
		return numerals[s.pick(len(numerals))]
	case 5, 6:
		return texts[s.pick(len(texts))]
	case 7:
		return `"\226\128\168<\\/\"\n\127é"`
	case 8:
		return "{}"
	case 9:
		return "deep(" + [...]string{"1", "97", "98", "99", "100", "101", "300"}[s.pick(7)] + ")"
	case 10:
		return [...]string{"cycle", "print", "coroutine.create(print)", "json", "many(300)", "many(70000)"}[s.pick(6)]
	case 11:
		return "{[" + numerals[s.pick(len(numerals))] + "] = 1}"
	case 12, 13, 14:
		return "{" + s.jsonValue(depth+1) + ", " + s.jsonValue(depth+1) + "}"
	case 15:
		return "{" + s.jsonValue(depth+1) + ", k = " + s.jsonValue(depth+1) + "}"
	case 16:
		return "setmetatable({" + s.jsonValue(depth+1) + "}, {__index = cycle, __len = error, __tostring = error, __pairs = error})"
	default:
		return "{k = " + s.jsonValue(depth+1) + ", [" + texts[s.pick(len(texts))] + "] = " + s.jsonValue(depth+1) + "}"
	}
}

// FuzzJSON holds the capability "json" against encoding/json: what a script can
// read, that reads the same; what that takes, a script can read, but for what is
// documented; and whatever a script's value is, what comes out is JSON that comes
// back, or an error.
func FuzzJSON(f *testing.F) {
	for i, text := range []string{
		`{"a":[1,2.5e3,null,true,"x\u00e4\ud83c\udf27"]}`, "[[[]]]", `"\ud800"`, "1e999", `{"a":1,"a":2}`, "\xff", "-0.0e-0", "[1,]", "[]", "{}", " 1 ", "01", `{"1":2,"2":3}`, "[null,1,null]", "\ufeff1", `"\u0000"`, strings.Repeat("[", 101), `{"a":{"b":{"c":[]}}}`, "nul", `"\x"`,
	} {
		f.Add(text, []byte{byte(i), byte(2 * i), 12, byte(i), byte(3 * i), 17, 5, 3})
	}
	f.Fuzz(func(t *testing.T, text string, values []byte) {
		if len(text) > 1000 || len(values) > 100 {
			return
		}
		s := &source{data: values}
		var exprs []string
		for range 1 + s.pick(4) {
			exprs = append(exprs, "function() return "+s.jsonValue(0)+" end")
		}
		main := strings.Replace(jsonProgram, "%", strings.Join(exprs, ", "), 1)
		read, answered := false, false
		p := probe(func(string) []luasandbox.Member {
			return []luasandbox.Member{
				luasandbox.Func("text", func() string { return text }),
				luasandbox.Func("decoded", func(out, indented string) {
					read, answered = true, true
					sameJSON(t, text, out, indented)
				}),
				luasandbox.Func("refused", func(any) { answered = true }),
				luasandbox.Func("encoded", func(out, again string) {
					if !json.Valid([]byte(out)) || out != again || strings.ContainsAny(out, "\n\u2028\u2029") {
						t.Errorf("%s\n%q is written, and then %q", main, out, again)
					}
				}),
				luasandbox.Func("failed", func(text string) {
					if strings.Contains(text, "host error") {
						t.Errorf("%s\n%s", main, text)
					}
				}),
			}
		})
		run := func() []mods.Report {
			w := newWorld(t, nil, p, main, "", "one")
			w.tick()
			_ = w.end()
			return w.figures()
		}
		first := run()
		if diff := cmp.Diff(first, run()); diff != "" {
			t.Errorf("a second host differs:\n%s", diff)
		}
		if answered && !read && acceptable(text) {
			t.Errorf("%q is refused", text)
		}
	})
}

// sameJSON compares what was written again with the text that was read.
func sameJSON(t *testing.T, text, out, indented string) {
	t.Helper()
	var want, got, pretty any
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Errorf("%q is read, and encoding/json says %v", text, err)
		return
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Errorf("%q becomes %q: %v", text, out, err)
	}
	if err := json.Unmarshal([]byte(indented), &pretty); err != nil || !reflect.DeepEqual(got, pretty) {
		t.Errorf("%q is written indented as %q: %v", text, indented, err)
	}
	if want = emptyLists(want); !reflect.DeepEqual(got, want) {
		t.Errorf("%q came back as %q", text, out)
	}
}

// emptyLists makes them objects, as which they come back.
func emptyLists(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return map[string]any{}
		}
		for i := range v {
			v[i] = emptyLists(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = emptyLists(v[k])
		}
	}
	return v
}

// acceptable reports whether the capability has to read a text: encoding/json does,
// and it has none of what is documented as an error: bytes that are not UTF-8, half
// of a surrogate pair, a key that is there twice, more than 100 levels.
func acceptable(text string) bool {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil || !utf8.ValidString(text) || strings.Contains(strings.ToLower(text), `\ud`) {
		return false
	}
	var keys []map[string]bool // of the objects around; nil for a list
	var isKey []bool
	d := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return true
		}
		top := len(keys) - 1
		switch token := token.(type) {
		case json.Delim:
			if token == '}' || token == ']' {
				keys, isKey = keys[:top], isKey[:top]
				if top > 0 {
					isKey[top-1] = true
				}
				continue
			}
			if len(keys) == 100 {
				return false
			}
			if token == '{' {
				keys, isKey = append(keys, map[string]bool{}), append(isKey, true)
			} else {
				keys, isKey = append(keys, nil), append(isKey, false)
			}
			continue
		case string:
			if top >= 0 && keys[top] != nil && isKey[top] {
				if keys[top][token] {
					return false
				}
				keys[top][token] = true
				isKey[top] = false
				continue
			}
		}
		if top >= 0 {
			isKey[top] = true
		}
	}
}
