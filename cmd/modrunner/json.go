package main

import (
	"bytes"
	"encoding/json"
)

// writeJSON writes one document to standard output. It is plain text whatever
// is in it: characters that could do something to a terminal stand there as
// their JSON escapes.
func (c *console) writeJSON(doc any) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		panic(err) // the documents are plain structs
	}
	_, _ = c.out.Write(safeJSON(buf.Bytes())) // a stream takes everything
}
