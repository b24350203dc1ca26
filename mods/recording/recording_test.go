package recording_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/luasandbox/modrunner/mods/recording"
)

// full has something in every field.
func full() *recording.Frame {
	return &recording.Frame{
		Kind: recording.Tick, DT: 16 * time.Millisecond, Wall: time.Unix(-1e9, 999_999_999).UTC(), Data: []byte("{}\x00"),
		Inputs: []recording.Input{
			{Kind: recording.Load, Mods: []recording.Bundle{{ID: "one", Version: "1.0.0", Digest: "h1:x"}, {ID: "two"}}},
			{Kind: recording.Emit, Name: "chat", Asks: true, Values: []any{map[string]any{
				"": nil, "a": true, "b": false, "n": -0.5, "inf": math.Inf(1), "t": "\xff\x00", "l": []any{[]any{}, map[string]any{}, 1e300},
			}}},
			{Kind: recording.Control, Mod: "one", Name: "disable", Text: "why"},
			{Kind: recording.Answer, Mod: "one", Number: math.MaxInt64, Failed: true, Shown: true, Text: "no"},
			{Kind: recording.Awake, Mod: "one", Number: -1, HasValue: true, Values: []any{nil}},
		},
		Store: []recording.Stored{{Mod: "one", Values: map[string]string{"k": "v", "": "\x00"}}, {Error: "full"}},
		End:   recording.Cut, Slices: 77,
		Mods: []recording.Mod{
			{ID: "one", Instructions: 1 << 40, Memory: 12345, State: math.MaxUint64, More: 3, MoreDigest: 9, Calls: []recording.HostCall{
				{Function: "log.info", Digest: math.MaxUint32, Instructions: 10, Chunk: "main.lua", Line: 3, Failed: true},
				{Function: "log.info", Instructions: 5, Chunk: strings.Repeat("x", 1000), Line: -1, Later: true, Answer: true},
			}},
			{ID: "two"},
		},
	}
}

var header = recording.Header{Fields: []recording.Field{{Name: "Seed", Value: "7"}, {Name: "", Value: strings.Repeat("long ", 1000)}}}

func write(t testing.TB, all ...*recording.Frame) []byte {
	t.Helper()
	var file bytes.Buffer
	w := recording.NewWriter(&file, header)
	for _, f := range all {
		if err := w.Frame(f); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func read(r io.Reader) (all []*recording.Frame, err error) {
	in, err := recording.NewReader(r)
	if err != nil {
		return nil, err
	}
	for {
		f, err := in.Next()
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
}

func TestRoundTrip(t *testing.T) {
	// Texts that come again are read again, also when there are more than are kept.
	want := []*recording.Frame{full(), full(), {Kind: recording.Open}}
	many := &recording.Frame{Kind: recording.Stop}
	for i := range 10_000 {
		many.Mods = append(many.Mods, recording.Mod{ID: fmt.Sprint("mod", i%5000)})
	}
	want = append(want, many, full(), &recording.Frame{Kind: recording.Save, End: recording.Stopped, Slices: 1}, &recording.Frame{Kind: recording.Close})
	for _, f := range want {
		if f.Wall.IsZero() {
			f.Wall = time.Unix(0, 0).UTC()
		}
	}
	file := write(t, want...)
	for name, r := range map[string]io.Reader{"whole": bytes.NewReader(file), "byte by byte": iotest.OneByteReader(bytes.NewReader(file)), "more": io.MultiReader(bytes.NewReader(file), strings.NewReader("behind"))} {
		got, err := read(r)
		if err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	in, err := recording.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(header, in.Header()); diff != "" {
		t.Error(diff)
	}
	if again := write(t, want...); !bytes.Equal(file, again) {
		t.Error("written twice, it is not the same")
	}
}

// TestCutOff: of a file that ends anywhere, the whole frames are read, and that it ends
// early is told, with the place.
func TestCutOff(t *testing.T) {
	all := []*recording.Frame{full(), full(), {Kind: recording.Close}}
	file := write(t, all...)
	one := len(write(t, all[0]))
	for n := range len(file) {
		got, err := read(bytes.NewReader(file[:n]))
		var e *recording.Error
		switch {
		case !errors.As(err, &e):
			t.Fatalf("%d bytes: %v", n, err)
		case n < len("modrunner recording 1\n"):
			if !errors.Is(err, recording.ErrFormat) {
				t.Errorf("%d bytes: %v", n, err)
			}
		case !errors.Is(err, recording.ErrCutOff) || e.Frame != int64(len(got)) || e.Offset > int64(n):
			t.Errorf("%d bytes: %v, after %d frames", n, err, len(got))
		}
		if want := n >= one; (len(got) > 0) != want {
			t.Errorf("%d bytes: %d frames", n, len(got))
		}
	}
}

// TestDamage: no bit can be turned without it being told.
func TestDamage(t *testing.T) {
	file := write(t, full(), &recording.Frame{Kind: recording.Close})
	for i := range file {
		damaged := slices.Clone(file)
		damaged[i] ^= 1 << (i % 8)
		_, err := read(bytes.NewReader(damaged))
		if !errors.As(err, new(*recording.Error)) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// forged returns a file with a block of somebody's making.
func forged(blocks ...[]byte) []byte {
	file := []byte("modrunner recording 1\n")
	for _, b := range append([][]byte{{0}}, blocks...) {
		file = binary.AppendUvarint(file, uint64(len(b)))
		file = append(file, b...)
		file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	}
	return file
}

func TestForged(t *testing.T) {
	deep := &recording.Frame{Kind: recording.Tick, Inputs: []recording.Input{{Kind: recording.Emit}}}
	text := recording.AppendFrame(nil, deep)
	at := bytes.Index(text, []byte{byte(recording.Emit), 0}) + 2
	for name, block := range map[string][]byte{
		"empty":             {},
		"kind":              {99},
		"many inputs":       append([]byte{byte(recording.Tick), 0, 0, 0, 0}, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"many bytes":        append([]byte{byte(recording.Tick), 0, 0, 0}, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"endless number":    append([]byte{byte(recording.Tick)}, bytes.Repeat([]byte{0xff}, 11)...),
		"unknown text":      slices.Insert(slices.Clone(text), at, 0x70),
		"behind the end":    append(slices.Clone(text), 0),
		"negative duration": {byte(recording.Tick), 1, 0, 0, 0, 0, 0, 0, 0, 0},
		"nanoseconds":       append(append([]byte{byte(recording.Tick), 0, 0}, binary.AppendUvarint(nil, 1e9)...), 0, 0, 0, 0, 0, 0),
		"the end":           {byte(recording.Tick), 0, 0, 0, 0, 0, 0, 9, 0, 0},
	} {
		_, err := read(bytes.NewReader(forged(block)))
		if !errors.Is(err, recording.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := read(bytes.NewReader(forged(text))); !errors.Is(err, recording.ErrCutOff) || len(got) != 1 {
		t.Errorf("as it is: %v", err)
	}
	// A length is not believed.
	long := append(forged(), 0xff, 0xff, 0xff, 0x3f, 'x')
	if _, err := read(bytes.NewReader(long)); !errors.Is(err, recording.ErrCutOff) {
		t.Error(err)
	}
	if n := testing.AllocsPerRun(1, func() { _, _ = read(bytes.NewReader(long)) }); n > 100 {
		t.Errorf("%v allocations", n)
	}
	if _, err := read(bytes.NewReader(append(forged(), 0xff, 0xff, 0xff, 0xff, 0x7f))); !errors.Is(err, recording.ErrDamaged) {
		t.Error(err)
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) any {
		var v any
		for range n {
			v = []any{v}
		}
		return v
	}
	frame := func(n int) *recording.Frame {
		return &recording.Frame{Kind: recording.Tick, Inputs: []recording.Input{{Kind: recording.Emit, Values: []any{nested(n)}}}}
	}
	if _, err := read(bytes.NewReader(write(t, frame(100)))); !errors.Is(err, recording.ErrCutOff) {
		t.Error(err)
	}
	if err := recording.NewWriter(io.Discard, header).Frame(frame(101)); !errors.As(err, new(*recording.Error)) {
		t.Error(err)
	}
}

func TestWriteErrors(t *testing.T) {
	full := errors.New("full")
	for name, test := range map[string]struct {
		to    io.Writer
		frame *recording.Frame
		want  error
	}{
		"error": {failing{full}, &recording.Frame{Kind: recording.Tick}, full},
		"short": {failing{nil}, &recording.Frame{Kind: recording.Tick}, io.ErrShortWrite},
		"large": {io.Discard, &recording.Frame{Kind: recording.Tick, Data: make([]byte, recording.MaxBlock)}, recording.ErrTooLarge},
		"many":  {io.Discard, &recording.Frame{Kind: recording.Tick, Mods: make([]recording.Mod, 1<<21), Inputs: make([]recording.Input, 1)}, recording.ErrTooLarge},
		"value": {io.Discard, &recording.Frame{Kind: recording.Tick, Inputs: []recording.Input{{Kind: recording.Emit, Values: []any{make(chan int)}}}}, nil},
	} {
		w := recording.NewWriter(test.to, recording.Header{})
		first := w.Frame(test.frame)
		if !errors.As(first, new(*recording.Error)) || test.want != nil && !errors.Is(first, test.want) {
			t.Errorf("%s: %v", name, first)
		}
		if second := w.Frame(&recording.Frame{Kind: recording.Close}); second != first {
			t.Errorf("%s: the second time: %v", name, second)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestReadErrors(t *testing.T) {
	broken := errors.New("broken")
	file := write(t, full(), full())
	for _, n := range []int{0, 5, 30, len(file) - 3} {
		_, err := read(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)))
		if !errors.Is(err, broken) || errors.As(err, new(*recording.Error)) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// TestRandomFrames: what is written is read, whatever it is.
func TestRandomFrames(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string { return strings.Repeat(string(rune(random.IntN(300))), random.IntN(4)) }
	var value func(depth int) any
	value = func(depth int) any {
		switch n := random.IntN(8); {
		case n == 0:
			return nil
		case n == 1:
			return random.IntN(2) == 0
		case n == 2:
			return random.NormFloat64()
		case n < 6 || depth > 4:
			return text()
		case n == 6:
			list := make([]any, random.IntN(4))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		}
		table := map[string]any{}
		for range random.IntN(4) {
			table[text()] = value(depth + 1)
		}
		return table
	}
	var all []*recording.Frame
	for range 300 {
		f := &recording.Frame{Kind: recording.Open + recording.Kind(random.IntN(5)), DT: time.Duration(random.Int64()), Wall: time.Unix(random.Int64N(1e12)-5e11, random.Int64N(1e9)).UTC(),
			End: recording.End(random.IntN(3)), Slices: random.Int64()}
		for range random.IntN(4) {
			in := recording.Input{Kind: recording.Load + recording.InputKind(random.IntN(9)), Mod: text(), Name: text(), Text: text(), Number: int64(random.Uint64()),
				Asks: random.IntN(2) == 0, Failed: random.IntN(2) == 0, Shown: random.IntN(2) == 0, HasValue: random.IntN(2) == 0}
			for range random.IntN(3) {
				in.Values = append(in.Values, value(0))
			}
			f.Inputs = append(f.Inputs, in)
		}
		for range random.IntN(3) {
			m := recording.Mod{ID: text(), Instructions: int64(random.Uint64()), Memory: int64(random.Uint64()), State: random.Uint64()}
			for range random.IntN(20) {
				m.Calls = append(m.Calls, recording.HostCall{Function: text(), Digest: random.Uint32(), Instructions: int64(random.Uint64()), Chunk: text(), Line: int32(random.Uint32())})
			}
			f.Mods = append(f.Mods, m)
		}
		all = append(all, f)
	}
	got, err := read(bytes.NewReader(write(t, all...)))
	if !errors.Is(err, recording.ErrCutOff) {
		t.Error(err)
	}
	if diff := cmp.Diff(all, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// FuzzFrame reads a frame of somebody's making. What can be read is written and read
// again, and is the same.
func FuzzFrame(f *testing.F) {
	seeds := []*recording.Frame{full(), {Kind: recording.Close}, {Kind: recording.Open, Store: full().Store}, {Kind: recording.Tick, Mods: full().Mods[:1]}}
	for _, in := range full().Inputs {
		seeds = append(seeds, &recording.Frame{Kind: recording.Restore, Inputs: []recording.Input{in}})
	}
	if len(seeds) != 9 {
		f.Fatalf("%d seeds", len(seeds))
	}
	for _, s := range seeds {
		f.Add(recording.AppendFrame(nil, s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := read(bytes.NewReader(forged(text)))
		if err != io.EOF && !errors.As(err, new(*recording.Error)) {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return
		}
		first := recording.AppendFrame(nil, got[0])
		again, err := recording.ParseFrame(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := recording.AppendFrame(nil, again); !bytes.Equal(first, second) {
			t.Errorf("%q\n%q", first, second)
		}
	})
}

// FuzzFile reads a file of somebody's making.
func FuzzFile(f *testing.F) {
	f.Add(write(f, full(), full(), &recording.Frame{Kind: recording.Close}))
	f.Add(forged([]byte{byte(recording.Close), 0, 0, 0, 0, 0, 0, 0, 0, 0}))
	f.Add([]byte("modrunner recording 2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := read(bytes.NewReader(text))
		if err != io.EOF && !errors.As(err, new(*recording.Error)) {
			t.Fatal(err)
		}
	})
}
