package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// writeJSON writes one document to standard output. It is plain text whatever
// is in it: characters that could do something to a terminal stand there as
// their JSON escapes. The whole of it is in memory several times: doc is of
// bounded size.
func (c *console) writeJSON(doc any) {
	_, _ = c.out.Write(append(encoded(doc), '\n')) // a stream takes everything
}

// encoded returns doc as JSON.
func encoded(doc any) []byte {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		panic(err) // the documents are plain structs
	}
	return safeJSON(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

// The bounds of what a script's end is told with, in bytes of the script's own text.
// Escaped for JSON they are at most six times as many.
const (
	maxMessage = 64 << 10 // of the message, and of the traceback
	jsonPiece  = 4 << 10  // what is escaped at one time
)

// writeDocument writes r as JSON, as writeJSON would, but holds no more of it at a
// time than a piece of one result: what a script returns may be as large as its
// memory.
func (c *console) writeDocument(r *execReport) {
	head, tail := encoded(r.ending), encoded(r.account)
	_, _ = c.out.Write(head[:len(head)-1])
	_, _ = c.out.Write([]byte(`,"results":[`))
	for i, text := range r.Results {
		if i > 0 {
			_, _ = c.out.Write([]byte(","))
		}
		c.writeJSONString(text)
	}
	_, _ = c.out.Write([]byte("],"))
	_, _ = c.out.Write(append(tail[1:], '\n'))
}

// writeJSONString writes text as one JSON string, in which bytes that are not
// UTF-8 stand as \xff.
func (c *console) writeJSONString(text string) {
	buf := append(make([]byte, 0, 8*jsonPiece), '"')
	for len(text) > jsonPiece {
		n := jsonPiece - trailingPartial(text[:jsonPiece])
		buf = appendJSON(buf, text[:n])
		_, _ = c.out.Write(buf)
		buf, text = buf[:0], text[n:]
	}
	_, _ = c.out.Write(append(appendJSON(buf, text), '"'))
}

// appendJSON appends text as it stands inside a JSON string: as encoding/json
// writes jsonText of it, made safe to look at.
func appendJSON(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\\x%02x`, text[i])
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' && jsonControls[r] != 0:
			dst = append(dst, '\\', jsonControls[r])
		case dangerous(r):
			dst = appendEscaped(dst, r)
		default:
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return dst
}

// jsonControls are the control characters that have an escape of their own.
var jsonControls = [' ']byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r'}

// within returns the results that can be printed, a line for each, with at most
// most bytes, and how many bytes of text were left out. The last one says what is
// missing.
func within(results []string, most int64) (kept []string, omitted int64) {
	kept = []string{}
	for i, text := range results {
		if int64(len(text)) < most {
			kept = append(kept, text)
			most -= int64(len(text)) + 1
			continue
		}
		text, omitted = cut(text, int(max(most-1, 0)))
		kept = append(kept, text)
		if rest := results[i+1:]; len(rest) > 0 {
			for _, text := range rest {
				omitted += int64(len(text))
			}
			kept = append(kept, fmt.Sprintf("… (%s left out)", plural(len(rest), "more result")))
		}
		break
	}
	return kept, omitted
}

// cut returns at most the first most bytes of text, no character of which is cut
// in two. If that is not all, it says at the end how many more there were.
func cut(text string, most int) (kept string, omitted int64) {
	if len(text) <= most {
		return text, 0
	}
	most -= trailingPartial(text[:most])
	omitted = int64(len(text) - most)
	return fmt.Sprintf("%s… (%s left out)", text[:most], plural(int(omitted), "byte")), omitted
}
