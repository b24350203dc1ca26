package web

import (
	"fmt"
	"slices"
	"strings"
)

// Rules are what one mod may do, as its manifest asks for it. The zero Rules allow
// nothing.
type Rules struct {
	// Hosts are the hosts that may be asked, each an exact name ("api.example.org"),
	// or, with a leading "*.", everything below a name ("*.example.org", which is
	// neither example.org itself nor *.org). Without a port, the scheme's own is
	// meant; "api.example.org:8443" is that port alone. At most 32.
	Hosts []string
	// Methods are the methods that may be used; none means GET.
	Methods []string
	// Paths are what paths begin with: "/v1" allows /v1 and what is below it, and
	// not /v10; "/v1/" what is below it only. Letters count as written. None means
	// all paths. At most 32.
	Paths []string
	// Headers are request headers beside those that are always allowed.
	Headers []string
	// PlainHTTP allows URLs that begin with http://.
	PlainHTTP bool
}

// methods are those that can be allowed. CONNECT and TRACE are for proxies and for
// finding faults.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

const (
	maxHosts = 32
	maxPaths = 32
)

// RuleError is a rule that is malformed, or that the operator does not allow.
type RuleError struct {
	Rule  string // "hosts", "methods", "paths", "headers" or "plain_http"
	Value string // the offending one
	Err   error  // what is wrong with it
}

// Error names the rule, its value and what is wrong.
func (e *RuleError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %v", e.Rule, e.Err)
	}
	return fmt.Sprintf("%s: %q: %v", e.Rule, e.Value, e.Err)
}

// Unwrap returns what is wrong.
func (e *RuleError) Unwrap() error { return e.Err }

// DeniedError says that a request is malformed or not covered by a mod's rules.
// Nothing has been sent.
type DeniedError struct {
	Rule string // the rule that does not cover it: "hosts", "methods", "paths", "headers" or "plain_http"; "" if it is malformed
	Text string // what is not allowed, and what would be
}

// Error returns the text.
func (e *DeniedError) Error() string { return e.Text }

// LuaMessage is the text that a script may see: all of it.
func (e *DeniedError) LuaMessage() string { return e.Text }

func denied(rule, format string, args ...any) error {
	return &DeniedError{Rule: rule, Text: "http: " + fmt.Sprintf(format, args...)}
}

// hostPattern is one entry of Hosts.
type hostPattern struct {
	text  string
	any   bool   // "*": every host; for operators only
	below bool   // "*.": what is below host
	host  string // a checked name; "" if any
	port  uint16 // 0: the scheme's own
}

// parseHostPattern reads an entry of Hosts. operator also admits "*".
func parseHostPattern(text string, operator bool) (hostPattern, error) {
	p := hostPattern{text: text}
	if len(text) > 300 {
		return p, fmt.Errorf("a host of %d bytes", len(text))
	}
	host, port, err := splitPort(text)
	if err != nil {
		return p, err
	}
	p.port = port
	if host == "*" {
		if !operator {
			return p, fmt.Errorf(`name the hosts; "*" alone is not possible`)
		}
		p.any = true
		return p, nil
	}
	p.host, p.below = strings.CutPrefix(host, "*.")
	if strings.Contains(text, "://") || strings.ContainsAny(host, "/@") {
		return p, fmt.Errorf(`write the host alone, as "api.example.org"`)
	}
	return p, checkHost(p.host)
}

// matches reports whether a target is one that the pattern means.
func (p hostPattern) matches(t target) bool {
	if p.port == 0 && t.port != defaultPort(t.scheme) || p.port != 0 && t.port != p.port {
		return false
	}
	return p.any || p.host == t.host && !p.below || p.below && isBelow(t.host, p.host)
}

// covers reports whether everything that q means is also meant by p.
func (p hostPattern) covers(q hostPattern) bool {
	switch {
	case p.port != q.port:
		return false
	case p.any:
		return true
	case q.any:
		return false
	case p.below:
		return isBelow(q.host, p.host) || q.below && q.host == p.host
	}
	return !q.below && p.host == q.host
}

func isBelow(host, parent string) bool { return strings.HasSuffix(host, "."+parent) }

// parseHosts reads lists of hosts.
func parseHosts(texts []string, operator bool) ([]hostPattern, error) {
	if len(texts) > maxHosts && !operator {
		return nil, &RuleError{Rule: "hosts", Err: fmt.Errorf("%d hosts; at most %d are allowed", len(texts), maxHosts)}
	}
	var patterns []hostPattern
	for _, text := range texts {
		p, err := parseHostPattern(text, operator)
		if err != nil {
			return nil, &RuleError{Rule: "hosts", Value: text, Err: err}
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// checkMethods refuses what is no method that can be allowed.
func checkMethods(list []string) error {
	for _, m := range list {
		if !slices.Contains(methods, m) {
			return &RuleError{Rule: "methods", Value: m, Err: fmt.Errorf("it must be one of %s", strings.Join(methods, ", "))}
		}
	}
	return nil
}

// parsePaths returns prefixes of paths without their encoding. They have to be
// written in their one form.
func parsePaths(list []string) ([]string, error) {
	if len(list) > maxPaths {
		return nil, &RuleError{Rule: "paths", Err: fmt.Errorf("%d paths; at most %d are allowed", len(list), maxPaths)}
	}
	var out []string
	for _, p := range list {
		if len(p) > maxURL {
			return nil, &RuleError{Rule: "paths", Err: fmt.Errorf("a path of %d bytes; at most %d are allowed", len(p), maxURL)}
		}
		encoded, decoded, err := parsePath(p)
		if err == nil && encoded != p {
			err = fmt.Errorf("it is written %s", encoded)
		}
		if err != nil {
			return nil, &RuleError{Rule: "paths", Value: p, Err: err}
		}
		out = append(out, decoded)
	}
	return out, nil
}

// ruleSet is checked rules.
type ruleSet struct {
	hosts   []hostPattern
	methods []string
	paths   []string // decoded
	headers []string // in small letters; those that are always allowed need not be here
	plain   bool
}

// check says whether a request may be made. The error is a [*DeniedError].
func (s *ruleSet) check(method string, t target) error {
	if t.scheme != "https" && !s.plain {
		return denied("plain_http", "%s is not encrypted, and the manifest does not ask for plain_http; use https", t.origin())
	}
	if !slices.ContainsFunc(s.hosts, func(p hostPattern) bool { return p.matches(t) }) {
		var names []string
		for _, p := range s.hosts {
			names = append(names, p.text)
		}
		return denied("hosts", "%s is not among the hosts of the manifest (%s)", t.origin(), list(names))
	}
	if !slices.Contains(s.methods, method) {
		return denied("methods", "%q is not among the methods of the manifest (%s)", clip(method), list(s.methods))
	}
	if len(s.paths) > 0 && !slices.ContainsFunc(s.paths, func(p string) bool { return inPath(t.decoded, p) }) {
		return denied("paths", "the path %s is not below one of the paths of the manifest (%s)", clip(t.path), list(s.paths))
	}
	return nil
}

// inPath reports whether path is prefix, or below it.
func inPath(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}

// list joins what a manifest lists, for a message.
func list(items []string) string { return clip(strings.Join(items, ", ")) }

// clip bounds what a message repeats.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
