package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Head names a line of a log: the last that was known to be there.
type Head struct {
	Seq  uint64 `json:"seq"`  // 0 if it is not known, for Verify
	Hash string `json:"hash"` // in hexadecimal
}

// Summary is what a log holds.
type Summary struct {
	Files int `json:"files"`
	// First and Last are the numbers of its lines; First is above 1 if older files
	// were put away.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Previous is the hash before the first line, Hash that of the last: the head.
	Previous string `json:"previous"`
	Hash     string `json:"hash"`
	// Ahead is the number of lines behind the head that was given.
	Ahead    int64            `json:"ahead"`
	Begin    time.Time        `json:"begin"` // of the first line
	End      time.Time        `json:"end"`   // of the last line
	Repaired int64            `json:"repaired"`
	Lost     int64            `json:"lost"` // records that could not be written
	Kinds    map[string]int64 `json:"kinds"`
	Bytes    int64            `json:"bytes"`
}

const (
	format      = "modrunner audit 1" // of the log and the head
	beginKind   = ownKind + "begin"
	repairKind  = ownKind + "repaired"
	lostKind    = ownKind + "lost"
	formatKey   = "format"
	previousKey = "previous"
	countKey    = "count"

	hashField = `,"hash":"`
	hashEnd   = `"}`
	hashTail  = len(hashField) + 2*sha256.Size + len(hashEnd)

	// maxKinds is how many kinds a Summary counts by themselves; the log is
	// untrusted. Others are counted as "(other)".
	maxKinds   = 256
	otherKinds = "(other)"

	// maxSeq is above what any log reaches.
	maxSeq = 1 << 62
)

type hash [sha256.Size]byte

func (h hash) String() string { return hex.EncodeToString(h[:]) }

// parseHash reads a hash as String writes it.
func parseHash(s string) (h hash, ok bool) {
	if len(s) != 2*len(h) || strings.ToLower(s) != s {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}

// next returns the hash of a line that follows one with the hash h. Both parts
// have a fixed size or are the rest, so that no two pairs are the same text.
func (h hash) next(sum *summer, body []byte) hash {
	sum.h.Reset()
	sum.h.Write(h[:])
	sum.h.Write(body)
	var out hash
	sum.h.Sum(out[:0])
	return out
}

// Verify reads one file of a log and reports the first line that is not what was
// written. If head is not nil, the line that it names must be there; lines behind
// it may be. Without a head, lines removed at the end are not found. A file
// that continues another is checked from the hash that its first line names.
//
// What r yields is not trusted; memory is bounded. The error is a [*VerifyError],
// or what r returned. The summary holds what was read before the error.
func Verify(r io.Reader, head *Head) (Summary, error) {
	v := newVerifier(head)
	if err := v.file("", r); err != nil {
		return v.summary(), err
	}
	return v.summary(), v.end()
}

// verifier follows a chain through the files of a log.
type verifier struct {
	sum      *summer
	head     *Head
	met      bool // the head was seen
	started  bool // seq and hash are those of the line before
	seq      uint64
	hash     hash
	s        Summary
	path     string
	line     int64
	progress func(bytes int64) error
	each     func(Line) error
}

// Line is a line of a log, read back.
type Line struct {
	Seq    uint64
	Hash   string // in hexadecimal
	Record Record // Attrs are strings, whole or fractional numbers, and booleans
	Text   string // the line itself, without its end
}

func newVerifier(head *Head) *verifier {
	return &verifier{sum: newSummer(), head: head, met: head == nil, s: Summary{Kinds: map[string]int64{}}}
}

func (v *verifier) summary() Summary {
	v.s.Last = v.seq
	v.s.Hash = v.hash.String()
	return v.s
}

func (v *verifier) wrong(reason Reason, want, got string) error {
	return &VerifyError{Path: v.path, Line: v.line, Reason: reason, Want: want, Got: got}
}

// file follows the chain through a whole file.
func (v *verifier) file(path string, r io.Reader) error {
	v.path, v.line = path, 0
	v.s.Files++
	return v.lines(r)
}

// lines follows the chain through lines. If the last of them is torn, the error
// says so, and all before it were read.
func (v *verifier) lines(r io.Reader) error {
	b := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := b.ReadSlice('\n')
		switch {
		case err == nil:
			v.line++
			if err := v.one(text[:len(text)-1]); err != nil {
				return err
			}
			v.s.Bytes += int64(len(text))
			if v.progress != nil {
				if err := v.progress(v.s.Bytes); err != nil {
					return err
				}
			}
		case errors.Is(err, bufio.ErrBufferFull):
			v.line++
			size := int64(len(text))
			for errors.Is(err, bufio.ErrBufferFull) {
				text, err = b.ReadSlice('\n')
				size += int64(len(text))
			}
			if errors.Is(err, io.EOF) {
				return v.wrong(Torn, "a line break", fmt.Sprintf("%d bytes without one", size))
			} else if err != nil {
				return err
			}
			return v.wrong(TooLong, fmt.Sprintf("at most %d bytes", maxLine), "")
		case !errors.Is(err, io.EOF):
			return err
		case len(text) > 0:
			v.line++
			return v.wrong(Torn, "a line break", fmt.Sprintf("%d bytes without one", len(text)))
		case v.line == 0 && !v.started:
			return v.wrong(NoBegin, "a line of the kind "+beginKind, "an empty file")
		default:
			return nil
		}
	}
}

// one checks one line.
func (v *verifier) one(text []byte) error {
	body, stated, ok := splitLine(text)
	if !ok {
		return v.wrong(Malformed, "a line with a hash at its end", "")
	}
	l, ok := parseLine(body)
	if !ok {
		return v.wrong(Malformed, "a line as the log writes it", "")
	}
	begins := l.kind == beginKind
	if v.line == 1 || !v.started {
		previous, ok := l.begin()
		if !begins || !ok {
			return v.wrong(NoBegin, "a line of the kind "+beginKind+" in the format "+strconv.Quote(format), "a line of the kind "+strconv.Quote(l.kind))
		}
		if !v.started {
			if (l.seq == 1) != (previous == hash{}) || l.seq == 0 || l.seq > maxSeq {
				return v.wrong(NoBegin, "the number 1 if and only if nothing is before", fmt.Sprintf("the number %d after %s", l.seq, previous))
			}
			v.started, v.seq, v.hash = true, l.seq-1, previous
			v.s.First, v.s.Previous = l.seq, previous.String()
			v.s.Begin, _ = time.Parse(time.RFC3339Nano, l.time)
			v.meet()
		} else if previous != v.hash {
			return v.wrong(Sequence, "to follow "+v.hash.String(), "one that follows "+previous.String())
		}
	} else if begins {
		return v.wrong(Sequence, "no line of the kind "+beginKind, "one")
	}
	if l.seq != v.seq+1 {
		return v.wrong(Sequence, fmt.Sprintf("the number %d", v.seq+1), strconv.FormatUint(l.seq, 10))
	}
	want := v.hash.next(v.sum, body)
	if stated != want {
		return v.wrong(Altered, want.String(), stated.String())
	}
	v.seq, v.hash = l.seq, want
	if v.met && v.head != nil {
		v.s.Ahead++
	}
	v.count(l)
	if v.each != nil {
		if err := v.each(Line{Seq: l.seq, Hash: want.String(), Record: l.record(), Text: string(text)}); err != nil {
			return err
		}
	}
	return v.meet()
}

// meet compares the line with the head.
func (v *verifier) meet() error {
	if v.met || v.head == nil {
		return nil
	}
	same := v.head.Hash == v.hash.String()
	switch {
	case v.head.Seq == 0 && same && v.seq > 0, v.head.Seq == v.seq && v.seq > 0 && same:
		v.met = true
	case v.head.Seq != 0 && v.head.Seq == v.seq:
		return v.wrong(WrongHead, v.head.Hash, v.hash.String())
	}
	return nil
}

// end reports a head that is not in the log: that it was removed with the lines
// at the end, unless its number says otherwise.
func (v *verifier) end() error {
	if v.met {
		return nil
	}
	v.line = 0
	want := v.head.Hash
	if v.head.Seq > 0 && v.head.Seq < v.s.First {
		return v.wrong(NoBegin, fmt.Sprintf("the line %d, %s", v.head.Seq, want), fmt.Sprintf("lines %d to %d", v.s.First, v.seq))
	}
	if v.head.Seq > 0 {
		want = fmt.Sprintf("the line %d, %s", v.head.Seq, want)
	}
	return v.wrong(Truncated, want, fmt.Sprintf("lines %d to %d", v.s.First, v.seq))
}

func (v *verifier) count(l line) {
	kind := l.kind
	if _, known := v.s.Kinds[kind]; !known && len(v.s.Kinds) >= maxKinds {
		kind = otherKinds
	}
	v.s.Kinds[kind]++
	v.s.End, _ = time.Parse(time.RFC3339Nano, l.time)
	switch l.kind {
	case repairKind:
		v.s.Repaired++
	case lostKind:
		for _, a := range l.attrs {
			if n, ok := a.value.(int64); ok && a.key == countKey && n > 0 {
				v.s.Lost += min(n, 1<<40)
			}
		}
	}
}

// splitLine takes the hash from the end of a line.
func splitLine(text []byte) (body []byte, h hash, ok bool) {
	at := len(text) - hashTail
	if at < 0 {
		return nil, h, false
	}
	tail := text[at:]
	if !bytes.HasPrefix(tail, []byte(hashField)) || !bytes.HasSuffix(tail, []byte(hashEnd)) {
		return nil, h, false
	}
	h, ok = parseHash(string(tail[len(hashField) : len(tail)-len(hashEnd)]))
	return text[:at], h, ok
}

// parseLine reads what line.append writes, and nothing else.
func parseLine(body []byte) (l line, ok bool) {
	var fields struct {
		Seq     uint64          `json:"seq"`
		Time    string          `json:"time"`
		Sim     int64           `json:"sim"`
		Kind    string          `json:"kind"`
		Mod     string          `json:"mod"`
		Version string          `json:"version"`
		Digest  string          `json:"digest"`
		Attrs   json.RawMessage `json:"attrs"`
	}
	if err := json.Unmarshal(append(bytes.Clone(body), '}'), &fields); err != nil {
		return l, false
	}
	l = line{fields.Seq, fields.Time, fields.Sim, fields.Kind, fields.Mod, fields.Version, fields.Digest, nil}
	t, err := time.Parse(time.RFC3339Nano, l.time)
	if err != nil || timestamp(t) != l.time || l.kind == "" || len(l.kind) > maxKind {
		return l, false
	}
	if len(fields.Attrs) > 0 {
		if l.attrs, ok = parseAttrs(fields.Attrs); !ok {
			return l, false
		}
	}
	return l, bytes.Equal(l.append(nil), body)
}

// record returns what the line remembers.
func (l *line) record() Record {
	r := Record{Sim: time.Duration(l.sim), Kind: l.kind, Mod: l.mod, Version: l.version, Digest: l.digest}
	r.Time, _ = time.Parse(time.RFC3339Nano, l.time) // it is one: see parseLine
	for _, a := range l.attrs {
		r.Attrs = append(r.Attrs, slog.Any(a.key, a.value))
	}
	return r
}

// parseAttrs reads an object of plain values.
func parseAttrs(text []byte) (attrs []attr, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		value, err := d.Token()
		if err != nil || len(attrs) > maxAttrs {
			return nil, false
		}
		a := attr{key: key.(string)}
		switch v := value.(type) {
		case string, bool:
			a.value = v
		case json.Number:
			if a.value, ok = parseNumber(v.String()); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
		attrs = append(attrs, a)
	}
	return attrs, true
}

func parseNumber(s string) (any, bool) {
	if strings.ContainsAny(s, ".e") {
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, true
	}
	u, err := strconv.ParseUint(s, 10, 64)
	return u, err == nil
}

// begin returns the hash that a first line continues.
func (l *line) begin() (previous hash, ok bool) {
	var known bool
	for _, a := range l.attrs {
		switch s, _ := a.value.(string); a.key {
		case formatKey:
			known = s == format
		case previousKey:
			previous, ok = parseHash(s)
		}
	}
	return previous, known && ok
}
