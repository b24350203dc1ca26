package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// MaxAPI is the length of an API document, in bytes.
const MaxAPI = 8 << 20

// What an API document may have. It may come from anywhere.
const (
	mostCapabilities = 1024
	mostEvents       = 4096
	mostOptions      = 64   // of one capability
	mostChoices      = 1024 // of one option
	mostFunctions    = 1024 // of one capability
	mostParams       = 64   // of one function
)

// APIWanted says what an API document is, for messages.
const APIWanted = `an API document, as mods.Host.API and "modrunner api --json" write it`

// APIError is an API document that cannot be used.
type APIError struct {
	File         string // for whoever knows it; may be empty
	Line, Column int    // from 1; the column in bytes
	Path         string // what is wrong, such as "capabilities[2].options[0].type"; "" if it is no JSON
	Err          error  // what is wrong with it, and what would be right
}

// Error has the place and what is wrong.
func (e *APIError) Error() string {
	at := fmt.Sprintf("%d:%d: ", e.Line, e.Column)
	if e.File != "" {
		at = e.File + ":" + at
	}
	if e.Path != "" {
		at += e.Path + ": "
	}
	return at + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *APIError) Unwrap() error { return e.Err }

// ReadAPI reads the document that mods.Host.API writes. What it does not know is
// skipped: the document may be of a later version. The error is an [*APIError].
//
// Names and versions of capabilities are taken as they are: whether a host would
// accept them, a host knows.
func ReadAPI(document []byte) (*API, error) {
	if len(document) > MaxAPI {
		return nil, &APIError{Line: 1, Column: 1, Err: fmt.Errorf("%d bytes; an API document has at most %d", len(document), MaxAPI)}
	}
	r := &apiReader{text: string(document)}
	api := &API{}
	fields := r.object(r.whole())
	version := fields["api_version"]
	r.string(version, &api.Version)
	if r.err == nil {
		if _, err := semver.StrictNewVersion(api.Version); err != nil {
			r.fail(version, `%.40q is not a semantic version such as "1.0.0"`, api.Version)
		}
	}
	seen := map[string]bool{}
	for _, v := range r.list(fields["capabilities"], mostCapabilities) {
		c := r.capability(v)
		if key := c.Name + " " + c.Version; seen[key] {
			r.fail(v, "%.64q of version %.40q is there twice", c.Name, c.Version)
		} else {
			seen[key] = true
		}
		api.Capabilities = append(api.Capabilities, c)
	}
	if events := fields["events"]; events.there() {
		api.Events = []string{}
		for _, v := range r.list(events, mostEvents) {
			var name string
			r.string(r.object(v)["name"], &name)
			api.Events = append(api.Events, name)
		}
		slices.Sort(api.Events)
	}
	if r.err != nil {
		return nil, r.err
	}
	return api, nil
}

// capability reads a declaration.
func (r *apiReader) capability(v apiValue) (c Capability) {
	c.Allowed = true
	c.Line, c.Column = r.position(v.offset)
	fields := r.object(v)
	r.string(fields["name"], &c.Name)
	r.string(fields["version"], &c.Version)
	r.optional(fields["doc"], &c.Doc)
	r.optional(fields["risk"], &c.Risk)
	r.optional(fields["deprecated"], &c.Deprecated)
	r.optional(fields["flag"], &c.Flag)
	r.optional(fields["sensitive"], &c.Sensitive)
	r.optional(fields["allowed"], &c.Allowed)
	c.Table, _, _ = strings.Cut(c.Name, ".")
	r.optional(fields["table"], &c.Table)
	if options := fields["options"]; options.there() {
		for _, o := range r.list(options, mostOptions) {
			c.Options = append(c.Options, r.option(o))
		}
	}
	if schema := fields["schema"]; schema.there() {
		r.schema(schema, &c)
	}
	return c
}

// option reads the declaration of an option.
func (r *apiReader) option(v apiValue) (o Option) {
	fields := r.object(v)
	r.string(fields["name"], &o.Name)
	typ := fields["type"]
	r.string(typ, &o.Type)
	r.optional(fields["doc"], &o.Doc)
	r.optional(fields["required"], &o.Required)
	r.optional(fields["min"], &o.Min)
	r.optional(fields["max"], &o.Max)
	if choices := fields["choices"]; choices.there() {
		for _, choice := range r.list(choices, mostChoices) {
			var text string
			r.string(choice, &text)
			o.Choices = append(o.Choices, text)
		}
	}
	if r.err != nil {
		return o
	}
	if types := []string{"text", "texts", "count", "number", "size", "flag"}; !slices.Contains(types, o.Type) {
		r.fail(typ, "%.40q; want one of %s", o.Type, strings.Join(types, ", "))
	}
	if o.Max < o.Min && o.Max != 0 {
		r.fail(fields["max"], "it is less than min")
	}
	if value := fields["default"]; value.there() && string(value.raw) != "null" {
		o.Default = r.value(value, o.Type)
	}
	return o
}

// value reads a value of an option of that type.
func (r *apiReader) value(v apiValue, typ string) any {
	switch typ {
	case "text":
		var text string
		r.string(v, &text)
		return text
	case "texts":
		texts := []string{}
		for _, item := range r.list(v, mostChoices) {
			var text string
			r.string(item, &text)
			texts = append(texts, text)
		}
		return texts
	case "flag":
		var flag bool
		r.optional(v, &flag)
		return flag
	case "number":
		var number float64
		r.optional(v, &number)
		return number
	}
	var whole int64
	if r.err == nil && (json.Unmarshal(v.raw, &whole) != nil || whole < 0) {
		r.wrong(v, "a whole number from 0")
	}
	return whole
}

// schema reads what luasandbox.Schema says of the capability's table.
func (r *apiReader) schema(v apiValue, c *Capability) {
	grants := r.object(v)["grants"]
	if !grants.there() {
		return
	}
	for _, g := range r.list(grants, 1) {
		fields := r.object(g)
		c.Described = true
		if functions := fields["functions"]; functions.there() {
			for _, f := range r.list(functions, mostFunctions) {
				c.Functions = append(c.Functions, r.function(f))
			}
		}
		if values := fields["values"]; values.there() {
			for _, value := range r.list(values, mostFunctions) {
				var name string
				r.string(r.object(value)["name"], &name)
				c.Values = append(c.Values, name)
			}
		}
	}
}

// function reads a function of a schema.
func (r *apiReader) function(v apiValue) (f Function) {
	fields := r.object(v)
	r.string(fields["name"], &f.Name)
	r.optional(fields["later"], &f.Later)
	if params := fields["params"]; params.there() {
		for _, p := range r.list(params, mostParams) {
			f.Params = append(f.Params, r.param(p))
		}
	}
	return f
}

// param reads a parameter of a schema.
func (r *apiReader) param(v apiValue) (p Param) {
	fields := r.object(v)
	r.string(fields["name"], &p.Name)
	r.optional(fields["optional"], &p.Optional)
	r.optional(fields["variadic"], &p.Variadic)
	typ := r.object(fields["type"])
	r.string(typ["kind"], &p.Kind)
	if typ["min"].there() && typ["max"].there() {
		p.Bounded = true
		r.optional(typ["min"], &p.Min)
		r.optional(typ["max"], &p.Max)
	}
	return p
}

// apiReader reads values of a document and remembers the first thing that is wrong;
// after that everything is empty.
type apiReader struct {
	text string
	err  *APIError
	// Positions are asked for in the order of the text: counting goes on from the last.
	offset, line, start int
}

// apiValue is one value in the document.
type apiValue struct {
	path   string // "capabilities[2].name"
	parent int    // offset of what it is in, for values that are missing
	raw    []byte // nil: it is missing
	offset int    // of raw
}

func (v apiValue) there() bool { return v.raw != nil }

// position returns the line and column of an offset.
func (r *apiReader) position(offset int) (line, column int) {
	offset = min(max(offset, 0), len(r.text))
	if offset < r.offset {
		r.offset, r.line, r.start = 0, 0, 0
	}
	for ; r.offset < offset; r.offset++ {
		if r.text[r.offset] == '\n' {
			r.line, r.start = r.line+1, r.offset+1
		}
	}
	return r.line + 1, offset - r.start + 1
}

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
	line, column := r.position(offset)
	r.err = &APIError{Line: line, Column: column, Path: path, Err: err}
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
		r.failAt(at, "", fmt.Errorf("%w; want %s", err, APIWanted))
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
var apiKeys = []string{"api_version", "capabilities", "name", "version", "type", "kind"}

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
