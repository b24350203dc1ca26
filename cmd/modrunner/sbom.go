package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// The names of the properties in an SBOM that CycloneDX has no field for.
const (
	sbomDigest   = "modrunner:digest"   // of the bundle
	sbomRange    = "modrunner:range"    // of versions of a mod that is needed
	sbomRelation = "modrunner:relation" // what it is needed as
)

// makeSBOM writes the CycloneDX document of a mod: itself with its licence, the mods
// that it needs or can use with the versions, and its files with their hashes. There is
// no serial number, which would be random, and no time unless one is given: the same
// bundle gives the same bytes.
//
// Source: CycloneDX 1.6 (ECMA-424).
func makeSBOM(b *bundle.Bundle, man *manifest.Manifest, at time.Time) ([]byte, error) {
	kind := cdx.ComponentTypeApplication
	if man.Library {
		kind = cdx.ComponentTypeLibrary
	}
	self := cdx.Component{
		BOMRef: "mod:" + man.ID, Type: kind, Name: man.ID, Version: man.Version.String(),
		Description: man.Description,
		Properties:  &[]cdx.Property{{Name: sbomDigest, Value: b.Digest()}},
	}
	if man.License != "" {
		self.Licenses = &cdx.Licenses{{License: &cdx.License{Name: man.License}}}
	}
	if len(man.Authors) > 0 {
		var authors []cdx.OrganizationalContact
		for _, name := range man.Authors {
			authors = append(authors, cdx.OrganizationalContact{Name: name})
		}
		self.Authors = &authors
	}
	components, needed := []cdx.Component{}, []string{}
	for _, of := range []struct {
		relation string
		kind     cdx.ComponentType
		scope    cdx.Scope
		all      []manifest.Requirement
	}{
		{"dependency", cdx.ComponentTypeApplication, cdx.ScopeRequired, man.Dependencies},
		{"optional dependency", cdx.ComponentTypeApplication, cdx.ScopeOptional, man.OptionalDependencies},
		{"library", cdx.ComponentTypeLibrary, cdx.ScopeRequired, man.Libraries},
	} {
		for _, need := range of.all {
			ref := of.relation + ":" + need.ID
			needed = append(needed, ref)
			components = append(components, cdx.Component{
				BOMRef: ref, Type: of.kind, Name: need.ID, Scope: of.scope,
				Properties: &[]cdx.Property{{Name: sbomRange, Value: need.Range.Text}, {Name: sbomRelation, Value: of.relation}},
			})
		}
	}
	for _, f := range b.Files() {
		components = append(components, cdx.Component{
			BOMRef: "file:" + f.Path, Type: cdx.ComponentTypeFile, Name: f.Path,
			Hashes: &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(f.SHA256[:])}},
		})
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Component: &self,
		Tools: &cdx.ToolsChoice{Components: &[]cdx.Component{
			{Type: cdx.ComponentTypeApplication, Name: "modrunner", Version: version()},
		}},
	}
	if !at.IsZero() {
		bom.Metadata.Timestamp = at.UTC().Format(time.RFC3339)
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: self.BOMRef, Dependencies: &needed}}
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
	if err != nil {
		return nil, &sbomError{Reason: "cannot be written", Err: err}
	}
	return out.Bytes(), nil
}

// sbomError is an SBOM that says something else than the bundle that it is attached to,
// or cannot be read.
type sbomError struct {
	Reason string // what is wrong, and what would be right
	Err    error  // the cause, if another package reported it
}

func (e *sbomError) Error() string {
	if e.Err != nil {
		return "SBOM: " + e.Reason + ": " + e.Err.Error()
	}
	return "SBOM: " + e.Reason
}

func (e *sbomError) Unwrap() error { return e.Err }

func badSBOM(format string, args ...any) error {
	return &sbomError{Reason: fmt.Sprintf(format, args...)}
}

// sbomReport is what an SBOM says, of any tool that writes CycloneDX.
type sbomReport struct {
	Spec       string   `json:"spec"`
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	License    string   `json:"license,omitempty"`
	Tool       string   `json:"tool,omitempty"`
	Time       string   `json:"time,omitempty"`
	Files      int      `json:"files"`
	Components []string `json:"components"` // other than files
}

// readSBOM reads an SBOM, and checks what it says against the bundle: it names this mod,
// its digest if any, and the files that there are, if any, with their hashes.
//
// Every error is an *sbomError. Files that the document names are looked up in the
// bundle only.
func readSBOM(b *bundle.Bundle, man *manifest.Manifest, data []byte) (*sbomReport, error) {
	if err := scanJSON(data); err != nil {
		return nil, &sbomError{Reason: "not JSON that is read here", Err: err}
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		return nil, &sbomError{Reason: "not CycloneDX", Err: err}
	}
	switch {
	case bom.BOMFormat != cdx.BOMFormat:
		return nil, badSBOM("its bomFormat is %.40q; want %q", bom.BOMFormat, cdx.BOMFormat)
	case bom.Metadata == nil || bom.Metadata.Component == nil:
		return nil, badSBOM("it does not say what it is about; want metadata.component")
	}
	self := bom.Metadata.Component
	if self.Name != man.ID || self.Version != man.Version.String() {
		return nil, badSBOM("it is about %.80q %.40q; the mod is %s %s", self.Name, self.Version, man.ID, man.Version)
	}
	report := &sbomReport{
		Spec: bom.SpecVersion.String(), Name: self.Name, Version: self.Version,
		Time: bom.Metadata.Timestamp, License: licenseText(self.Licenses), Components: []string{},
	}
	if tools := bom.Metadata.Tools; tools != nil && tools.Components != nil && len(*tools.Components) > 0 {
		tool := (*tools.Components)[0]
		report.Tool = strings.TrimSpace(tool.Name + " " + tool.Version)
	}
	complete := false
	for _, p := range deref(self.Properties) {
		if p.Name != sbomDigest {
			continue
		}
		complete = true
		if p.Value != b.Digest() {
			return nil, badSBOM("it is about the digest %.80q; the mod has %s", p.Value, b.Digest())
		}
	}
	left := map[string]string{}
	for _, f := range b.Files() {
		left[f.Path] = hex.EncodeToString(f.SHA256[:])
	}
	for _, c := range deref(bom.Components) {
		if c.Type != cdx.ComponentTypeFile {
			report.Components = append(report.Components, strings.TrimSpace(c.Name+" "+c.Version))
			continue
		}
		if err := checkSBOMFile(c, left); err != nil {
			return nil, err
		}
		report.Files++
	}
	if complete || report.Files > 0 {
		for _, f := range b.Files() {
			if _, unlisted := left[f.Path]; unlisted {
				return nil, badSBOM("it does not list the file %q", f.Path)
			}
		}
	}
	return report, nil
}

// checkSBOMFile takes a file from those that are left to be listed.
func checkSBOMFile(c cdx.Component, left map[string]string) error {
	want, there := left[c.Name]
	if !there {
		return badSBOM("it lists %.200q, which is not in the mod, or listed twice", c.Name)
	}
	delete(left, c.Name)
	for _, h := range deref(c.Hashes) {
		if h.Algorithm == cdx.HashAlgoSHA256 && h.Value == want {
			return nil
		}
	}
	return badSBOM("it has another SHA-256 for %q, or none; the file's is %s", c.Name, want)
}

// licenseText is the first licence in words.
func licenseText(all *cdx.Licenses) string {
	if all == nil || len(*all) == 0 {
		return ""
	}
	first := (*all)[0]
	switch {
	case first.Expression != "" || first.License == nil:
		return first.Expression
	case first.License.ID != "":
		return first.License.ID
	}
	return first.License.Name
}

func deref[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}

// maxSBOMDepth bounds the nesting of an SBOM. The decoder reads some of its types once
// for each level that they are nested: without a bound, a text of 1 MiB takes minutes.
const maxSBOMDepth = 32

// scanJSON accepts one JSON value that every reader reads the same: nested at most
// maxSBOMDepth deep, with no two keys of an object that are equal or differ in case only
// (encoding/json takes them for the same), and with keys in ASCII.
func scanJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var open []map[string]bool // the keys of each object that is open; nil for a list
	for begun := false; !begun || len(open) > 0; begun = true {
		inObject := len(open) > 0 && open[len(open)-1] != nil
		token, err := decoder.Token()
		switch {
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case !begun && token != json.Delim('{'):
			return errors.New("want an object")
		}
		if name, ok := token.(string); ok && inObject {
			if err := checkKey(name, open[len(open)-1]); err != nil {
				return err
			}
			if token, err = decoder.Token(); err != nil {
				return err
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > maxSBOMDepth {
			return fmt.Errorf("nested more than %d deep", maxSBOMDepth)
		}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("want one object and nothing after it")
	}
	return nil
}

// checkKey takes a key of an object that has others.
func checkKey(name string, others map[string]bool) error {
	fold := strings.ToLower(name)
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }):
		return fmt.Errorf("the key %.80q; want printable ASCII", name)
	case others[fold]:
		return fmt.Errorf("the key %.80q is there twice in an object", name)
	}
	others[fold] = true
	return nil
}
