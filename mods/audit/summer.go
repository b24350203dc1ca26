package audit

import (
	"crypto/sha256"
	stdhash "hash"
)

// summer makes hashes without allocating.
type summer struct{ h stdhash.Hash }

func newSummer() *summer { return &summer{sha256.New()} }
