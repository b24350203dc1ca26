package advisory

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/mods/internal/jsonvalue"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// Bounds of an advisory.
const (
	maxBytes      = 256 << 10
	maxAffected   = 200
	maxRanges     = 50   // of an entry
	maxEvents     = 500  // of a range
	maxVersions   = 5000 // of an entry
	maxReferences = 100
	maxAliases    = 50
	maxLine       = 1000     // characters of a summary, an address
	maxDetails    = 64 << 10 // characters
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// Parse reads one advisory of at most 256 KiB. The name of the file is used in errors
// only. Fields that the schema has and nobody here needs are passed over.
//
// The error is an [*Error]. If the advisory names mods all the same, it is returned
// beside the error, with all versions of these mods: see Affected.Unclear.
func Parse(file string, data []byte) (*Advisory, error) {
	fail := func(reason string, err error) (*Advisory, error) {
		return nil, &Error{File: file, Reason: reason, Err: err}
	}
	if len(data) > maxBytes {
		return fail(fmt.Sprintf("%d bytes; at most %d", len(data), maxBytes), nil)
	}
	root, err := jsonvalue.Decode(strings.TrimPrefix(string(data), "\ufeff"), jsonvalue.Decoding{})
	if err != nil {
		return fail("not JSON", err)
	}
	object, ok := root.(map[string]any)
	if !ok {
		return fail("want a JSON object", nil)
	}
	p := &parser{file: file}
	a := p.advisory(node{"", object})
	a.File = file
	if p.err == nil {
		return a, nil
	}
	if len(a.Affected) == 0 {
		return nil, p.err
	}
	for i := range a.Affected {
		a.Affected[i].Unclear = p.err.Field + ": " + p.err.Reason
	}
	a.Severity, a.Withdrawn = graver(a.Severity, High), time.Time{}
	if !idPattern.MatchString(a.ID) {
		a.ID = "(no id)"
	}
	return a, p.err
}

// parser keeps the first thing that is wrong.
type parser struct {
	file string
	err  *Error
}

func (p *parser) fail(field, reason string, args ...any) {
	if p.err == nil {
		p.err = &Error{File: p.file, Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
}

// node is an object and where it stands.
type node struct {
	path   string
	fields map[string]any
}

func (n node) at(name string) string {
	if n.path == "" {
		return name
	}
	return n.path + "." + name
}

// text reads a text of at most most characters, "" if it is not there.
func (p *parser) text(n node, name string, most int) string {
	value, there := n.fields[name]
	if !there || value == nil {
		return ""
	}
	text, ok := value.(string)
	if count := utf8.RuneCountInString(text); !ok {
		p.fail(n.at(name), "want a text")
	} else if count > most {
		p.fail(n.at(name), "%d characters; at most %d", count, most)
	}
	return text
}

// list reads a list of at most most elements; nil if it is not there.
func (p *parser) list(n node, name string, most int) []any {
	value, there := n.fields[name]
	if !there || value == nil {
		return nil
	}
	list, ok := value.([]any)
	switch {
	case !ok:
		p.fail(n.at(name), "want a list")
	case len(list) > most:
		p.fail(n.at(name), "%d elements; at most %d", len(list), most)
		return list[:most]
	}
	return list
}

// objects reads a list of objects.
func (p *parser) objects(n node, name string, most int) []node {
	var out []node
	for i, value := range p.list(n, name, most) {
		at := n.at(name) + "[" + strconv.Itoa(i) + "]"
		object, ok := value.(map[string]any)
		if !ok {
			p.fail(at, "want an object")
			continue
		}
		out = append(out, node{at, object})
	}
	return out
}

// texts reads a list of texts.
func (p *parser) texts(n node, name string, most int) []string {
	var out []string
	for i, value := range p.list(n, name, most) {
		text, ok := value.(string)
		if !ok || utf8.RuneCountInString(text) > maxLine {
			p.fail(n.at(name)+"["+strconv.Itoa(i)+"]", "want a text of at most %d characters", maxLine)
			continue
		}
		out = append(out, text)
	}
	return out
}

func (p *parser) time(n node, name string, required bool) time.Time {
	text := p.text(n, name, 64)
	if text == "" && !required && n.fields[name] == nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		p.fail(n.at(name), "%q is not a time such as \"2026-03-01T12:00:00Z\"", text)
		return time.Time{}
	}
	return at.UTC()
}

func (p *parser) advisory(n node) *Advisory {
	a := &Advisory{Severity: High}
	a.Affected = p.affected(n) // first, so that they are known whatever else is wrong
	if version := p.text(n, "schema_version", 20); version != "" && !strings.HasPrefix(version, "1.") {
		p.fail("schema_version", "%q; want version 1 of the OSV schema", version)
	}
	if a.ID = p.text(n, "id", maxLine); !idPattern.MatchString(a.ID) {
		p.fail("id", "%q; want at most 100 letters, digits, '.', '_', ':' and '-'", a.ID)
	}
	a.Modified = p.time(n, "modified", true)
	a.Published = p.time(n, "published", false)
	a.Withdrawn = p.time(n, "withdrawn", false)
	a.Summary = p.text(n, "summary", maxLine)
	a.Details = p.text(n, "details", maxDetails)
	a.Aliases = p.texts(n, "aliases", maxAliases)
	for _, r := range p.objects(n, "references", maxReferences) {
		a.References = append(a.References, Reference{p.text(r, "type", 20), p.text(r, "url", maxLine)})
	}
	if severity := p.severity(n); severity != "" {
		a.Severity = severity
	}
	return a
}

func (p *parser) affected(n node) []Affected {
	entries := p.objects(n, "affected", maxAffected)
	if len(entries) == 0 {
		p.fail("affected", "it does not say what is affected")
	}
	var out []Affected
	for _, entry := range entries {
		about, ok := entry.fields["package"].(map[string]any)
		if !ok {
			p.fail(entry.at("package"), "want an object with ecosystem and name")
			continue
		}
		pkg := node{entry.at("package"), about}
		ecosystem, name := p.text(pkg, "ecosystem", maxLine), p.text(pkg, "name", maxLine)
		if base, _, _ := strings.Cut(ecosystem, ":"); !strings.EqualFold(base, Ecosystem) {
			if ecosystem == "" {
				p.fail(pkg.at("ecosystem"), "it is missing")
			}
			continue // about something that is no mod
		}
		if ecosystem != Ecosystem {
			p.fail(pkg.at("ecosystem"), "%q; mods are of the ecosystem %q", ecosystem, Ecosystem)
		}
		if err := manifest.CheckID(name); err != nil {
			p.fail(pkg.at("name"), "%q is not the id of a mod: %v", name, err)
			name = strings.ToLower(name) // which may be the one that is meant
		}
		out = append(out, p.entry(entry, name))
	}
	return out
}

// entry reads what an entry says of the versions of a mod.
func (p *parser) entry(n node, mod string) Affected {
	a := Affected{Mod: mod, Severity: p.severity(n)}
	for _, r := range p.objects(n, "ranges", maxRanges) {
		switch kind := p.text(r, "type", 20); kind {
		case "SEMVER", "ECOSYSTEM":
			a.Ranges = append(a.Ranges, p.events(r))
		case "GIT": // of its source, not of what is published
		default:
			p.fail(r.at("type"), "%q is not a type of range that is known", kind)
		}
	}
	a.Versions = p.texts(n, "versions", maxVersions)
	for i, text := range a.Versions {
		if _, err := semver.StrictNewVersion(text); err != nil {
			p.fail(n.at("versions")+"["+strconv.Itoa(i)+"]", "%q is not a version such as \"1.0.0\"", text)
		}
	}
	if len(a.Ranges) == 0 && len(a.Versions) == 0 {
		a.Unclear = "it does not say which versions"
	}
	return a
}

func (p *parser) events(n node) []Event {
	var out []Event
	begins := false
	for _, event := range p.objects(n, "events", maxEvents) {
		e := Event{
			Introduced:   p.text(event, "introduced", 100),
			Fixed:        p.text(event, "fixed", 100),
			LastAffected: p.text(event, "last_affected", 100),
		}
		switch text := e.version(); {
		case len(event.fields) != 1 || text == "":
			p.fail(event.path, "want one of introduced, fixed and last_affected")
			continue
		case e.Introduced == "0":
			begins = true
		default:
			if _, err := semver.StrictNewVersion(text); err != nil {
				p.fail(event.path, "%q is not a version such as \"1.0.0\"", text)
				continue
			}
			begins = begins || e.Introduced != ""
		}
		out = append(out, e)
	}
	if !begins {
		p.fail(n.at("events"), "no event says where the range begins; {\"introduced\": \"0\"} is the beginning")
	}
	return out
}

// severity reads what an object says of how grave it is; "" if it says nothing.
func (p *parser) severity(n node) string {
	if specific, ok := n.fields["database_specific"].(map[string]any); ok && specific["severity"] != nil {
		word, _ := specific["severity"].(string)
		switch word = strings.ToLower(word); word {
		case Low, Medium, High, Critical:
			return word
		case "moderate":
			return Medium
		}
		return High
	}
	worst := ""
	for _, s := range p.objects(n, "severity", 20) {
		severity := High
		if p.text(s, "type", 20) == "CVSS_V3" {
			if score, err := cvss3(p.text(s, "score", 200)); err == nil {
				severity = rating(score)
			}
		}
		if worst == "" {
			worst = severity
		}
		worst = graver(worst, severity)
	}
	return worst
}

// printable makes a text of others fit for one line of a message.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return utf8.RuneError
		}
		return c
	}, text)
}

var errVector = errors.New("not a CVSS 3 vector")
