package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRedirects: where each redirect leads is held against the rules. Each that is
// refused is followed by a client that lets through what the rule forbids.
func TestRedirects(t *testing.T) {
	type arrival struct{ Method, Host, URI, Body, Authorization, Key, Accept, Type string }
	var seen []arrival
	location, status := "", 302
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := r.Header
		seen = append(seen, arrival{r.Method, r.Host, r.RequestURI, string(body), h.Get("Authorization"), h.Get("X-Api-Key"), h.Get("Accept"), h.Get("Content-Type")})
		if r.URL.Path == "/v1/from" {
			w.Header()["Location"] = []string{location}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("moved"))
		}
	}))
	inside := 0
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside++ }))
	defer private.Close()
	n.servers[netip.MustParseAddrPort("10.0.0.1:80")] = private.Listener.Addr().String()
	n.resolves("inside.example.com", netip.MustParseAddr("10.0.0.1"))
	n.resolves("evil.example", publicOne)
	n.resolves("other.example.com", publicOne)

	narrow := Rules{Hosts: []string{"api.example.com", "inside.example.com"}, Methods: []string{"GET", "HEAD"}, Paths: []string{"/v1"}, PlainHTTP: true}
	widen := func(f func(r *Rules)) *Rules {
		r := narrow
		f(&r)
		return &r
	}
	for _, tt := range []struct {
		name, from, to string
		want           Failure // "" if it is followed
		detail         string
		wider          *Rules // which follow it
	}{
		{"same host", "https://api.example.com/v1/from", "/v1/to?x", "", "", nil},
		{"relative", "https://api.example.com/v1/from", "to", "", "", nil},
		{"dots that stay inside", "https://api.example.com/v1/from", "../v1/to", "", "", nil},
		{"fragment", "https://api.example.com/v1/from", "/v1/to#here", "", "", nil},
		{"without scheme", "https://api.example.com/v1/from", "//api.example.com/v1/to", "", "", nil},
		{"not ASCII", "https://api.example.com/v1/from", "/v1/ä", "", "", nil},
		{"to https", "http://api.example.com/v1/from", "https://api.example.com/v1/to", "", "", nil},
		{"plain to plain", "http://api.example.com/v1/from", "/v1/to", "", "", nil},
		{"private address", "http://api.example.com/v1/from", "http://inside.example.com/v1/to", FailureAddress, "", nil},
		{"other host", "https://api.example.com/v1/from", "https://other.example.com/v1/to", FailureRedirect, "hosts", widen(func(r *Rules) { r.Hosts = append(r.Hosts, "other.example.com") })},
		{"other port", "https://api.example.com/v1/from", "https://api.example.com:8443/v1/to", FailureRedirect, "hosts", widen(func(r *Rules) { r.Hosts = append(r.Hosts, "api.example.com:8443") })},
		{"other path", "https://api.example.com/v1/from", "/admin", FailureRedirect, "paths", widen(func(r *Rules) { r.Paths = nil })},
		{"out by dots", "https://api.example.com/v1/from", "../../admin", FailureRedirect, "paths", widen(func(r *Rules) { r.Paths = nil })},
		{"out by encoded dots", "https://api.example.com/v1/from", "/v1/%2e%2e/admin", FailureRedirect, "%2e", nil},
		{"downgrade", "https://api.example.com/v1/from", "http://api.example.com/v1/to", FailureRedirect, "from https to http", nil},
		{"user name", "https://api.example.com/v1/from", "https://a@api.example.com/v1/to", FailureRedirect, "user name", nil},
		{"address", "https://api.example.com/v1/from", "https://127.0.0.1/v1/to", FailureRedirect, "address", nil},
		{"metadata", "http://api.example.com/v1/from", "http://169.254.169.254/v1/to", FailureRedirect, "address", nil},
		{"IPv6", "https://api.example.com/v1/from", "https://[::1]/v1/to", FailureRedirect, "port", nil},
		{"backslash", "https://api.example.com/v1/from", `/\evil.example/v1/to`, FailureRedirect, "nowhere", nil},
		{"scheme", "https://api.example.com/v1/from", "file:///etc/passwd", FailureRedirect, "https", nil},
		{"opaque", "https://api.example.com/v1/from", "data:text/html,x", FailureRedirect, "https", nil},
		{"no URL", "https://api.example.com/v1/from", "https://api.example.com:x/", FailureRedirect, "nowhere", nil},
		{"itself", "https://api.example.com/v1/from", "/v1/from", FailureRedirect, "number 6", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			location, status, seen, inside = tt.to, 302, nil, 0
			answer, err := get(t, access(t, n.options(), narrow), tt.from)
			if tt.want == "" {
				if err != nil || len(seen) != 2 || answer.Status != 200 {
					t.Fatalf("%v; %d requests arrived", err, len(seen))
				}
				return
			}
			wantFailure(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("%v, want something with %q", err, tt.detail)
			}
			if tt.name != "itself" && len(seen) != 1 || inside != 0 {
				t.Errorf("%d requests arrived, %d inside", len(seen), inside)
			}
			if tt.wider != nil {
				seen = nil
				if _, err := get(t, access(t, n.options(), *tt.wider), tt.from); err != nil || len(seen) != 2 {
					t.Errorf("with wider rules: %v; %d requests arrived", err, len(seen))
				}
			}
		})
	}
	t.Run("control", func(t *testing.T) {
		for _, to := range []string{"http://inside.example.com/v1/to", "http://10.0.0.1/", "http://2130706433/", "/v1/%2e%2e/admin", "http://a:b@evil.example/"} {
			location, seen, inside = to, nil, 0
			client := stock(n)
			if strings.Contains(to, "10.0.0.1") {
				n.names["10.0.0.1."] = [][]netip.Addr{{netip.MustParseAddr("10.0.0.1")}}
			}
			resp, err := client.Get("http://api.example.com/v1/from")
			readAll(t, resp, err)
			if len(seen)+inside != 2 {
				t.Errorf("%s was not followed by the control", to)
			}
		}
	})
	t.Run("not followed", func(t *testing.T) {
		location, seen = "https://evil.example/", nil
		o := n.options()
		o.MaxRedirects = 0
		answer, err := get(t, access(t, o, narrow), "https://api.example.com/v1/from")
		if err != nil || answer.Status != 302 || answer.Headers["location"] != location || answer.Body != "moved" || len(seen) != 1 {
			t.Errorf("%+v, %v; %d requests arrived", answer, err, len(seen))
		}
	})
	t.Run("not a redirect", func(t *testing.T) {
		location, seen = "https://evil.example/", nil
		for _, status = range []int{201, 300, 304, 404} {
			if answer, err := get(t, access(t, n.options(), narrow), "https://api.example.com/v1/from"); err != nil || answer.Status != status {
				t.Errorf("%d: %+v, %v", status, answer, err)
			}
		}
	})
	t.Run("methods", func(t *testing.T) {
		location = "/v1/to"
		for _, tt := range []struct {
			status       int
			method, then string
		}{
			{301, "POST", "GET"}, {302, "POST", "GET"}, {303, "POST", "GET"}, {307, "POST", "POST"}, {308, "POST", "POST"},
			{301, "PUT", "PUT"}, {303, "PUT", "GET"}, {303, "HEAD", "HEAD"}, {302, "GET", "GET"}, {308, "DELETE", "DELETE"},
		} {
			status, seen = tt.status, nil
			r := Request{Method: tt.method, URL: "https://api.example.com/v1/from", Headers: map[string]string{"Content-Type": "text/x", "Accept": "a"}}
			if tt.method != "GET" && tt.method != "HEAD" {
				r.Body = "body"
			}
			if _, err := do(t, access(t, n.options(), wide()), r); err != nil {
				t.Fatal(err)
			}
			want := arrival{Method: tt.then, Host: "api.example.com", URI: "/v1/to", Accept: "a"}
			if tt.then == tt.method {
				want.Body, want.Type = r.Body, "text/x"
			}
			if diff := cmp.Diff(want, seen[len(seen)-1]); diff != "" {
				t.Errorf("%d %s (-want +got):\n%s", tt.status, tt.method, diff)
			}
			// The method after the redirect has to be allowed too.
			if tt.then != tt.method {
				only := wide()
				only.Methods = []string{tt.method}
				seen = nil
				_, err := do(t, access(t, n.options(), only), r)
				wantFailure(t, err, FailureRedirect)
				if len(seen) != 1 {
					t.Errorf("%d requests arrived", len(seen))
				}
			}
		}
	})
	t.Run("secrets", func(t *testing.T) {
		for to, stay := range map[string]bool{"/v1/to": true, "https://example.com/v1/to": false, "https://api.example.com:8443/v1/to": false} {
			location, status, seen = to, 307, nil
			r := Request{URL: "https://api.example.com/v1/from", Headers: map[string]string{"Authorization": "secret", "X-Api-Key": "secret", "Accept": "a"}}
			if _, err := do(t, access(t, n.options(), wide()), r); err != nil {
				t.Fatal(err)
			}
			last := seen[len(seen)-1]
			if (last.Authorization == "secret") != stay || (last.Key == "secret") != stay || last.Accept != "a" {
				t.Errorf("to %s went %+v", to, last)
			}
		}
	})
}

// FuzzRedirect: wherever a redirect leads, the next request is one that the rules
// allow, and is as protected as the one before.
func FuzzRedirect(f *testing.F) {
	for _, raw := range seeds() {
		f.Add(raw)
	}
	for _, raw := range []string{"/v1/to", "to", "../v1/to", "//example.com/v1/x", "///example.com/v1", "?q", "#f", "/v1/../a", `\\evil.example\v1`, "https:v1", "/%2e%2e/"} {
		f.Add(raw)
	}
	client, err := New((&network{}).options())
	if err != nil {
		f.Fatal(err)
	}
	rules := Rules{Hosts: []string{"example.com", "*.example.com"}, Paths: []string{"/v1"}, PlainHTTP: true}
	a, err := client.Allow(rules)
	if err != nil {
		f.Fatal(err)
	}
	c, err := a.Prepare(Request{URL: "https://api.example.com/v1/from"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, location string) {
		next, err := c.follow(302, location)
		if err != nil {
			wantFailure(t, err, FailureRedirect)
			return
		}
		u, err := url.Parse(next.target.String())
		if err != nil {
			t.Fatal(err)
		}
		host := u.Hostname()
		if u.Scheme != "https" || u.Port() != "" || host != "example.com" && !strings.HasSuffix(host, ".example.com") ||
			u.Path != "/v1" && !strings.HasPrefix(u.Path, "/v1/") || u.User != nil {
			t.Errorf("%q leads to %s", location, u)
		}
		checkReadings(t, next.target)
	})
}
