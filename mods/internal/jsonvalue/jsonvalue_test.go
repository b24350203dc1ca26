package jsonvalue_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

type (
	list  = []any
	table = map[string]any
)

const plenty = 1 << 20

// nested returns a value with n lists inside each other.
func nested(n int) any {
	var v any = 1.0
	for range n {
		v = list{v}
	}
	return v
}

func TestEncode(t *testing.T) {
	for name, test := range map[string]struct {
		value  any
		indent bool
		bytes  bool
		want   string
	}{
		"nil":                {value: nil, want: "null"},
		"null":               {value: jsonvalue.TheNull, want: "null"},
		"true":               {value: true, want: "true"},
		"integer":            {value: 42.0, want: "42"},
		"largest integer":    {value: 1 << 53 * 1.0, want: "9007199254740992"},
		"beyond":             {value: 1e300, want: "1e+300"},
		"fraction":           {value: 0.1, want: "0.1"},
		"smallest":           {value: 5e-324, want: "5e-324"},
		"negative zero":      {value: math.Copysign(0, -1), want: "-0"},
		"string":             {value: "a\"b\\c/d\n\r\t\x00\x1f\x7f", want: `"a\"b\\c/d\n\r\t\u0000\u001f\u007f"`},
		"unicode":            {value: "grüße 🌧\u2028\u2029", want: `"grüße 🌧\u2028\u2029"`},
		"bytes":              {value: "\xff\x80a\xed\xb2\x80", bytes: true, want: `"\udcff\udc80a\udced\udcb2\udc80"`},
		"list":               {value: list{1.0, "x", list{}, nil}, want: `[1,"x",[],null]`},
		"sorted keys":        {value: table{"b": 1.0, "a": 2.0, "": 3.0, "ä": 4.0}, want: `{"":3,"a":2,"b":1,"ä":4}`},
		"indented":           {value: table{"a": list{1.0, table{}}, "b": list{}}, indent: true, want: "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"},
		"as deep as allowed": {value: nested(jsonvalue.MaxDepth), want: strings.Repeat("[", 100) + "1" + strings.Repeat("]", 100)},
	} {
		got, err := jsonvalue.Encode(test.value, jsonvalue.Encoding{Most: plenty, Indent: test.indent, Null: true, Bytes: test.bytes})
		if err != nil || got != test.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, test.want)
		}
		if !test.bytes && !json.Valid([]byte(got)) {
			t.Errorf("%s: encoding/json does not take it for JSON", name)
		}
	}
}

func TestNotPlain(t *testing.T) {
	for name, test := range map[string]struct {
		value any
		path  string
	}{
		"NaN":         {list{table{"x": math.NaN()}}, "[1].x"},
		"infinity":    {table{"a": table{"b": list{0.0, math.Inf(-1)}}}, "a.b[2]"},
		"mixed keys":  {table{"mix": map[any]any{1.0: 1.0, "a": 2.0}}, "mix"},
		"function":    {list{func() {}}, "[1]"},
		"too deep":    {nested(jsonvalue.MaxDepth + 1), strings.Repeat("[1]", 67)},
		"odd key":     {table{"a\nb\xff": math.NaN()}, `"a\nb\xff"`},
		"long key":    {table{strings.Repeat("k", 100): math.NaN()}, strings.Repeat("k", 40) + "..."},
		"other null":  {list{&jsonvalue.Null{}}, "[1]"},
		"inner null":  {list{jsonvalue.TheNull}, "[1]"},
		"not in JSON": {table{"x": int64(5)}, "x"},
	} {
		_, measured := jsonvalue.Measure(test.value, plenty)
		_, encoded := jsonvalue.Encode(test.value, jsonvalue.Encoding{Most: plenty})
		for _, err := range []error{measured, encoded} {
			var typed *jsonvalue.Error
			if !errors.As(err, &typed) || typed.Path != test.path {
				t.Errorf("%s: %v; want an Error at %s", name, err, test.path)
			}
		}
	}
	if _, err := jsonvalue.Encode("\xff", jsonvalue.Encoding{Most: plenty}); err == nil {
		t.Error("a string that is not UTF-8 was written")
	}
	if _, err := jsonvalue.Encode(table{"\xff": 1.0}, jsonvalue.Encoding{Most: plenty}); err == nil {
		t.Error("a key that is not UTF-8 was written")
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("x", 5000)
	values := []any{long, list{long}, table{long: 1.0}, list{1.0, 2.0, 3.0, list{long}}, strings.Repeat("\x00", 1000)}
	for i, v := range values {
		text, err := jsonvalue.Encode(v, jsonvalue.Encoding{Most: plenty})
		if err != nil {
			t.Fatal(err)
		}
		for _, most := range []int{1, 100, len(text) - 1} {
			if _, err := jsonvalue.Encode(v, jsonvalue.Encoding{Most: most}); !errors.Is(err, jsonvalue.ErrTooLarge) {
				t.Errorf("value %d in %d bytes: %v", i, most, err)
			}
		}
		size, err := jsonvalue.Measure(v, plenty)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jsonvalue.Measure(v, size-1); !errors.Is(err, jsonvalue.ErrTooLarge) {
			t.Errorf("value %d measured with %d bytes: %v", i, size-1, err)
		}
	}
}

func TestEncodingIsPaidFor(t *testing.T) {
	value := list{}
	for range 2000 {
		value = append(value, table{"name": "value"})
	}
	paid := 0
	text, err := jsonvalue.Encode(value, jsonvalue.Encoding{Most: plenty, Charge: func(n int) error { paid += n; return nil }})
	if err != nil || paid < len(text) || paid > 2*len(text) {
		t.Errorf("%d bytes were paid for %d: %v", paid, len(text), err)
	}
	broke := errors.New("no money left")
	left := 5
	_, err = jsonvalue.Encode(value, jsonvalue.Encoding{Most: plenty, Charge: func(int) error {
		if left--; left < 0 {
			return broke
		}
		return nil
	}})
	if err != broke {
		t.Errorf("the charge's error came back as %v", err)
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]any{
		"null":                       jsonvalue.TheNull,
		" true ":                     true,
		"\tfalse\r\n":                false,
		"-0":                         math.Copysign(0, -1),
		"1e2":                        100.0,
		"1E+2":                       100.0,
		"12.5e-1":                    1.25,
		"9007199254740993":           9007199254740992.0,
		"1e-400":                     0.0,
		`"\"\\\/\b\f\n\r\t"`:         "\"\\/\b\f\n\r\t",
		`"\u0041\u00e4\ud83c\udf27"`: "Aä🌧",
		`"\u0000"`:                   "\x00",
		`""`:                         "",
		"[]":                         list{},
		"{}":                         table{},
		` [ 1 , [ ] , { } ] `:        list{1.0, list{}, table{}},
		`{"a":{"b":[null]},"":2}`:    table{"a": table{"b": list{jsonvalue.TheNull}}, "": 2.0},
	} {
		got, err := jsonvalue.Decode(text, jsonvalue.Decoding{Null: jsonvalue.TheNull})
		if err != nil || !cmp.Equal(got, want, cmp.Comparer(func(a, b *jsonvalue.Null) bool { return a == b })) ||
			math.Signbit(number(got)) != math.Signbit(number(want)) {
			t.Errorf("%s: %#v, %v; want %#v", text, got, err, want)
		}
	}
}

func number(v any) float64 { f, _ := v.(float64); return f }

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", jsonvalue.MaxDepth+1)
	for text, want := range map[string]jsonvalue.SyntaxError{
		"":                                {Line: 1, Column: 1, Reason: "unexpected end, a value is missing"},
		" \n ":                            {Line: 2, Column: 2, Reason: "unexpected end, a value is missing"},
		"1 2":                             {Line: 1, Column: 3, Reason: "unexpected '2' after the value"},
		"nul":                             {Line: 1, Column: 1, Reason: "unexpected 'n', where a value should be"},
		"NaN":                             {Line: 1, Column: 1, Reason: "unexpected 'N', where a value should be"},
		"+1":                              {Line: 1, Column: 1, Reason: "unexpected '+', where a value should be"},
		"01":                              {Line: 1, Column: 2, Reason: "unexpected '1' after the value"},
		"-":                               {Line: 1, Column: 2, Reason: "unexpected end in a number"},
		".5":                              {Line: 1, Column: 1, Reason: "unexpected '.', where a value should be"},
		"1.":                              {Line: 1, Column: 3, Reason: "unexpected end, where a digit should be"},
		"1e":                              {Line: 1, Column: 3, Reason: "unexpected end, where a digit should be"},
		"0x10":                            {Line: 1, Column: 2, Reason: "unexpected 'x' after the value"},
		"[1e999]":                         {Line: 1, Column: 2, Reason: "the number is too large"},
		"[1,]":                            {Line: 1, Column: 4, Reason: "unexpected ']', where a value should be"},
		"[1":                              {Line: 1, Column: 3, Reason: "unexpected end, where ',' or ']' should be"},
		"[1}":                             {Line: 1, Column: 3, Reason: "unexpected '}', where ',' or ']' should be"},
		"{1:2}":                           {Line: 1, Column: 2, Reason: "unexpected '1', where a key should be"},
		`{"a" 2}`:                         {Line: 1, Column: 6, Reason: "unexpected '2', where ':' should be"},
		`{"a":2,}`:                        {Line: 1, Column: 8, Reason: "unexpected '}', where a key should be"},
		`{"a":1,` + "\n" + ` "\u0061":2}`: {Line: 2, Column: 2, Reason: "the object has this key already"},
		`"abc`:                            {Line: 1, Column: 5, Reason: "unexpected end in a string"},
		`"\`:                              {Line: 1, Column: 3, Reason: "unexpected end in a string"},
		`"\x41"`:                          {Line: 1, Column: 3, Reason: "unexpected 'x' after a backslash"},
		`"\u12g4"`:                        {Line: 1, Column: 3, Reason: `\u needs four hexadecimal digits`},
		`"\u12`:                           {Line: 1, Column: 3, Reason: `\u needs four hexadecimal digits`},
		`"\ud83c"`:                        {Line: 1, Column: 8, Reason: `\ud83c is half of a pair`},
		`"\udc80"`:                        {Line: 1, Column: 8, Reason: `\udc80 is half of a pair`},
		"\"a\nb\"":                        {Line: 1, Column: 3, Reason: `'\n' in a string must be escaped`},
		"\"\xff\"":                        {Line: 1, Column: 2, Reason: "the text is not UTF-8: byte 0xff"},
		"\xff":                            {Line: 1, Column: 1, Reason: "unexpected byte 0xff, where a value should be"},
		"\u202e":                          {Line: 1, Column: 1, Reason: `unexpected '\u202e', where a value should be`},
		deep:                              {Line: 1, Column: 101, Reason: "nested more than 100 deep"},
		strings.Repeat(`{"a":`, 101):      {Line: 1, Column: 501, Reason: "nested more than 100 deep"},
		"[" + strings.Repeat("0,", jsonvalue.MaxElements): {Line: 1, Column: 2 * jsonvalue.MaxElements, Reason: "more than 262144 elements"},
	} {
		_, err := jsonvalue.Decode(text, jsonvalue.Decoding{})
		var got *jsonvalue.SyntaxError
		if !errors.As(err, &got) {
			t.Errorf("%.40q: %v", text, err)
		} else if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%.40q (-want +got):\n%s", text, diff)
		}
	}
}

// TestBytesRoundTrip: any string, whatever its bytes, comes back from JSON that
// is ASCII or UTF-8 itself.
func TestBytesRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"\xff", "\x80", "\xed\xb2\x80", "\xed\xa0\x80", "\xf0\x9f", "\xc0\x80", "a", "\x00", "ä", "🌧", "\u2028", `\udc80`, `"`, "\ufffd"}
	for range 5000 {
		var b strings.Builder
		for range random.IntN(8) {
			b.WriteString(pieces[random.IntN(len(pieces))])
		}
		s := b.String()
		text, err := jsonvalue.Encode(table{s: s}, jsonvalue.Encoding{Most: plenty, Bytes: true})
		if err != nil || !utf8.ValidString(text) {
			t.Fatalf("%q: %q, %v", s, text, err)
		}
		got, err := jsonvalue.Decode(text, jsonvalue.Decoding{Bytes: true})
		if err != nil || !cmp.Equal(got, any(table{s: s})) {
			t.Fatalf("%q came back as %#v, %v", s, got, err)
		}
	}
}

func TestNumbersRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		f := math.Float64frombits(random.Uint64())
		if random.IntN(2) == 0 {
			f = float64(random.Int64N(1<<60)) / float64(int64(1)<<random.IntN(60))
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text, err := jsonvalue.Encode(f, jsonvalue.Encoding{Most: plenty})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jsonvalue.Decode(text, jsonvalue.Decoding{}); err != nil || math.Float64bits(number(got)) != math.Float64bits(f) {
			t.Fatalf("%v became %s became %v, %v", f, text, got, err)
		}
	}
}

// TestMemoryIsBounded compares what a value is said to hold with what Go's
// allocator gave for it.
func TestMemoryIsBounded(t *testing.T) {
	const n = 20000
	for name, text := range map[string]string{
		"empty lists":    "[" + strings.Repeat("[],", n) + "0]",
		"empty objects":  "[" + strings.Repeat("{},", n) + "0]",
		"small objects":  "[" + strings.Repeat(`{"":1},`, n) + "0]",
		"nine fields":    "[" + strings.Repeat(`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1},`, n/9) + "0]",
		"numbers":        "[" + strings.Repeat("0.5,", n) + "0]",
		"empty strings":  "[" + strings.Repeat(`"",`, n) + "0]",
		"short strings":  "[" + strings.Repeat(`"a",`, n) + "0]",
		"one string":     `"` + strings.Repeat("a", n) + `"`,
		"escapes":        `"` + strings.Repeat(`\n`, n) + `"`,
		"lists in lists": strings.Repeat("["+strings.Repeat("[", 90)+strings.Repeat("]", 90)+"]", 1),
		"one object":     manyKeys(n),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		v, err := jsonvalue.Decode(text, jsonvalue.Decoding{})
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
		size, err := jsonvalue.Measure(v, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		const slack = 16 << 10
		if said := jsonvalue.DecodedBytes(text); held > said+slack || size > said+slack {
			t.Errorf("%s: it holds %d bytes, measured %d, expected at most %d", name, held, size, said)
		}
		if held > size+size/2+slack {
			t.Errorf("%s: it holds %d bytes and was measured as %d", name, held, size)
		}
		runtime.KeepAlive(v)
	}
}

func manyKeys(n int) string {
	m := table{}
	for i := range n {
		m[string(rune('a'+i%26))+strings.Repeat("k", i%7)+string(rune(0x4e00+i))] = 1.0
	}
	text, _ := jsonvalue.Encode(m, jsonvalue.Encoding{Most: plenty})
	return text
}

// FuzzDecode: what is read here, encoding/json reads the same; and it comes
// back from what is written.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,null,true,"x\u00e4\ud83c\udf27"]}`, "[[[]]]", `"\ud800"`, "1e999", `{"a":1,"a":2}`, "\xff", "-0.0e-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := jsonvalue.Decode(text, jsonvalue.Decoding{})
		if err != nil {
			if !errors.As(err, new(*jsonvalue.SyntaxError)) {
				t.Fatalf("%T", err)
			}
			return
		}
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("encoding/json: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v, encoding/json reads %#v", got, want)
		}
		size, err := jsonvalue.Measure(got, math.MaxInt64)
		if err != nil || size > jsonvalue.DecodedBytes(text) {
			t.Fatalf("%d bytes, expected at most %d; %v", size, jsonvalue.DecodedBytes(text), err)
		}
		for _, indent := range []bool{false, true} {
			out, err := jsonvalue.Encode(got, jsonvalue.Encoding{Most: math.MaxInt32, Null: true, Indent: indent})
			if err != nil {
				t.Fatal(err)
			}
			again, err := jsonvalue.Decode(out, jsonvalue.Decoding{})
			if err != nil || !reflect.DeepEqual(again, got) {
				t.Fatalf("%s came back as %#v, %v", out, again, err)
			}
		}
	})
}
