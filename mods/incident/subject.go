package incident

import (
	"fmt"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/manifest"
)

// Subject is what a case is about. Of several fields all hold; the zero Subject is
// about nothing.
type Subject struct {
	ID     string
	Range  manifest.Range // of versions of ID; the zero Range is all
	Digest string
	Key    string // id of a key, as package trust writes it
}

// IsZero reports whether s names nothing.
func (s Subject) IsZero() bool { return s.ID == "" && s.Digest == "" && s.Key == "" }

// Holds reports whether a mod is meant. A version that cannot be read is: what is not
// known may have done the harm.
func (s Subject) Holds(id, version, digest string, keys []string) bool {
	if s.IsZero() || s.ID != "" && s.ID != id || s.Digest != "" && s.Digest != digest {
		return false
	}
	if s.Key != "" && !slices.Contains(keys, s.Key) {
		return false
	}
	if s.Range.IsZero() {
		return true
	}
	v, err := semver.NewVersion(version)
	return err != nil || s.Range.Contains(v)
}

// String names the subject as a person would.
func (s Subject) String() string {
	var parts []string
	if s.ID != "" {
		name := s.ID
		if !s.Range.IsZero() {
			name += "@" + s.Range.Text
		}
		parts = append(parts, name)
	}
	if s.Digest != "" {
		parts = append(parts, "digest "+s.Digest)
	}
	if s.Key != "" {
		parts = append(parts, fmt.Sprintf("all that the key %s signed", s.Key))
	}
	return strings.Join(parts, ", ")
}
