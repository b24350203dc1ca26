package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// What an API document may have. It may come from anywhere.
const (
	mostAPI             = 8 << 20 // bytes
	mostAPICapabilities = 1024
	mostAPIOptions      = 64   // of one capability
	mostAPIChoices      = 1024 // of one option
)

const apiWanted = `an API document, as mods.Host.API and "modrunner api --json" write it`

// apiError is an API document that cannot be used.
type apiError struct {
	File         string
	Line, Column int    // from 1; the column in bytes
	Path         string // what is wrong, such as "capabilities[2].options[0].type"; "" if it is no JSON
	Err          error  // what is wrong with it, and what would be right
}

// Error has the place and what is wrong.
func (e *apiError) Error() string {
	at := fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Path != "" {
		at += e.Path + ": "
	}
	return at + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *apiError) Unwrap() error { return e.Err }

// apiDocument is what a game offers, as its API document says.
type apiDocument struct {
	apiVersion   string
	capabilities []mods.Capability
	denied       map[string]bool // the policy of the document's host does not allow them
}

// readAPIFile reads the document in a file, or on standard input for "-". The errors:
// *apiError, *refusal, *limits.CancelledError.
func (c *console) readAPIFile(ctx context.Context, path string) (*apiDocument, error) {
	text, err := readSource(ctx, path, apiWanted, c.in, limits.Limits{Source: mostAPI})
	if limit, ok := errors.AsType[*limits.Error](err); ok {
		return nil, &refusal{What: path, Reason: size(limit.Asked) + " of API", Want: "at most " + size(limit.Max), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return parseAPI(path, text)
}

// parseAPI reads a document. What it does not know is skipped: it may be of a later
// version. The error is an *apiError.
func parseAPI(file, text string) (*apiDocument, error) {
	r := &apiReader{file: file, text: text}
	doc := &apiDocument{denied: map[string]bool{}}
	fields := r.object(r.whole())
	version := fields["api_version"]
	r.string(version, &doc.apiVersion)
	if r.err == nil {
		if _, err := semver.StrictNewVersion(doc.apiVersion); err != nil {
			r.fail(version, `%.40q is not a semantic version such as "1.0.0"`, doc.apiVersion)
		}
	}
	seen := map[string]bool{}
	for _, v := range r.list(fields["capabilities"], mostAPICapabilities) {
		c, allowed := r.capability(v)
		if key := c.Name + " " + c.Version; seen[key] {
			r.fail(v, "%.64q of version %.40q is there twice", c.Name, c.Version)
		} else {
			seen[key] = true
		}
		r.check(v, c)
		doc.capabilities = append(doc.capabilities, c)
		if !allowed {
			doc.denied[c.Name] = true
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return doc, nil
}

// capability reads a declaration, and whether the document's host allows it.
func (r *apiReader) capability(v apiValue) (c mods.Capability, allowed bool) {
	allowed = true
	fields := r.object(v)
	r.string(fields["name"], &c.Name)
	r.string(fields["version"], &c.Version)
	r.optional(fields["doc"], &c.Doc)
	r.optional(fields["risk"], &c.Risk)
	r.optional(fields["deprecated"], &c.Deprecated)
	r.optional(fields["flag"], &c.Flag)
	r.optional(fields["allowed"], &allowed)
	if options := fields["options"]; options.there() {
		for _, o := range r.list(options, mostAPIOptions) {
			c.Options = append(c.Options, r.option(o))
		}
	}
	c.Members = []luasandbox.Member{} // nothing of it is called
	return c, allowed
}

// option reads the declaration of an option.
func (r *apiReader) option(v apiValue) (o mods.Option) {
	fields := r.object(v)
	r.string(fields["name"], &o.Name)
	typ := fields["type"]
	r.string(typ, (*string)(&o.Type))
	r.optional(fields["doc"], &o.Doc)
	r.optional(fields["required"], &o.Required)
	r.optional(fields["min"], &o.Min)
	r.optional(fields["max"], &o.Max)
	if choices := fields["choices"]; choices.there() {
		for _, choice := range r.list(choices, mostAPIChoices) {
			var text string
			r.string(choice, &text)
			o.Choices = append(o.Choices, text)
		}
	}
	if r.err != nil {
		return o
	}
	types := []string{string(mods.TextOption), string(mods.TextsOption), string(mods.CountOption), string(mods.NumberOption), string(mods.SizeOption), string(mods.FlagOption)}
	if !slices.Contains(types, string(o.Type)) {
		r.fail(typ, "%.40q; want one of %s", string(o.Type), strings.Join(types, ", "))
	}
	if o.Max < o.Min && o.Max != 0 {
		r.fail(fields["max"], "it is less than min")
	}
	// A default is for mods that run; where an option is left out nothing is checked.
	return o
}

// check has a host look at a declaration by itself, so that what it says has a place.
func (r *apiReader) check(v apiValue, c mods.Capability) {
	if r.err != nil {
		return
	}
	const unlike = "999999999.0.0-document" // of all that are built in
	if v, err := semver.StrictNewVersion(c.Version); err == nil && v.String() == c.Version {
		c.Version = unlike
	}
	c.Flag = ""
	host, err := mods.Open(mods.Config{Capabilities: []mods.Capability{c}})
	if err == nil {
		err = host.Close()
	}
	if config, ok := errors.AsType[*mods.ConfigError](err); ok {
		err = config.Err
	}
	if err != nil {
		r.fail(v, "%w", err)
	}
}

// config has a host offer what the document says beside what every host has. Without
// a document it does nothing.
func (d *apiDocument) config(cfg *mods.Config) error {
	if d == nil {
		return nil
	}
	host, err := mods.Open(mods.Config{})
	if err != nil {
		return err
	}
	defer host.Close()
	text, err := host.API()
	if err != nil {
		return err
	}
	builtin, err := readAPI(text)
	if err != nil {
		return err
	}
	cfg.APIVersion, cfg.Capabilities = d.apiVersion, nil
	own := offerAll()
	for _, c := range d.capabilities {
		if i := slices.IndexFunc(builtin.Capabilities, func(b apiListed) bool { return b.Name == c.Name && b.Version == c.Version }); i >= 0 {
			if c.Name == "storage" {
				cfg.Policy.StorageQuota = quotaOf(c)
			}
			continue
		}
		if i := slices.IndexFunc(own, func(o mods.Capability) bool { return o.Name == c.Name }); i >= 0 {
			borrowChecks(&c, own[i])
		}
		cfg.Capabilities = append(cfg.Capabilities, c)
	}
	return nil
}

// quotaOf returns the most that a declaration of storage lets mods ask for, 0 if it
// does not say.
func quotaOf(c mods.Capability) int64 {
	for _, o := range c.Options {
		if o.Name == "quota" && o.Max >= 1 && o.Max <= math.MaxInt32 {
			return int64(o.Max)
		}
	}
	return 0
}

// borrowChecks gives the options of c, which is one of ours in another game, the
// checks of form that ours have.
func borrowChecks(c *mods.Capability, ours mods.Capability) {
	for i := range c.Options {
		for _, o := range ours.Options {
			if o.Name == c.Options[i].Name && o.Type == c.Options[i].Type {
				c.Options[i].Check = o.Check
			}
		}
	}
}

// warnDenied tells of what a mod asks for and the document's host does not allow. The
// manifest may be nil, and so may d.
func (d *apiDocument) warnDenied(c *console, source string, man *manifest.Manifest) {
	if d == nil || man == nil {
		return
	}
	for _, p := range man.Permissions {
		if d.denied[p.Name] {
			c.warnedMod(source, man.Problem(fmt.Sprintf("the game does not allow the capability %q as it is set up there", p.Name), "permissions", p.Name))
		}
	}
}

// apiReader reads values of a document and remembers the first thing that is wrong;
// after that everything is empty.
type apiReader struct {
	file, text string
	err        *apiError
}

// apiValue is one value in the document.
type apiValue struct {
	path   string // "capabilities[2].name"
	parent int    // offset of what it is in, for values that are missing
	raw    []byte // nil: it is missing
	offset int    // of raw
}

func (v apiValue) there() bool { return v.raw != nil }

// fail notes what is wrong with a value.
func (r *apiReader) fail(v apiValue, format string, args ...any) {
	if r.err != nil {
		return
	}
	offset := v.offset
	if !v.there() {
		offset = v.parent
	}
	r.failAt(offset, v.path, fmt.Errorf(format, args...))
}

func (r *apiReader) failAt(offset int, path string, err error) {
	before := r.text[:min(max(offset, 0), len(r.text))]
	r.err = &apiError{File: r.file, Line: 1 + strings.Count(before, "\n"), Column: len(before) - strings.LastIndexByte(before, '\n'), Path: path, Err: err}
}

// whole returns the document itself, if it is JSON and nothing follows.
func (r *apiReader) whole() apiValue {
	raw := []byte(r.text)
	var any json.RawMessage
	err := json.Unmarshal(raw, &any)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := int(syntax.Offset) // the byte is the last that was read
		if at > 0 && at <= len(raw) && err.Error() != "unexpected end of JSON input" {
			at--
		}
		r.failAt(at, "", fmt.Errorf("%w; want %s", err, apiWanted))
	} else if err != nil {
		r.failAt(0, "", err)
	}
	return apiValue{raw: raw[len(raw)-len(bytes.TrimLeft(raw, " \t\r\n")):], offset: len(raw) - len(bytes.TrimLeft(raw, " \t\r\n"))}
}

// wrong notes that a value is missing, or of another type.
func (r *apiReader) wrong(v apiValue, want string) {
	if !v.there() {
		r.fail(v, "it is missing; want %s", want)
		return
	}
	r.fail(v, "want %s", want)
}

// string reads a string that has to be there.
func (r *apiReader) string(v apiValue, to *string) {
	if r.err == nil && (!v.there() || v.raw[0] != '"' || json.Unmarshal(v.raw, to) != nil) {
		r.wrong(v, "a string")
	}
}

// optional reads a value of whatever type to points to, if it is there.
func (r *apiReader) optional(v apiValue, to any) {
	if r.err != nil || !v.there() {
		return
	}
	if json.Unmarshal(v.raw, to) == nil && string(v.raw) != "null" {
		return
	}
	want := "a string"
	switch to.(type) {
	case *bool:
		want = "true or false"
	case *float64:
		want = "a number"
	}
	r.fail(v, "want %s", want)
}

// object returns the fields of an object.
func (r *apiReader) object(v apiValue) map[string]apiValue {
	fields := map[string]apiValue{}
	r.each(v, '{', "an object", func(key string, item apiValue) {
		if _, twice := fields[key]; twice {
			r.fail(item, "%.64q is there twice", key)
		}
		fields[key] = item
	})
	for _, key := range apiKeys { // so that what is missing has a place
		if _, ok := fields[key]; !ok {
			fields[key] = apiValue{path: under(v.path, key), parent: v.offset}
		}
	}
	return fields
}

// apiKeys are the keys without which there is no use of an object that has them.
var apiKeys = []string{"api_version", "capabilities", "name", "version", "type"}

func under(path, key string) string {
	return strings.TrimPrefix(fmt.Sprintf("%s.%.64s", path, key), ".")
}

// list returns the elements of an array, at most so many.
func (r *apiReader) list(v apiValue, most int) []apiValue {
	var items []apiValue
	r.each(v, '[', "an array", func(_ string, item apiValue) {
		if len(items) == most {
			r.fail(item, "at most %d are read", most)
			return
		}
		item.path = fmt.Sprintf("%s[%d]", v.path, len(items))
		items = append(items, item)
	})
	return items
}

// each calls do for each element of an array, or each field of an object, until
// something is wrong.
func (r *apiReader) each(v apiValue, open byte, want string, do func(key string, item apiValue)) {
	if r.err != nil {
		return
	}
	if !v.there() || v.raw[0] != open {
		r.wrong(v, want)
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(v.raw))
	_, err := decoder.Token()
	for err == nil && decoder.More() && r.err == nil {
		item := apiValue{path: v.path}
		key := ""
		if open == '{' {
			var token json.Token
			if token, err = decoder.Token(); err != nil {
				break
			}
			key, _ = token.(string)
			item.path = under(v.path, key)
		}
		var raw json.RawMessage
		if err = decoder.Decode(&raw); err == nil {
			item.raw, item.offset = raw, v.offset+int(decoder.InputOffset())-len(raw)
			do(key, item)
		}
	}
	if err != nil && err != io.EOF { // the whole was read before
		r.fail(v, "%w", err)
	}
}
