package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Bounds of request headers, names and values together.
const (
	maxRequestHeaders     = 32
	maxRequestHeaderBytes = 8 << 10
)

// Bounds of response headers. The bytes are those on the wire.
const (
	maxResponseHeaders     = 100
	maxResponseHeaderBytes = 32 << 10
)

// usualHeaders are the request headers that need no rule: they say what a client
// wants and what a body is, and nothing about who asks or by which way.
var usualHeaders = []string{
	"accept", "accept-language", "content-language", "content-type",
	"if-match", "if-modified-since", "if-none-match", "if-unmodified-since",
}

// neverHeaders are the request headers that no rule can allow: they belong to the
// connection, are set by this package, or make a server take the request for another
// one. Names that begin with "proxy-", "sec-" or "x-forwarded-" are the same.
var neverHeaders = []string{
	"accept-encoding", "connection", "content-encoding", "content-length", "cookie", "cookie2",
	"expect", "forwarded", "host", "http2-settings", "keep-alive", "origin", "referer", "te",
	"trailer", "transfer-encoding", "upgrade", "user-agent", "via",
	"x-host", "x-http-method", "x-http-method-override", "x-method-override",
	"x-original-host", "x-original-url", "x-real-ip", "x-rewrite-url",
}

// droppedHeaders are response headers that a script does not get: they would let a
// server recognise a client again, or concern the connection.
var droppedHeaders = []string{
	"alt-svc", "connection", "keep-alive", "set-cookie", "set-cookie2",
	"trailer", "transfer-encoding", "upgrade",
}

// headerName returns the name of a request header that a rule may allow, in small
// letters.
func headerName(text string) (string, error) {
	if text == "" || len(text) > 64 {
		return "", fmt.Errorf("a header's name has 1 to 64 characters")
	}
	for _, c := range []byte(text) { // before ToLower, which makes 'k' of the Kelvin sign
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return "", fmt.Errorf("a header's name has letters, digits and '-' only")
		}
	}
	name := strings.ToLower(text)
	for _, prefix := range []string{"proxy-", "sec-", "x-forwarded-"} {
		if strings.HasPrefix(name, prefix) {
			return "", fmt.Errorf("headers that begin with %q cannot be set", prefix)
		}
	}
	if slices.Contains(neverHeaders, name) {
		return "", fmt.Errorf("this header cannot be set")
	}
	return name, nil
}

// parseHeaderNames reads the rule "headers".
func parseHeaderNames(names []string) ([]string, error) {
	if len(names) > maxRequestHeaders {
		return nil, &RuleError{Rule: "headers", Err: fmt.Errorf("%d headers; at most %d are allowed", len(names), maxRequestHeaders)}
	}
	var out []string
	for _, name := range names {
		lower, err := headerName(name)
		if err != nil {
			return nil, &RuleError{Rule: "headers", Value: clip(name), Err: err}
		}
		out = append(out, lower)
	}
	return out, nil
}

// checkHeaders returns what a script wants to send, with names in small letters,
// and its size. The error is a [*DeniedError].
func (s *ruleSet) checkHeaders(headers map[string]string, t target) (map[string]string, int64, error) {
	if len(headers) > maxRequestHeaders {
		return nil, 0, denied("", "%d headers; at most %d can be sent", len(headers), maxRequestHeaders)
	}
	out := map[string]string{}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value := headers[name]
		lower, err := headerName(name)
		if err != nil {
			return nil, 0, denied("", "header %q: %v", clip(name), err)
		}
		if !slices.Contains(usualHeaders, lower) && !slices.Contains(s.headers, lower) {
			return nil, 0, denied("headers", "the header %q is not among the headers of the manifest (%s)", name, list(s.headers))
		}
		if _, twice := out[lower]; twice {
			return nil, 0, denied("", "the header %q is there twice, in small and in large letters", name)
		}
		if lower == "authorization" && t.scheme != "https" {
			return nil, 0, denied("", "the header %q is sent to https URLs only", name)
		}
		if size += len(name) + len(value); size > maxRequestHeaderBytes {
			return nil, 0, denied("", "the headers have more than %d bytes", maxRequestHeaderBytes)
		}
		for i := range len(value) {
			if c := value[i]; (c < ' ' || c >= 0x7f) && c != '\t' {
				return nil, 0, denied("", "header %q: byte %#02x at position %d must not be in a value", name, c, i+1)
			}
		}
		if value != strings.Trim(value, " \t") {
			return nil, 0, denied("", "header %q: the value begins or ends with a space", name)
		}
		out[lower] = value
	}
	return out, int64(size), nil
}

// elsewhere returns the headers that follow a redirect to another origin: those
// that need no rule.
func elsewhere(headers map[string]string) map[string]string {
	out := maps.Clone(headers)
	maps.DeleteFunc(out, func(name, _ string) bool { return !slices.Contains(usualHeaders, name) })
	return out
}

// responseHeaders returns what a script gets: names in small letters, values that
// came under one name joined with ", " in their order (RFC 9110, section 5.3). ok is
// false if there are more than maxResponseHeaders.
func responseHeaders(h http.Header) (headers map[string]string, ok bool) {
	headers = map[string]string{}
	lines := 0
	for name, values := range h {
		if lines += len(values); lines > maxResponseHeaders {
			return nil, false
		}
		if lower := strings.ToLower(name); !slices.Contains(droppedHeaders, lower) {
			headers[lower] = strings.Join(values, ", ")
		}
	}
	return headers, true
}
