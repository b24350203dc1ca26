package web

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestExchange: what is sent is what was asked for and nothing else, and so is what
// comes back.
func TestExchange(t *testing.T) {
	var got string
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var dump strings.Builder
		fmt.Fprintf(&dump, "%s %s %s %s\n", r.Method, r.Host, r.RequestURI, r.Proto)
		_ = r.Header.Write(&dump)
		fmt.Fprintf(&dump, "%s", body)
		got = strings.ReplaceAll(dump.String(), "\r\n", "\n")
		w.Header()["X-Two"] = []string{"a", "b"}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Set-Cookie", "id=1")
		w.Header().Set("Alt-Svc", `h3=":443"`)
		w.Header()["Date"] = nil
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("\x00\xff\r\n"))
	}))
	a := access(t, n.options(), wide())
	answer, err := do(t, a, Request{
		Method: "POST", URL: "https://API.example.com/v1?q=%20", Body: "\x00body",
		Headers: map[string]string{"content-TYPE": "text/x", "x-api-key": "k", "authorization": "Bearer a\tb"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "POST api.example.com /v1?q=%20 HTTP/1.1\nAuthorization: Bearer a\tb\nConnection: close\nContent-Length: 5\nContent-Type: text/x\nUser-Agent: modrunner\nX-Api-Key: k\n\x00body"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&Response{
		Status: 418, Body: "\x00\xff\r\n", URL: "https://api.example.com/v1?q=%20",
		Headers: map[string]string{"content-length": "4", "content-type": "application/octet-stream", "x-two": "a, b"},
	}, answer); diff != "" {
		t.Errorf("got (-want +got):\n%s", diff)
	}
	if _, err := do(t, a, Request{Method: "HEAD", URL: "https://example.com/"}); err != nil {
		t.Fatal(err)
	}
	if want := "HEAD example.com / HTTP/1.1\nConnection: close\nUser-Agent: modrunner\n"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"api.example.com.", "example.com."}, n.lookups); diff != "" {
		t.Errorf("names asked for: %s", diff)
	}
}

// TestHeaders: every request header that is not allowed, and the control that
// package http sends it.
func TestHeaders(t *testing.T) {
	var arrived http.Header
	n := newNetwork(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived = r.Header.Clone() }))
	a := access(t, n.options(), wide())
	for name, rule := range map[string]string{
		"Cookie": "", "Proxy-Authorization": "", "Proxy-Connection": "", "TE": "", "Keep-Alive": "", "Upgrade": "", "Connection": "",
		"X-HTTP-Method-Override": "", "X-Original-URL": "", "X-Forwarded-For": "", "Forwarded": "", "Referer": "",
		"Origin": "", "Sec-Fetch-Site": "", "User-Agent": "", "Accept-Encoding": "", "Expect": "",
		"X-Other": "headers", "Range": "headers",
	} {
		_, err := a.Prepare(Request{URL: "http://example.com/", Headers: map[string]string{name: "x"}})
		wantDenied(t, err, rule)
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(name, "x")
		resp, err := stock(n).Do(req)
		readAll(t, resp, err)
		if _, ok := arrived[http.CanonicalHeaderKey(name)]; !ok && name != "Expect" { // which the server answers by itself
			t.Errorf("the control did not send %s", name)
		}
	}
	long := strings.Repeat("x", maxRequestHeaderBytes)
	many := map[string]string{}
	for i := range maxRequestHeaders + 1 {
		many[fmt.Sprint("X-", i)] = ""
	}
	for name, headers := range map[string]map[string]string{
		"Host":                          {"Host": "evil.example"},
		"Content-Length":                {"Content-Length": "0"},
		"Transfer-Encoding":             {"Transfer-Encoding": "chunked"},
		"Trailer":                       {"Trailer": "X"},
		"empty name":                    {"": "x"},
		"line in the name":              {"Accept: x\r\nHost": "x"},
		"colon":                         {"Accept:": "x"},
		"space":                         {"Accept ": "x"},
		"not ASCII":                     {"Äccept": "x"},
		"Kelvin sign":                   {"X-Api-\u212aey": "x"},
		"underscore":                    {"X_Api_Key": "x"},
		"long name":                     {strings.Repeat("a", 65): "x"},
		"twice":                         {"Accept": "a", "accept": "b"},
		"line":                          {"Accept": "a\r\nHost: evil.example"},
		"line feed":                     {"Accept": "a\nb"},
		"carriage return":               {"Accept": "a\rb"},
		"zero":                          {"Accept": "a\x00b"},
		"delete":                        {"Accept": "a\x7f"},
		"not ASCII in a value":          {"Accept": "ä"},
		"spaces around":                 {"Accept": " a"},
		"too long":                      {"Accept": long},
		"too many":                      many,
		"authorization, not encrypted":  {"Authorization": "Bearer x"},
		"authorization in some letters": {"aUTHORIZATION": "Bearer x"},
	} {
		_, err := a.Prepare(Request{URL: "http://example.com/", Headers: headers})
		if err == nil {
			t.Errorf("%s: allowed", name)
			continue
		}
		wantDenied(t, err, "")
	}
	if _, err := do(t, a, Request{URL: "http://example.com/", Headers: map[string]string{"Accept": "a\tb", "If-None-Match": `"x"`, "X-API-KEY": ""}}); err != nil {
		t.Error(err)
	}
	if arrived.Get("Accept") != "a\tb" || arrived.Get("If-None-Match") != `"x"` {
		t.Errorf("arrived: %v", arrived)
	}
}

func TestRequestBounds(t *testing.T) {
	arrived := 0
	n := newNetwork(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		arrived = len(b)
	}))
	o := n.options()
	o.MaxRequestBytes, o.MaxResponseBytes, o.Timeout = 1000, 5000, time.Minute
	a := access(t, o, wide())
	post := func(body string) Request {
		return Request{Method: "POST", URL: "https://example.com/", Body: body}
	}
	if _, err := do(t, a, post(strings.Repeat("x", 1000))); err != nil || arrived != 1000 {
		t.Errorf("%v; %d bytes arrived", err, arrived)
	}
	for name, r := range map[string]Request{
		"body":         post(strings.Repeat("x", 1001)),
		"body of GET":  {URL: "https://example.com/", Body: "x"},
		"body of HEAD": {Method: "HEAD", URL: "https://example.com/", Body: "x"},
		"timeout":      {URL: "https://example.com/", Timeout: -1},
		"response":     {URL: "https://example.com/", MaxResponseBytes: -1},
	} {
		if _, err := a.Prepare(r); err == nil {
			t.Errorf("%s: allowed", name)
		} else {
			wantDenied(t, err, "")
		}
	}
	for _, tt := range []struct {
		ask, want     time.Duration
		bytes, wanted int64
	}{{0, time.Minute, 0, 5000}, {time.Second, time.Second, 10, 10}, {time.Hour, time.Minute, 1 << 40, 5000}} {
		r := post("body")
		r.Timeout, r.MaxResponseBytes, r.Headers = tt.ask, tt.bytes, map[string]string{"Accept": "x"}
		c, err := a.Prepare(r)
		if err != nil {
			t.Fatal(err)
		}
		if c.timeout != tt.want || c.most != tt.wanted || c.Bytes() != int64(len("https://example.com/")+len("body")+len("Accept")+len("x"))+tt.wanted {
			t.Errorf("asked for %v and %d: %v, %d, %d bytes in all", tt.ask, tt.bytes, c.timeout, c.most, c.Bytes())
		}
	}
}

// TestRebinding: a name whose first answer is public and whose next is not. What was
// checked is what is dialled, whatever the name says next.
func TestRebinding(t *testing.T) {
	newRebound := func() (*network, *atomic.Int32, *atomic.Int32) {
		var outside, inside atomic.Int32
		n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { outside.Add(1) }))
		private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
		t.Cleanup(private.Close)
		n.servers[netip.AddrPortFrom(loopback, 80)] = private.Listener.Addr().String()
		n.resolves("rebind.example.com", publicOne)
		n.resolves("rebind.example.com", loopback)
		return n, &outside, &inside
	}
	n, outside, inside := newRebound()
	a := access(t, n.options(), wide())
	if _, err := get(t, a, "http://rebind.example.com/"); err != nil {
		t.Fatal(err)
	}
	if len(n.lookups) != 1 {
		t.Errorf("%d lookups for one request: %q", len(n.lookups), n.lookups)
	}
	_, err := get(t, a, "http://rebind.example.com/")
	wantFailure(t, err, FailureAddress)
	if outside.Load() != 1 || inside.Load() != 0 {
		t.Errorf("%d requests arrived outside, %d inside", outside.Load(), inside.Load())
	}

	// The control: a client that checks the name and then connects by name.
	n, _, inside = newRebound()
	first, err := n.lookup(t.Context(), "rebind.example.com.")
	if err != nil || newAddressGuard(nil, nil, noInterfaces).check(first[0]) != nil {
		t.Fatal("the first answer is public", err)
	}
	resp, err := stock(n).Get("http://rebind.example.com/")
	readAll(t, resp, err)
	if inside.Load() != 1 {
		t.Error("the control did not arrive inside")
	}
}

// TestNames: what a name resolves to decides.
func TestNames(t *testing.T) {
	arrived := 0
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	mapped := netip.AddrFrom16(publicOne.As16())
	n.resolves("mapped.example.com", mapped)
	n.resolves("mapped-private.example.com", netip.MustParseAddr("::ffff:10.0.0.1"))
	n.resolves("mixed.example.com", publicOne, netip.MustParseAddr("10.0.0.1"))
	n.resolves("second.example.com", publicTwo, publicOne)
	n.resolves("nobody.example.com", publicTwo)
	n.resolves("empty.example.com")
	n.resolves("metadata.example.com", netip.MustParseAddr("169.254.169.254"))
	var lots []netip.Addr
	for ip := publicTwo; len(lots) < 100; ip = ip.Next() {
		lots = append(lots, ip)
	}
	n.resolves("lots.example.com", lots...)
	a := access(t, n.options(), wide())
	for name, want := range map[string]Failure{
		"mapped": "", "second": "",
		"mapped-private": FailureAddress, "mixed": FailureAddress, "metadata": FailureAddress,
		"nobody": FailureConnect, "empty": FailureName, "unknown": FailureName, "lots": FailureConnect,
	} {
		n.dialled, arrived = nil, 0
		_, err := get(t, a, "http://"+name+".example.com/")
		switch {
		case want == "" && (err != nil || arrived != 1):
			t.Errorf("%s: %v; %d requests arrived", name, err, arrived)
		case want != "":
			wantFailure(t, err, want)
		}
		if want == FailureAddress && len(n.dialled) > 0 {
			t.Errorf("%s: dialled %v", name, n.dialled)
		}
		if len(n.dialled) > maxAddresses {
			t.Errorf("%s: %d dialled", name, len(n.dialled))
		}
		for _, to := range n.dialled {
			if to.Addr().Is4In6() || to.Port() != 80 {
				t.Errorf("%s: dialled %v", name, to)
			}
		}
	}
	// The lookup's own slice is not changed: it may be shared.
	if n.names["mapped.example.com."][0][0] != mapped {
		t.Error("the answer of the lookup was changed")
	}
}

// TestProxies: the environment's proxy is not asked. The control has the same
// transport with a proxy.
func TestProxies(t *testing.T) {
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	proxied := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied++ }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	a := access(t, n.options(), wide())
	if a.client.transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
	if _, err := get(t, a, "http://example.com/"); err != nil || proxied != 0 {
		t.Errorf("%v; %d requests went to the proxy", err, proxied)
	}
	to, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.client.transport.Proxy = http.ProxyURL(to)
	a.client.transport.DialContext = nil
	if _, err := get(t, a, "http://example.com/"); err != nil || proxied != 1 {
		t.Errorf("the control: %v; %d requests went to the proxy", err, proxied)
	}
}

// TestNothingIsKept: no cookie and no connection goes from one request to the next.
func TestNothingIsKept(t *testing.T) {
	cookies := 0
	remotes := map[string]bool{}
	resumed := 0
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies += len(r.Cookies())
		remotes[r.RemoteAddr] = true
		if r.TLS != nil && r.TLS.DidResume {
			resumed++
		}
		http.SetCookie(w, &http.Cookie{Name: "id", Value: "1", Path: "/"})
	}))
	a := access(t, n.options(), wide())
	for range 3 {
		answer, err := get(t, a, "https://example.com/")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := answer.Headers["set-cookie"]; ok {
			t.Error("a script gets cookies")
		}
	}
	if cookies != 0 || len(remotes) != 3 || resumed != 0 {
		t.Errorf("%d cookies, %d connections, %d sessions resumed", cookies, len(remotes), resumed)
	}
	// The control: a usual client.
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := stock(n)
	client.Jar = jar
	client.Transport.(*http.Transport).DisableKeepAlives = false
	defer client.CloseIdleConnections()
	clear(remotes)
	for range 3 {
		resp, err := client.Get("http://example.com/")
		readAll(t, resp, err)
	}
	if cookies != 2 || len(remotes) != 1 {
		t.Errorf("the control: %d cookies, %d connections", cookies, len(remotes))
	}
}

// TestCertificates: the server has to prove that it is the host.
func TestCertificates(t *testing.T) {
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	n.resolves("api.example.org", publicOne) // for which the server has no certificate
	rules := wide()
	rules.Hosts = append(rules.Hosts, "api.example.org")
	_, err := get(t, access(t, n.options(), rules), "https://api.example.org/")
	wantFailure(t, err, FailureCertificate)
	o := n.options()
	o.RootCAs = x509.NewCertPool()
	_, err = get(t, access(t, o, rules), "https://example.com/")
	wantFailure(t, err, FailureCertificate)
	if _, err := get(t, access(t, n.options(), rules), "https://example.com/"); err != nil { // the control
		t.Error(err)
	}
}
