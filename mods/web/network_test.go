package web

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Addresses that are public, and that nothing in these tests is really sent to.
var (
	publicOne = netip.MustParseAddr("93.184.215.14")
	publicTwo = netip.MustParseAddr("2606:2800:21f:cb07:6820:80da:af6b:8b2c")
	loopback  = netip.MustParseAddr("127.0.0.1")
)

// network is an internet of its own: names, and servers at public addresses, which
// in truth listen on loopback. What connects is replaced, and nothing else: every
// guard before it is the product's.
type network struct {
	mu      sync.Mutex
	names   map[string][][]netip.Addr // successive answers; the last stays
	servers map[netip.AddrPort]string
	lookups []string
	dialled []netip.AddrPort
	roots   *x509.CertPool
}

// newNetwork returns a network with a TLS server at publicOne:443 and a plain one
// at publicOne:80, with the same handler, under the names example.com and
// api.example.com.
func newNetwork(t *testing.T, h http.Handler) *network {
	t.Helper()
	n := &network{names: map[string][][]netip.Addr{}, servers: map[netip.AddrPort]string{}, roots: x509.NewCertPool()}
	secure := httptest.NewUnstartedServer(h)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are meant to
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(h)
	t.Cleanup(plain.Close)
	n.roots.AddCert(secure.Certificate())
	n.servers[netip.AddrPortFrom(publicOne, 443)] = secure.Listener.Addr().String()
	n.servers[netip.AddrPortFrom(publicOne, 8443)] = secure.Listener.Addr().String()
	n.servers[netip.AddrPortFrom(publicOne, 80)] = plain.Listener.Addr().String()
	n.resolves("example.com", publicOne)
	n.resolves("api.example.com", publicOne)
	return n
}

// resolves adds an answer to those that a name gives.
func (n *network) resolves(name string, to ...netip.Addr) {
	n.names[name+"."] = append(n.names[name+"."], to)
}

func (n *network) lookup(_ context.Context, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups = append(n.lookups, host)
	answers := n.names[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, Server: "10.0.0.53", IsNotFound: true}
	}
	if len(answers) > 1 {
		n.names[host] = answers[1:]
	}
	return answers[0], nil
}

func (n *network) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	n.dialled = append(n.dialled, to)
	real, ok := n.servers[to]
	n.mu.Unlock()
	if !ok {
		return nil, errors.New("connection refused")
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", real)
}

// options allow everything that can be allowed in this network.
func (n *network) options() Options {
	return Options{
		AllowHosts: []string{"*", "*:8443"}, AllowMethods: methods, AllowHeaders: []string{"Authorization", "X-Api-Key"},
		AllowPlainHTTP: true, MaxRedirects: 5, MaxInFlight: 10, RootCAs: n.roots,
		Lookup: n.lookup, connect: n.connect,
		interfaces: func() ([]net.Addr, error) { return nil, nil },
	}
}

// wide are rules that allow everything of the two hosts.
func wide() Rules {
	return Rules{
		Hosts: []string{"example.com", "*.example.com", "*.example.com:8443"}, Methods: methods,
		Headers: []string{"Authorization", "X-Api-Key"}, PlainHTTP: true,
	}
}

func access(t *testing.T, o Options, r Rules) *Access {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Allow(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// do makes a request, which has to be allowed.
func do(t *testing.T, a *Access, r Request) (*Response, error) {
	t.Helper()
	c, err := a.Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(t.Context())
}

func get(t *testing.T, a *Access, url string) (*Response, error) {
	t.Helper()
	return do(t, a, Request{URL: url})
}

// wantFailure reports whether err is a FailedError of this kind, whose text for
// scripts names no address.
func wantFailure(t *testing.T, err error, want Failure) {
	t.Helper()
	f, ok := errors.AsType[*FailedError](err)
	if !ok {
		t.Fatalf("error %v (%T), want a FailedError: %s", err, err, want)
	}
	if f.Failure != want {
		t.Errorf("failure %q, want %q: %v", f.Failure, want, err)
	}
	for _, secret := range []string{"127.0.0", "10.0.0", "93.184", "169.254", "%!"} {
		if f.Failure != FailureRedirect && strings.Contains(f.LuaMessage(), secret) { // a redirect's target is the server's text
			t.Errorf("a script is told %q", f.LuaMessage())
		}
	}
}

func wantDenied(t *testing.T, err error, rule string) {
	t.Helper()
	d, ok := errors.AsType[*DeniedError](err)
	if !ok {
		t.Fatalf("error %v (%T), want a DeniedError", err, err)
	}
	if d.Rule != rule {
		t.Errorf("rule %q, want %q: %v", d.Rule, rule, err)
	}
	if len(d.Text) > 1000 {
		t.Errorf("a text of %d bytes", len(d.Text))
	}
}

// stock is what a client does that nobody has guarded, in the same network. It
// connects to servers on loopback too, as the addresses of a network inside.
func stock(n *network) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(hostPort)
			if err != nil {
				return nil, err
			}
			ip := publicOne
			if answers := n.names[strings.TrimSuffix(strings.ToLower(host), ".")+"."]; len(answers) > 0 {
				ips, err := n.lookup(ctx, strings.TrimSuffix(strings.ToLower(host), ".")+".")
				if err != nil {
					return nil, err
				}
				ip = ips[0]
			}
			to, err := netip.ParseAddrPort(net.JoinHostPort(ip.String(), port))
			if err != nil {
				return nil, err
			}
			return n.connect(ctx, to)
		},
		DisableKeepAlives: true,
	}}
}

// readAll returns the body of a stock client's response.
func readAll(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
