package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// decodeStrict reads one JSON document of ours, of at most that many bytes: no unknown
// field, no key twice, no text after it, nothing that is not UTF-8. The error is an
// [*Error] with the name.
func decodeStrict(name string, data []byte, most int, into any) error {
	if err := wellFormed(name, data, most); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return &Error{Reason: Malformed, Name: name, Err: err}
	}
	if _, err := d.Token(); err != io.EOF {
		return malformed(name, "there is something after the document")
	}
	return nil
}

// wellFormed refuses what two readers could read differently.
func wellFormed(name string, data []byte, most int) error {
	if len(data) > most {
		return &Error{Reason: TooLong, Name: name, Detail: fmt.Sprintf("%d bytes; at most %d", len(data), most)}
	}
	if _, err := jsonvalue.Decode(string(data), jsonvalue.Decoding{}); err != nil {
		return &Error{Reason: Malformed, Name: name, Err: err}
	}
	return nil
}

// encode writes a document of ours.
func encode(doc any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(doc)
	return b.Bytes(), err
}
