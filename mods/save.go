package mods

import "github.com/luasandbox/modrunner/mods/internal/jsonvalue"

// maxSaved is the most that one mod's state takes as JSON.
const maxSaved = 1 << 20

// savedState checks what on_save returned. It returns it also as JSON.
func savedState(v any) (any, string, error) {
	text, err := jsonvalue.Encode(v, jsonvalue.Encoding{Most: maxSaved, Bytes: true})
	if err != nil {
		return nil, "", err
	}
	return v, text, nil
}
