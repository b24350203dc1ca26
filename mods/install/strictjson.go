package install

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// decodeStrict decodes a JSON document of ours: no key twice, none unknown or in other
// letters, nothing after it, and of bounded depth and size.
func decodeStrict(data []byte, into any) error {
	// The scan is strict about what encoding/json lets pass: keys that come twice, and
	// bytes that are not UTF-8.
	if _, err := jsonvalue.Decode(string(data), jsonvalue.Decoding{}); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%s: a %s, want %s", wrong.Field, wrong.Value, wrong.Type)
		}
		return err
	}
	// It is ours: whoever formats it anew may, but what it says is said in one way.
	written, err := json.Marshal(into)
	if err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return err
	}
	if !bytes.Equal(compact.Bytes(), written) {
		return errors.New("not as it was written: fields in another order, in other letters, or of another form")
	}
	return nil
}

// encodeStrict writes what decodeStrict reads.
func encodeStrict(doc any) ([]byte, error) {
	data, err := json.MarshalIndent(doc, "", "  ")
	return append(data, '\n'), err
}
