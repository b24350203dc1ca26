package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRulesThatMakeNoSense(t *testing.T) {
	many := func(n int, s string) []string {
		var out []string
		for range n {
			out = append(out, s)
		}
		return out
	}
	h := []string{"example.com"}
	all, err := New((&network{}).options())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		rules Rules
		rule  string
		value string
	}{
		{"nothing", Rules{}, "hosts", ""},
		{"any", Rules{Hosts: []string{"*"}}, "hosts", "*"},
		{"any with port", Rules{Hosts: []string{"*:443"}}, "hosts", "*:443"},
		{"top level", Rules{Hosts: []string{"*.com"}}, "hosts", "*.com"},
		{"star inside", Rules{Hosts: []string{"a.*.com"}}, "hosts", "a.*.com"},
		{"star in front", Rules{Hosts: []string{"*example.com"}}, "hosts", "*example.com"},
		{"two stars", Rules{Hosts: []string{"*.*.example.com"}}, "hosts", "*.*.example.com"},
		{"large letters", Rules{Hosts: []string{"Example.com"}}, "hosts", "Example.com"},
		{"URL", Rules{Hosts: []string{"https://example.com"}}, "hosts", "https://example.com"},
		{"path", Rules{Hosts: []string{"example.com/v1"}}, "hosts", "example.com/v1"},
		{"user", Rules{Hosts: []string{"a@example.com"}}, "hosts", "a@example.com"},
		{"address", Rules{Hosts: []string{"127.0.0.1"}}, "hosts", "127.0.0.1"},
		{"IPv6", Rules{Hosts: []string{"[::1]"}}, "hosts", "[::1]"},
		{"dot", Rules{Hosts: []string{"example.com."}}, "hosts", "example.com."},
		{"local", Rules{Hosts: []string{"localhost"}}, "hosts", "localhost"},
		{"port", Rules{Hosts: []string{"example.com:0"}}, "hosts", "example.com:0"},
		{"empty", Rules{Hosts: []string{""}}, "hosts", ""},
		{"second", Rules{Hosts: []string{"example.com", "b"}}, "hosts", "b"},
		{"many", Rules{Hosts: many(maxHosts+1, "example.com")}, "hosts", ""},
		{"method", Rules{Hosts: h, Methods: []string{"CONNECT"}}, "methods", "CONNECT"},
		{"small letters", Rules{Hosts: h, Methods: []string{"get"}}, "methods", "get"},
		{"method with a line", Rules{Hosts: h, Methods: []string{"GET / HTTP/1.1\r\n"}}, "methods", "GET / HTTP/1.1\r\n"},
		{"no path", Rules{Hosts: h, Paths: []string{""}}, "paths", ""},
		{"relative", Rules{Hosts: h, Paths: []string{"v1"}}, "paths", "v1"},
		{"dots", Rules{Hosts: h, Paths: []string{"/v1/../"}}, "paths", "/v1/../"},
		{"odd encoding", Rules{Hosts: h, Paths: []string{"/%c3%a4"}}, "paths", "/%c3%a4"},
		{"query", Rules{Hosts: h, Paths: []string{"/v1?a=b"}}, "paths", "/v1?a=b"},
		{"star", Rules{Hosts: h, Paths: []string{"/v1/**/"}}, "", ""}, // a star is a character of paths
		{"many paths", Rules{Hosts: h, Paths: many(maxPaths+1, "/")}, "paths", ""},
		{"host header", Rules{Hosts: h, Headers: []string{"Host"}}, "headers", "Host"},
		{"header", Rules{Hosts: h, Headers: []string{"X: y\r\nA"}}, "headers", "X: y\r\nA"},
	} {
		_, err := all.Allow(tt.rules)
		if tt.rule == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		e, ok := errors.AsType[*RuleError](err)
		if !ok {
			t.Errorf("%s: error %v (%T)", tt.name, err, err)
			continue
		}
		if e.Rule != tt.rule || e.Value != tt.value || !strings.HasPrefix(e.Error(), tt.rule+": ") || errors.Unwrap(e) == nil {
			t.Errorf("%s: %q %q: %v", tt.name, e.Rule, e.Value, e)
		}
	}
}

// TestOperatorsBound: rules get at most what the options allow, and the zero options
// allow none.
func TestOperatorsBound(t *testing.T) {
	hosts := []string{"example.com", "*.example.org", "example.net:8443"}
	usual := Options{AllowHosts: hosts}
	some := Options{AllowHosts: hosts, AllowMethods: []string{"POST"}, AllowHeaders: []string{"x-api-key"}}
	for _, tt := range []struct {
		name    string
		options Options
		rules   Rules
		rule    string // that is refused, "" if none is
	}{
		{"zero", Options{}, Rules{Hosts: []string{"example.com"}}, "hosts"},
		{"the host", usual, Rules{Hosts: []string{"example.com"}}, ""},
		{"another", usual, Rules{Hosts: []string{"example.com", "evil.example"}}, "hosts"},
		{"below", usual, Rules{Hosts: []string{"a.example.org", "*.a.example.org", "*.example.org"}}, ""},
		{"beside", usual, Rules{Hosts: []string{"example.org"}}, "hosts"},
		{"more than the host", usual, Rules{Hosts: []string{"*.example.com"}}, "hosts"},
		{"above", usual, Rules{Hosts: []string{"*.org.example"}}, "hosts"},
		{"similar", usual, Rules{Hosts: []string{"evilexample.org"}}, "hosts"},
		{"the port", usual, Rules{Hosts: []string{"example.net:8443"}}, ""},
		{"another port", usual, Rules{Hosts: []string{"example.net"}}, "hosts"},
		{"a port beside the usual", usual, Rules{Hosts: []string{"example.com:22"}}, "hosts"},
		{"any host", Options{AllowHosts: []string{"*"}}, Rules{Hosts: []string{"*.a.example", "b.example"}}, ""},
		{"any host, a port", Options{AllowHosts: []string{"*"}}, Rules{Hosts: []string{"b.example:22"}}, "hosts"},
		{"GET without a word", some, Rules{Hosts: []string{"example.com"}}, "methods"},
		{"GET", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"GET"}}, "methods"},
		{"POST", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}}, ""},
		{"zero's methods", Options{AllowHosts: []string{"*"}}, Rules{Hosts: []string{"example.com"}, Methods: []string{"GET", "HEAD"}}, ""},
		{"beyond zero's methods", Options{AllowHosts: []string{"*"}}, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}}, "methods"},
		{"a usual header", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}, Headers: []string{"Accept"}}, ""},
		{"an allowed header", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}, Headers: []string{"X-API-Key"}}, ""},
		{"another header", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}, Headers: []string{"Authorization"}}, "headers"},
		{"plain", some, Rules{Hosts: []string{"example.com"}, Methods: []string{"POST"}, PlainHTTP: true}, "plain_http"},
		{"plain, allowed", Options{AllowHosts: []string{"*"}, AllowPlainHTTP: true}, Rules{Hosts: []string{"example.com"}, PlainHTTP: true}, ""},
	} {
		c, err := New(tt.options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Allow(tt.rules)
		e, refused := errors.AsType[*RuleError](err)
		if refused != (tt.rule != "") || refused && e.Rule != tt.rule || !refused && err != nil {
			t.Errorf("%s: %v, want a refusal of %q", tt.name, err, tt.rule)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, tt := range []struct {
		field   string
		options Options
	}{
		{"AllowHosts", Options{AllowHosts: []string{"localhost"}}},
		{"AllowHosts", Options{AllowHosts: []string{"**"}}},
		{"AllowMethods", Options{AllowMethods: []string{"TRACE"}}},
		{"AllowHeaders", Options{AllowHeaders: []string{"Cookie"}}},
		{"MaxRequestBytes", Options{MaxRequestBytes: -1}},
		{"MaxResponseBytes", Options{MaxResponseBytes: mostBytes + 1}},
		{"Timeout", Options{Timeout: -1}},
		{"MaxRedirects", Options{MaxRedirects: mostRedirects + 1}},
		{"MaxInFlight", Options{MaxInFlight: -1}},
		{"Rate", Options{Rate: -1}},
		{"Burst", Options{Burst: -1}},
		{"UserAgent", Options{UserAgent: "a\r\nHost: b"}},
		{"DenyAddresses", Options{DenyAddresses: prefixes("::ffff:10.0.0.0/104")}},
		{"DangerouslyAllowAddresses", Options{DangerouslyAllowAddresses: prefixes("::ffff:10.0.0.0/104")}},
	} {
		_, err := New(tt.options)
		if e, ok := errors.AsType[*OptionsError](err); !ok || e.Field != tt.field || errors.Unwrap(e) == nil || !strings.Contains(e.Error(), tt.field) {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}

// TestRulesDecide: each request is refused by the rule that does not cover it, and
// arrives when that rule is wider.
func TestRulesDecide(t *testing.T) {
	arrived := 0
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	narrow := Rules{Hosts: []string{"api.example.com"}, Methods: []string{"GET"}, Paths: []string{"/v1", "/open/", "/%C3%A4"}}
	widen := func(f func(r *Rules)) Rules {
		r := narrow
		f(&r)
		return r
	}
	hosts := func(h ...string) Rules { return widen(func(r *Rules) { r.Hosts = h }) }
	paths := func(p ...string) Rules { return widen(func(r *Rules) { r.Paths = p }) }
	for _, tt := range []struct {
		name    string
		request Request
		rule    string // "" for what narrow allows
		wider   Rules  // which allow it
	}{
		{"allowed", Request{URL: "https://api.example.com/v1"}, "", narrow},
		{"below", Request{URL: "https://api.example.com/v1/a/b?c"}, "", narrow},
		{"case of the host", Request{URL: "https://API.example.com/v1"}, "", narrow},
		{"case of the encoding", Request{URL: "https://api.example.com/%c3%a4/b"}, "", narrow},
		{"below the slash", Request{URL: "https://api.example.com/open/x"}, "", narrow},
		{"the slash itself", Request{URL: "https://api.example.com/open/"}, "", narrow},
		{"without the slash", Request{URL: "https://api.example.com/open"}, "paths", paths("/open")},
		{"longer name", Request{URL: "https://api.example.com/v10"}, "paths", paths("/v10")},
		{"another case", Request{URL: "https://api.example.com/V1"}, "paths", paths("/V1")},
		{"root", Request{URL: "https://api.example.com"}, "paths", paths()},
		{"path in the query", Request{URL: "https://api.example.com/?/v1"}, "paths", paths("/")},
		{"another host", Request{URL: "https://example.com/v1"}, "hosts", hosts("example.com")},
		{"all below", Request{URL: "https://api.example.com/v1"}, "", hosts("*.example.com")},
		{"not below", Request{URL: "https://example.com/v1"}, "hosts", hosts("*.example.com", "example.com")},
		{"another port", Request{URL: "https://api.example.com:8443/v1"}, "hosts", hosts("api.example.com:8443")},
		{"plain", Request{URL: "http://api.example.com/v1"}, "plain_http", widen(func(r *Rules) { r.PlainHTTP = true })},
		{"method", Request{Method: "POST", URL: "https://api.example.com/v1"}, "methods", widen(func(r *Rules) { r.Methods = []string{"POST"} })},
		{"header", Request{URL: "https://api.example.com/v1", Headers: map[string]string{"X-Api-Key": "k"}}, "headers", widen(func(r *Rules) { r.Headers = []string{"x-api-key"} })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := access(t, n.options(), narrow).Prepare(tt.request)
			if tt.rule == "" && err != nil {
				t.Fatal(err)
			} else if tt.rule != "" {
				wantDenied(t, err, tt.rule)
			}
			before := arrived
			if _, err := do(t, access(t, n.options(), tt.wider), tt.request); err != nil {
				t.Fatal(err)
			}
			if arrived != before+1 {
				t.Errorf("%d requests arrived with wider rules", arrived-before)
			}
		})
	}
	for _, method := range []string{"get", "CONNECT", "TRACE", "GET / HTTP/1.1\r\nX: y", strings.Repeat("x", 10000)} {
		_, err := access(t, n.options(), wide()).Prepare(Request{Method: method, URL: "https://example.com/"})
		wantDenied(t, err, "methods")
	}
}

func TestDeniedNamesWhatIsNotInTheManifest(t *testing.T) {
	a := access(t, Options{AllowHosts: []string{"*"}}, Rules{Hosts: []string{"api.example.com", "*.example.org"}})
	_, err := a.Prepare(Request{URL: "https://evil.example/steal?secret"})
	want := "http: https://evil.example is not among the hosts of the manifest (api.example.com, *.example.org)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if d, ok := errors.AsType[*DeniedError](err); !ok || d.LuaMessage() != want {
		t.Errorf("%T", err)
	}
}

// TestCoverIsSubset: if an operator's entry covers a manifest's, then whatever
// matches the second matches the first; and if it does not, something is only the
// second's. This is why a request is held against the manifest alone.
func TestCoverIsSubset(t *testing.T) {
	var patterns []hostPattern
	for _, host := range []string{"*", "a.b", "*.a.b", "c.a.b", "*.c.a.b", "xa.b", "*.xa.b"} {
		for _, port := range []string{"", ":443", ":80", ":8443"} {
			p, err := parseHostPattern(host+port, true)
			if err != nil {
				t.Fatal(err)
			}
			patterns = append(patterns, p)
		}
	}
	var targets []target
	for _, host := range []string{"a.b", "c.a.b", "d.c.a.b", "xa.b", "y.xa.b", "z.b"} {
		for _, port := range []string{"", ":443", ":80", ":8443"} {
			for _, scheme := range []string{"http", "https"} {
				u, err := parseTarget(scheme + "://" + host + port + "/")
				if err != nil {
					t.Fatal(err)
				}
				targets = append(targets, u)
			}
		}
	}
	for _, p := range patterns {
		for _, q := range patterns {
			subset := true
			for _, u := range targets {
				if q.matches(u) && !p.matches(u) {
					subset = false
				}
			}
			if covers := p.covers(q); covers && !subset {
				t.Errorf("%s covers %s, and does not match all of its targets", p.text, q.text)
			} else if !covers && subset && p.port == q.port {
				t.Errorf("%s does not cover %s, and matches all of its targets", p.text, q.text)
			}
		}
	}
}

// TestPathsAreWholeSegments: a path is below a prefix exactly if the prefix's
// segments are the first of its own.
func TestPathsAreWholeSegments(t *testing.T) {
	segment := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "A"}), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		path, prefix := segment.Draw(t, "path"), segment.Draw(t, "prefix")
		want := len(prefix) <= len(path) && cmp.Equal(append([]string{}, prefix...), append([]string{}, path[:min(len(path), len(prefix))]...))
		if got := inPath("/"+strings.Join(path, "/"), "/"+strings.Join(prefix, "/")); got != want {
			t.Errorf("%v below %v: %v, want %v", path, prefix, got, want)
		}
	})
}
