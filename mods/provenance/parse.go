package provenance

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
)

// Parse reads a statement, of any tool that writes the same format. It is strict with
// what it knows, and tells what it does not know in [Statement.Unknown].
//
// The error is an [*Error]: [TooBig], [Syntax], [Unsupported] or [BadField].
func Parse(data []byte) (*Statement, error) {
	if len(data) > MaxBytes {
		return nil, &Error{Reason: TooBig, Detail: fmt.Sprintf("%d bytes; a statement has at most %d", len(data), MaxBytes)}
	}
	value, err := jsonvalue.Decode(string(data), jsonvalue.Decoding{})
	if err != nil {
		return nil, &Error{Reason: Syntax, Err: err}
	}
	r := &reader{}
	s := r.statement(object{r: r, name: "", fields: r.asMap("", value)})
	if r.err != nil {
		return nil, r.err
	}
	slices.Sort(r.unknown)
	if len(r.unknown) > maxUnknown {
		r.unknown = append(r.unknown[:maxUnknown-1], "...")
	}
	s.Unknown = r.unknown
	return s, nil
}

// reader keeps the first thing that is wrong. After it, everything reads as empty.
type reader struct {
	err     error
	unknown []string
}

func (r *reader) fail(reason Reason, field, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Reason: reason, Field: field, Detail: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) asMap(name string, value any) map[string]any {
	fields, ok := value.(map[string]any)
	if !ok {
		r.fail(BadField, name, "want an object")
	}
	return fields
}

// object is a JSON object of which fields are taken one by one.
type object struct {
	r      *reader
	name   string // where it is
	fields map[string]any
}

func (o object) at(key string) string {
	if o.name == "" {
		return key
	}
	return o.name + "." + key
}

// take removes a field and returns it; nil if it is not there, or null.
func (o object) take(key string) any {
	v := o.fields[key]
	delete(o.fields, key)
	return v
}

// end tells of the fields that nobody took.
func (o object) end() {
	for key := range o.fields {
		o.r.unknown = append(o.r.unknown, fmt.Sprintf("%q", short(o.at(key))))
	}
}

// text takes a field that is a text; "" if it is not there.
func (o object) text(key string) string {
	v := o.take(key)
	if v == nil {
		return ""
	}
	text, ok := v.(string)
	if !ok {
		o.r.fail(BadField, o.at(key), "want a text")
	} else if problem := checkText(text); problem != "" {
		o.r.fail(BadField, o.at(key), "%s", problem)
	}
	return text
}

// uri takes a field that is a URI and must be there.
func (o object) uri(key string) string {
	text := o.text(key)
	if problem := checkURI(text); problem != "" {
		o.r.fail(BadField, o.at(key), "%s", problem)
	}
	return text
}

// time takes a field that is a time; zero if it is not there.
func (o object) time(key string) time.Time {
	text := o.text(key)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > 9999 {
		o.r.fail(BadField, o.at(key), "%q; want a time as 2006-01-02T15:04:05Z", short(text))
	}
	return t.UTC()
}

// object takes a field that is an object; empty if it is not there.
func (o object) object(key string) object {
	in := object{r: o.r, name: o.at(key)}
	if v := o.take(key); v != nil {
		in.fields = o.r.asMap(in.name, v)
	}
	if len(in.fields) > maxEntries {
		o.r.fail(TooBig, in.name, "%d fields; at most %d", len(in.fields), maxEntries)
		in.fields = nil
	}
	return in
}

// texts takes a field that is an object of texts.
func (o object) texts(key string) map[string]string {
	in := o.object(key)
	texts := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(in.fields)) {
		if problem := checkText(key); problem != "" {
			o.r.fail(BadField, in.name, "%s", problem)
		}
		texts[key] = in.text(key)
	}
	if len(texts) == 0 {
		return nil
	}
	return texts
}

// objects takes a field that is a list of objects.
func (o object) objects(key string) []object {
	v := o.take(key)
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		o.r.fail(BadField, o.at(key), "want a list")
	case len(list) > maxEntries:
		o.r.fail(TooBig, o.at(key), "%d entries; at most %d", len(list), maxEntries)
		return nil
	}
	all := make([]object, len(list))
	for i, v := range list {
		name := fmt.Sprintf("%s[%d]", o.at(key), i)
		all[i] = object{r: o.r, name: name, fields: o.r.asMap(name, v)}
	}
	return all
}

func (r *reader) statement(root object) *Statement {
	s := &Statement{}
	for _, of := range []struct{ key, want string }{{"_type", statementType}, {"predicateType", predicateType}} {
		if got := root.text(of.key); got != of.want {
			r.fail(Unsupported, of.key, "%q; want %q", short(got), of.want)
		}
	}
	for _, o := range root.objects("subject") {
		s.Subjects = append(s.Subjects, o.subject())
	}
	if len(s.Subjects) == 0 {
		r.fail(BadField, "subject", "want at least one subject")
	}
	predicate := root.object("predicate")
	root.end()

	build := predicate.object("buildDefinition")
	s.BuildType = build.uri("buildType")
	parameters := build.object("externalParameters")
	source := ""
	if s.BuildType == BuildType {
		source = parameters.text("source")
	}
	parameters.end()
	for _, o := range build.objects("resolvedDependencies") {
		s.Sources = append(s.Sources, o.source())
	}
	if source != "" && (len(s.Sources) == 0 || s.Sources[0].URI != source) {
		r.fail(BadField, parameters.at("source"), "%q is not the first of resolvedDependencies", short(source))
	}
	build.end()

	run := predicate.object("runDetails")
	builder := run.object("builder")
	s.Builder = builder.uri("id")
	s.Versions = builder.texts("version")
	builder.end()
	meta := run.object("metadata")
	s.Started, s.Finished = meta.time("startedOn"), meta.time("finishedOn")
	if !s.Started.IsZero() && !s.Finished.IsZero() && s.Finished.Before(s.Started) {
		r.fail(BadField, meta.at("finishedOn"), "it is before startedOn")
	}
	meta.end()
	run.end()
	predicate.end()
	return s
}

func (o object) subject() Subject {
	s := Subject{Name: o.text("name")}
	digests := o.texts("digest")
	if len(digests) == 0 {
		o.r.fail(BadField, o.at("digest"), "want at least one digest")
	}
	if text, ok := digests[dirHash]; ok {
		digest, err := bundle.ParseDigest("h1-" + text)
		if err != nil {
			o.r.fail(BadField, o.at("digest."+dirHash), "%q; want 64 small hexadecimal digits", short(text))
		}
		s.Digest = digest
	}
	o.end()
	return s
}

func (o object) source() Source {
	s := Source{URI: o.uri("uri"), Name: o.text("name")}
	digests := o.texts("digest")
	if commit, ok := digests[gitCommit]; ok {
		if !isCommit(commit) {
			o.r.fail(BadField, o.at("digest."+gitCommit), "%q; want 40 or 64 small hexadecimal digits", short(commit))
		}
		s.Commit = commit
	}
	o.end()
	return s
}
