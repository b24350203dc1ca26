// Package provenance writes and reads the statement that says where a bundle comes
// from: from which source, with which version of which tool, and when.
//
// The statement is an in-toto attestation (Statement v1) with the predicate "SLSA
// provenance v1". It is attached to the bundle as [bundle.ProvenanceName] and bound to
// it by its digest; a signature over the bundle's content list covers it.
//
// A statement is a claim of whoever made it: as good as their signature and no better.
// Nothing here fetches a source or builds anything.
//
// Sources: in-toto attestation framework, spec/v1 (statement, resource_descriptor,
// digest_set); SLSA specification v1.0, "Provenance".
package provenance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// What every statement of this kind says of itself.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://slsa.dev/provenance/v1"
)

// BuildType names what "modrunner pack" does: it takes a folder as it is. Its external
// parameters are "source", the URI that the person who packed gave, if they did.
const BuildType = "https://github.com/luasandbox/modrunner/pack/v1"

// Bounds on a statement.
const (
	MaxBytes = 64 << 10

	maxEntries = 64        // subjects, sources, versions of builders, digests of one thing
	maxText    = 2048      // bytes of a URI, a name or a version
	maxUnknown = 64        // fields that are told to be not understood
	commitSHA1 = 2 * 20    // hexadecimal digits
	commitSHA2 = 2 * 32    // hexadecimal digits
	dirHash    = "dirHash" // of DigestSet: a bundle's digest in hexadecimal digits
	gitCommit  = "gitCommit"
)

// Statement is what was said of where a bundle comes from. All texts are printable
// ASCII of bounded length, and somebody else's.
type Statement struct {
	// Subjects are what it is about, by name; there is at least one. The values are
	// digests as [bundle.Bundle.Digest] writes them, or "" for what has none of that kind.
	Subjects []Subject
	// BuildType says how the bundle was made, and what the parameters mean: a URI.
	BuildType string
	// Builder is who made it: a URI. Versions are those of its parts, such as a tool.
	Builder  string
	Versions map[string]string
	// Sources are what it was made from.
	Sources []Source
	// Started and Finished are when it was made; zero if the statement does not say.
	Started, Finished time.Time
	// Unknown are fields that mean nothing to this package, in the order of their names;
	// in-toto asks to pass over them. They are at most 64, and the last is "..." if there
	// are more.
	Unknown []string
}

// Subject is one thing that a statement is about.
type Subject struct {
	Name   string // tells it from others in the statement; may be empty
	Digest string // of a bundle, or ""
}

// Source is one thing that a bundle was made from.
type Source struct {
	URI    string // such as "git+https://example.org/weather"
	Commit string // of Git, in 40 or 64 hexadecimal digits, or "" if it is not said
	Name   string // may be empty
}

// Claim is what a person says who packs a bundle. The zero value of a field means that
// nothing is said.
type Claim struct {
	// Source is where the files come from, as a URI: "https://example.org/weather" or
	// "git+https://...". It has no password or token, which everybody could read: a user
	// name only with ssh and git+ssh.
	Source string
	// Commit is the revision of the source, a whole commit id of Git: 40 or 64 small
	// hexadecimal digits. It needs a Source.
	Commit string
	// Tool and ToolVersion are what packed it: a URI, and a version.
	Tool, ToolVersion string
	// At is when it was packed. Without it the statement is the same whenever it is made.
	At time.Time
}

// Make returns the statement that the claim makes about b, as JSON. The same claim
// about the same files gives the same bytes.
//
// The error is an [*Error] with [BadField], whose Field is "source", "commit", "tool" or
// "tool version".
func Make(b *bundle.Bundle, c Claim) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	name, err := bundle.DigestName(b.Digest())
	if err != nil {
		return nil, &Error{Reason: BadField, Field: "subject", Err: err}
	}
	_, digits, _ := strings.Cut(name, "-")
	out := statement{
		Type:          statementType,
		Subject:       []resource{{Name: name, Digest: map[string]string{dirHash: digits}}},
		PredicateType: predicateType,
	}
	build := &out.Predicate.BuildDefinition
	build.BuildType = BuildType
	build.ExternalParameters = map[string]string{}
	if c.Source != "" {
		build.ExternalParameters["source"] = c.Source
		source := resource{Name: "source", URI: c.Source}
		if c.Commit != "" {
			source.Digest = map[string]string{gitCommit: c.Commit}
		}
		build.ResolvedDependencies = []resource{source}
	}
	out.Predicate.RunDetails.Builder.ID = c.Tool
	if c.ToolVersion != "" {
		out.Predicate.RunDetails.Builder.Version = map[string]string{"modrunner": c.ToolVersion}
	}
	if !c.At.IsZero() {
		out.Predicate.RunDetails.Metadata = &metadata{FinishedOn: c.At.UTC().Format(time.RFC3339)}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return nil, &Error{Reason: BadField, Err: err}
	}
	return text.Bytes(), nil
}

// check refuses what Parse would refuse.
func (c Claim) check() error {
	if c.Source != "" {
		if problem := checkURI(c.Source); problem != "" {
			return &Error{Reason: BadField, Field: "source", Detail: problem}
		}
	}
	switch {
	case c.Commit != "" && c.Source == "":
		return &Error{Reason: BadField, Field: "commit", Detail: "of which source? A commit means nothing without one"}
	case c.Commit != "" && !isCommit(c.Commit):
		return &Error{Reason: BadField, Field: "commit", Detail: fmt.Sprintf("%q; want the whole id of a commit, 40 or 64 hexadecimal digits", short(c.Commit))}
	}
	if problem := checkURI(c.Tool); problem != "" {
		return &Error{Reason: BadField, Field: "tool", Detail: problem}
	}
	if problem := checkText(c.ToolVersion); problem != "" {
		return &Error{Reason: BadField, Field: "tool version", Detail: problem}
	}
	if !c.At.IsZero() && (c.At.UTC().Year() < 1970 || c.At.UTC().Year() > 9999) {
		return &Error{Reason: BadField, Field: "time", Detail: "want one of the years 1970 to 9999"}
	}
	return nil
}

// Of returns the statement that is attached to b, if it is about b.
//
// The error is an [*Error]: [NotAttached], [OtherSubject], or one of [Parse].
func Of(b *bundle.Bundle) (*Statement, error) {
	data, err := b.Attachment(bundle.ProvenanceName)
	if err != nil {
		if _, ok := err.(*fs.PathError); ok {
			err = nil // the reason says it
		}
		return nil, &Error{Reason: NotAttached, Err: err}
	}
	s, err := Parse(data)
	if err != nil {
		return nil, err
	}
	for _, subject := range s.Subjects {
		if subject.Digest == b.Digest() {
			return s, nil
		}
	}
	detail := "no subject has a digest of a bundle (dirHash)"
	for _, subject := range s.Subjects {
		if subject.Digest != "" {
			detail = fmt.Sprintf("it is about %s; the bundle has %s", subject.Digest, b.Digest())
			break
		}
	}
	return nil, &Error{Reason: OtherSubject, Field: "subject", Detail: detail}
}

// checkURI says what is wrong with a URI, if anything is.
func checkURI(text string) string {
	if text == "" {
		return "missing; want a URI"
	}
	if problem := checkText(text); problem != "" {
		return problem
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Sprintf("%q is no URI", short(text))
	case u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "":
		return fmt.Sprintf("%q; want a URI with a scheme, such as https://example.org/weather", short(text))
	}
	if _, password := u.User.Password(); password || u.User != nil && u.Scheme != "ssh" && u.Scheme != "git+ssh" {
		return "it holds a user name, token or password, which everybody could read" // and so not shown
	}
	return ""
}

// checkText says what is wrong with a text, if anything is.
func checkText(text string) string {
	switch {
	case len(text) > maxText:
		return fmt.Sprintf("%d bytes; at most %d", len(text), maxText)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		return fmt.Sprintf("%q; want printable ASCII", short(text))
	}
	return ""
}

func isCommit(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil && (len(text) == commitSHA1 || len(text) == commitSHA2) && strings.ToLower(text) == text
}

// short is the beginning of a text, for a message.
func short(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}

// The JSON that Make writes.
type (
	statement struct {
		Type          string     `json:"_type"`
		Subject       []resource `json:"subject"`
		PredicateType string     `json:"predicateType"`
		Predicate     struct {
			BuildDefinition struct {
				BuildType            string            `json:"buildType"`
				ExternalParameters   map[string]string `json:"externalParameters"`
				ResolvedDependencies []resource        `json:"resolvedDependencies,omitempty"`
			} `json:"buildDefinition"`
			RunDetails struct {
				Builder struct {
					ID      string            `json:"id"`
					Version map[string]string `json:"version,omitempty"`
				} `json:"builder"`
				Metadata *metadata `json:"metadata,omitempty"`
			} `json:"runDetails"`
		} `json:"predicate"`
	}
	metadata struct {
		FinishedOn string `json:"finishedOn"`
	}
	resource struct {
		Name   string            `json:"name,omitempty"`
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest,omitempty"`
	}
)
