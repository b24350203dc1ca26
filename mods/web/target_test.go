package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// goodURLs have the form in which they are sent beside them.
var goodURLs = map[string]string{
	"https://api.example.com":                       "https://api.example.com/",
	"https://api.example.com/":                      "https://api.example.com/",
	"HTTPS://API.Example.COM/Path":                  "https://api.example.com/Path",
	"https://api.example.com:443/":                  "https://api.example.com/",
	"http://api.example.com:80/":                    "http://api.example.com/",
	"http://api.example.com:443/":                   "http://api.example.com:443/",
	"https://api.example.com:8443/a/b/":             "https://api.example.com:8443/a/b/",
	"https://api.example.com?":                      "https://api.example.com/",
	"https://api.example.com?a=b&c=%20%2f..;x":      "https://api.example.com/?a=b&c=%20%2f..;x",
	"https://api.example.com/?u=http://127.0.0.1/@": "https://api.example.com/?u=http://127.0.0.1/@",
	"https://api.example.com/a%20b%c3%a4":           "https://api.example.com/a%20b%C3%A4",
	"https://api.example.com/.well-known/a..b/c.":   "https://api.example.com/.well-known/a..b/c.",
	"https://api.example.com/a%40b@c:d,e=f!$&'()*+": "https://api.example.com/a%40b@c:d,e=f!$&'()*+",
	"https://xn--bcher-kva.example/":                "https://xn--bcher-kva.example/",
	"https://1.2.3.com/":                            "https://1.2.3.com/",
	"https://a--b.x1/":                              "https://a--b.x1/",
}

func TestGoodURLs(t *testing.T) {
	for raw, want := range goodURLs {
		got, err := parseTarget(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got.String() != want {
			t.Errorf("%s is read as %s, want %s", raw, got, want)
		}
		checkReadings(t, got)
	}
}

// badURLs are refused, each for what its error has to contain.
var badURLs = []struct{ url, why string }{
	{"", "begin with https"},
	{"api.example.com/", "begin with https"},
	{"//api.example.com/", "begin with https"},
	{"https:api.example.com/", "begin with https"},
	{"https:/api.example.com/", "begin with https"},
	{"https:///api.example.com/", "empty"},
	{"ftp://api.example.com/", "begin with https"},
	{"file:///etc/passwd", "begin with https"},
	{"gopher://api.example.com/", "begin with https"},
	{"javascript:alert(1)", "begin with https"},
	{" https://api.example.com/", "percent-encoded"},
	{"https://api.example.com/\r\nHost: x", "percent-encoded"},
	{"https://api.example.com/\x00", "percent-encoded"},
	{"https://api.example.com/a b", "percent-encoded"},
	{"https://api.example.com/ä", "percent-encoded"},
	{"https://bücher.example/", "xn--"},
	{"https://ｅxample.com/", "xn--"},
	{"https://example。com/", "xn--"},
	{"https://api.example.com/" + strings.Repeat("a", maxURL), "at most"},

	{"https://user@api.example.com/", "user name"},
	{"https://user:pw@api.example.com/", "user name"},
	{"https://api.example.com@evil.example/", "user name"},
	{"https://api.example.com:443@evil.example/", "user name"},
	{"https://@api.example.com/", "user name"},
	{`https://evil.example\@api.example.com/`, "begins with"},
	{`https://api.example.com\.evil.example/`, "begins with"},
	{`https://api.example.com\a`, "begins with"},
	{"https://api.example.com#@evil.example/", "fragment"},
	{"https://api.example.com/#x", "fragment"},

	{"https://api.example.com./", "dot"},
	{"https://api..example.com/", "empty"},
	{"https://.example.com/", "empty"},
	{"https://./", "empty"},
	{"https://-a.example.com/", "'-'"},
	{"https://a-.example.com/", "'-'"},
	{"https://a_b.example.com/", "letters"},
	{"https://a%2eb.example.com/", "letters"},
	{"https://api.example.com%00.evil.example/", "letters"},
	{"https://api.example.com,evil.example/", "letters"},
	{"https://" + strings.Repeat("a", 64) + ".example/", "63"},
	{"https://" + strings.Repeat("a.", 127) + "example/", "253"},
	{"https://localhost/", "no dot"},
	{"https://metadata/", "no dot"},

	{"https://127.0.0.1/", "address"},
	{"https://127.1/", "address"},
	{"https://2130706433/", "address"},
	{"https://0x7f000001/", "address"},
	{"https://0x7f.0.0.1/", "address"},
	{"https://0177.0.0.1/", "address"},
	{"https://017700000001/", "address"},
	{"https://169.254.169.254/latest/meta-data/", "address"},
	{"https://1.2.3.4.5/", "address"},
	{"https://a.0x1/", "address"},
	{"https://[::1]/", "port"},
	{"https://[::ffff:127.0.0.1]/", "port"},
	{"https://[fe80::1%25eth0]/", "port"},
	{"https://[fd00:ec2::254]/", "port"},

	{"https://api.example.com:/", "port"},
	{"https://api.example.com:0/", "port"},
	{"https://api.example.com:0443/", "port"},
	{"https://api.example.com:+443/", "port"},
	{"https://api.example.com:65536/", "port"},
	{"https://api.example.com:443:443/", "port"},
	{"https://api.example.com:https/", "port"},
	{"https://api.example.com:4_43/", "port"},

	{"https://api.example.com//", "two slashes"},
	{"https://api.example.com/a//b", "two slashes"},
	{"https://api.example.com/./a", "dots"},
	{"https://api.example.com/a/..", "dots"},
	{"https://api.example.com/a/../b", "dots"},
	{"https://api.example.com/a/..%20/b", "dots"},
	{"https://api.example.com/a/.../b", "dots"},
	{"https://api.example.com/a/%20/b", "dots"},
	{"https://api.example.com/a/%2e%2e/b", "%2e"},
	{"https://api.example.com/a/%2E./b", "%2E"},
	{"https://api.example.com/a/..;/b", "';'"},
	{"https://api.example.com/a;v=1/b", "';'"},
	{"https://api.example.com/a%3b/b", "%3b"},
	{"https://api.example.com/a%2fb", "%2f"},
	{"https://api.example.com/a%5cb", "%5c"},
	{"https://api.example.com/a%252e", "%25"},
	{"https://api.example.com/a%3fb", "%3f"},
	{"https://api.example.com/a%23b", "%23"},
	{"https://api.example.com/%61dmin", "%61"},
	{"https://api.example.com/a%00", "%00"},
	{"https://api.example.com/a%0d%0aX:%20y", "%0d"},
	{"https://api.example.com/a%7f", "%7f"},
	{"https://api.example.com/%c0%ae%c0%ae/", "UTF-8"},
	{"https://api.example.com/a%ff", "UTF-8"},
	{"https://api.example.com/%ef%bc%8e%ef%bc%8e/", "U+FF0E"},
	{"https://api.example.com/a%ef%bc%8fb", "U+FF0F"},
	{"https://api.example.com/%e2%80%a5/a", "U+2025"},
	{"https://api.example.com/a%e2%81%84b", "U+2044"},
	{"https://api.example.com/a%", "two hexadecimal"},
	{"https://api.example.com/a%2", "two hexadecimal"},
	{"https://api.example.com/a%zz", "two hexadecimal"},
	{"https://api.example.com/a%+1", "two hexadecimal"},
	{`https://api.example.com/a\..\b`, "must not"},
	{"https://api.example.com/a|b", "must not"},
	{"https://api.example.com/?a=%g0", "two hexadecimal"},
	{"https://api.example.com/?a=%4", "two hexadecimal"},
	{`https://api.example.com/?a="b"`, "percent-encoded"},
}

func TestBadURLs(t *testing.T) {
	for _, tt := range badURLs {
		got, err := parseTarget(tt.url)
		if err == nil {
			t.Errorf("%q is read as %s", tt.url, got)
		} else if !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%q: %v, want something with %q", clip(tt.url), err, tt.why)
		}
	}
}

// TestStockClientSendsBadURLs is the control of TestBadURLs: a client without these
// checks, on a network in which every name leads to the same server, sends these.
func TestStockClientSendsBadURLs(t *testing.T) {
	var arrived string
	n := newNetwork(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived = r.Host + r.RequestURI }))
	client := stock(n)
	for raw, want := range map[string]string{
		"http://user:pw@api.example.com/":         "api.example.com/",
		"http://api.example.com@evil.example/":    "evil.example/",
		"http://2130706433/":                      "2130706433/",
		"http://0x7f.1/":                          "0x7f.1/",
		"http://169.254.169.254/latest":           "169.254.169.254/latest",
		"http://[::1]/":                           "[::1]/",
		"http://localhost/":                       "localhost/",
		"http://api.example.com./":                "api.example.com./",
		"http://api.example.com:/":                "api.example.com/",
		"http://api.example.com:0080/":            "api.example.com:0080/",
		"http://bücher.example/":                  "xn--bcher-kva.example/",
		"http://api.example.com/v1/../admin":      "api.example.com/v1/../admin",
		"http://api.example.com/v1/%2e%2e/admin":  "api.example.com/v1/%2e%2e/admin",
		"http://api.example.com/v1/..;/admin":     "api.example.com/v1/..;/admin",
		"http://api.example.com/v1//admin":        "api.example.com/v1//admin",
		"http://api.example.com/v1/..%5c..%2fx":   "api.example.com/v1/..%5c..%2fx",
		"http://api.example.com/v1/%252e%252e/x":  "api.example.com/v1/%252e%252e/x",
		"http://api.example.com/v1/%c0%ae%c0%ae/": "api.example.com/v1/%c0%ae%c0%ae/",
	} {
		arrived = ""
		resp, err := client.Get(raw)
		readAll(t, resp, err)
		if arrived != want {
			t.Errorf("%s arrived as %q, want %q", raw, arrived, want)
		}
		if got, err := parseTarget(raw); err == nil {
			t.Errorf("%s is read as %s", raw, got)
		}
	}
}

// checkReadings holds what was accepted against the reading of package url, which
// package http sends by.
func checkReadings(t *testing.T, got target) {
	t.Helper()
	u, err := url.Parse(got.String())
	if err != nil {
		t.Errorf("package url does not read %s: %v", got, err)
		return
	}
	type reading struct{ Scheme, Host, Port, Path, Encoded, Query string }
	port := u.Port()
	if port == "" {
		port = fmt.Sprint(defaultPort(u.Scheme))
	}
	theirs := reading{u.Scheme, u.Hostname(), port, u.Path, u.EscapedPath(), u.RawQuery}
	ours := reading{got.scheme, got.host, fmt.Sprint(got.port), got.decoded, got.path, got.query}
	if diff := cmp.Diff(ours, theirs); diff != "" {
		t.Errorf("%s (-ours +package url):\n%s", got, diff)
	}
	if u.User != nil || u.Opaque != "" || u.Fragment != "" || u.String() != got.String() {
		t.Errorf("%s is %#v for package url", got, u)
	}
	again, err := parseTarget(got.String())
	if err != nil || again != got {
		t.Errorf("%s read again: %v, %v", got, again, err)
	}
	if clean, err := url.JoinPath("https://x.example/", got.path); err != nil || clean != "https://x.example"+got.path {
		t.Errorf("the path %s is cleaned to %s (%v)", got.path, clean, err)
	}
}

func TestEscape(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	back, err := url.QueryUnescape(Escape(string(all)))
	if err != nil || back != string(all) {
		t.Errorf("%q, %v", back, err)
	}
	if got := Escape("a b+c/ä~"); got != "a%20b%2Bc%2F%C3%A4~" {
		t.Error(got)
	}
}

// seeds are where fuzzing begins.
func seeds() []string {
	var out []string
	for raw := range goodURLs {
		out = append(out, raw)
	}
	for _, tt := range badURLs {
		out = append(out, tt.url)
	}
	return out
}

func TestSeedsExist(t *testing.T) {
	good, bad := 0, 0
	for _, raw := range seeds() {
		if _, err := parseTarget(raw); err == nil {
			good++
		} else {
			bad++
		}
	}
	if good < 10 || bad < 80 {
		t.Errorf("%d seeds that are accepted, %d that are refused", good, bad)
	}
}

// FuzzTarget: what is accepted is read the same by package url, sends what was
// checked, and is dialled at an allowed host and nowhere else.
func FuzzTarget(f *testing.F) {
	for _, raw := range seeds() {
		f.Add(raw)
	}
	rules := wide()
	rules.Paths = []string{"/v1", "/a/"}
	client, err := New((&network{}).options())
	if err != nil {
		f.Fatal(err)
	}
	a, err := client.Allow(rules)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parseTarget(raw)
		if err != nil {
			if len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		checkReadings(t, got)
		if a.rules.check("GET", got) != nil {
			return
		}
		if got.host != "example.com" && !strings.HasSuffix(got.host, ".example.com") {
			t.Errorf("%q goes to %s", raw, got.host)
		}
		if p := got.decoded; p != "/v1" && !strings.HasPrefix(p, "/v1/") && !strings.HasPrefix(p, "/a/") {
			t.Errorf("%q has the path %s", raw, p)
		}
		req, err := http.NewRequest("GET", got.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var sent strings.Builder
		if err := req.Write(&sent); err != nil {
			t.Fatal(err)
		}
		uri := got.path
		if got.query != "" {
			uri += "?" + got.query
		}
		if want := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n", uri, got.authority()); !strings.HasPrefix(sent.String(), want) {
			t.Errorf("%q is sent as %q, want %q", raw, sent.String(), want)
		}
	})
}
