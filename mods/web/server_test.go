package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestBodies: bodies up to the bound arrive whole, longer ones not at all, whatever
// the server says of their length; and nothing is unpacked.
func TestBodies(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 10 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	sent := make(chan int, 1)
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/exact":
			_, _ = w.Write(make([]byte, 20000))
		case "/long", "/chunked":
			if r.URL.Path == "/chunked" {
				w.(http.Flusher).Flush()
			}
			_, _ = w.Write(make([]byte, 20001))
		case "/endless":
			total := 0
			for block := make([]byte, 64<<10); ; total += len(block) {
				if _, err := w.Write(block); err != nil {
					break
				}
			}
			sent <- total
		case "/claims":
			w.Header().Set("Content-Length", "1000000000000")
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("x"))
		case "/head":
			w.Header().Set("Content-Length", "1000000000000")
		}
	}))
	o := n.options()
	o.MaxResponseBytes = 20000
	a := access(t, o, wide())
	for path, want := range map[string]Failure{
		"/exact": "", "/bomb": "", "/long": FailureTooLarge, "/chunked": FailureTooLarge, "/endless": FailureTooLarge,
		"/claims": FailureTooLarge, "/short": FailureConnect,
	} {
		answer, err := get(t, a, "https://example.com"+path)
		if want != "" {
			wantFailure(t, err, want)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if path == "/exact" && len(answer.Body) != 20000 || path == "/bomb" && answer.Body != packed.String() {
			t.Errorf("%s: %d bytes", path, len(answer.Body))
		}
	}
	if total := <-sent; total > 64<<20 {
		t.Errorf("%d bytes were sent before the connection was closed", total)
	}
	if answer, err := do(t, a, Request{Method: "HEAD", URL: "https://example.com/head"}); err != nil || answer.Body != "" || answer.Headers["content-length"] != "1000000000000" {
		t.Errorf("%+v, %v", answer, err)
	}
	c, err := a.Prepare(Request{URL: "https://example.com/exact", MaxResponseBytes: 19999})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context())
	wantFailure(t, err, FailureTooLarge)
	// The control: a usual client unpacks.
	resp, err := stock(n).Get("http://example.com/bomb")
	if body := readAll(t, resp, err); len(body) != 10<<20 {
		t.Errorf("the control got %d bytes", len(body))
	}
}

// listen handles every connection to the address that it returns with f, and waits
// for all of them at the end of the test.
func listen(t *testing.T, f func(conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				f(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String()
}

// raw makes a server at example.com:80 that answers every connection with f, after
// it has read the request's head. stop is closed when the test ends.
func raw(t *testing.T, n *network, f func(w io.Writer, stop <-chan struct{})) {
	t.Helper()
	stop := make(chan struct{})
	n.servers[netip.AddrPortFrom(publicOne, 80)] = listen(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			f(conn, stop)
		}
	})
	t.Cleanup(func() { close(stop) }) // before listen's, which waits
}

// TestServersThatMisbehave: every answer that is not one ends in a failure.
func TestServersThatMisbehave(t *testing.T) {
	n := newNetwork(t, http.NotFoundHandler())
	var text string
	raw(t, n, func(w io.Writer, _ <-chan struct{}) { _, _ = io.WriteString(w, text) })
	a := access(t, n.options(), wide())
	header := strings.Repeat("A: b\r\n", maxResponseHeaders)
	for name, tt := range map[string]struct {
		text string
		want Failure
	}{
		"fine":                {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"no reason":           {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", ""},
		"to the end":          {"HTTP/1.0 200 OK\r\n\r\nbody", ""},
		"odd status":          {"HTTP/1.1 999 Denied\r\nContent-Length: 0\r\n\r\n", ""},
		"as many headers":     {"HTTP/1.1 200 OK\r\n" + header + "\r\n", ""},
		"nothing":             {"", FailureProtocol},
		"not HTTP":            {"SSH-2.0-OpenSSH_9.9\r\n", FailureProtocol},
		"half a head":         {"HTTP/1.1 200 OK\r\nA: b", FailureProtocol},
		"status of 2 digits":  {"HTTP/1.1 20 OK\r\n\r\n", FailureProtocol},
		"status with letters": {"HTTP/1.1 2x0 OK\r\n\r\n", FailureProtocol},
		"switching":           {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", FailureProtocol},
		"continues for ever":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1000), FailureProtocol},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", FailureProtocol},
		"negative length":     {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", FailureProtocol},
		"folded":              {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", FailureProtocol},
		"many headers":        {"HTTP/1.1 200 OK\r\nB: c\r\n" + header + "\r\n", FailureProtocol},
		"long headers":        {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", maxResponseHeaderBytes+5000) + "\r\n\r\n", FailureProtocol},
		"bad chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", FailureConnect},
		"chunk without end":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", FailureConnect},
		"huge chunk":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.Repeat("f", 17) + "\r\n", FailureConnect},
	} {
		text = tt.text
		_, err := get(t, a, "http://example.com/")
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		t.Run(name, func(t *testing.T) { wantFailure(t, err, tt.want) })
	}
}

// TestSlowServers: a server that sends a byte now and then, in the head or in the
// body, or nothing at all, holds a request no longer than its timeout. The control
// is that the same servers, when they come to an end, are read.
func TestSlowServers(t *testing.T) {
	for name, begin := range map[string]string{
		"silent":          "",
		"trickles header": "HTTP/1.1 200 OK\r\nA: x",
		"trickles body":   "HTTP/1.0 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, http.NotFoundHandler())
			var most atomic.Int64 // bytes, after which it comes to an end
			most.Store(math.MaxInt64)
			raw(t, n, func(w io.Writer, stop <-chan struct{}) {
				_, err := io.WriteString(w, begin)
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for i := int64(0); i < most.Load() && err == nil; i++ {
					select {
					case <-stop:
						return
					case <-tick.C:
					}
					if begin != "" {
						_, err = io.WriteString(w, "x")
					}
				}
				switch name {
				case "silent":
					_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				case "trickles header":
					_, _ = io.WriteString(w, "\r\nContent-Length: 0\r\n\r\n")
				}
			})
			a := access(t, n.options(), wide())
			_, err := do(t, a, Request{URL: "http://example.com/", Timeout: 30 * time.Millisecond})
			wantFailure(t, err, FailureTimeout)
			most.Store(5)
			if _, err := do(t, a, Request{URL: "http://example.com/"}); err != nil {
				t.Errorf("the control: %v", err)
			}
		})
	}
	n := newNetwork(t, http.NotFoundHandler())
	a := access(t, n.options(), wide())
	t.Run("handshake", func(t *testing.T) {
		closed := make(chan error, 1)
		n.servers[netip.AddrPortFrom(publicOne, 443)] = listen(t, func(conn net.Conn) {
			_, err := io.Copy(io.Discard, conn) // until the client closes it
			closed <- err
		})
		_, err := do(t, a, Request{URL: "https://example.com/", Timeout: 30 * time.Millisecond})
		wantFailure(t, err, FailureTimeout)
		<-closed
	})
	t.Run("name server", func(t *testing.T) {
		o := n.options()
		o.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
		_, err := do(t, access(t, o, wide()), Request{URL: "https://example.com/", Timeout: 30 * time.Millisecond})
		wantFailure(t, err, FailureTimeout)
	})
	t.Run("connection", func(t *testing.T) {
		o := n.options()
		o.connect = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
		_, err := do(t, access(t, o, wide()), Request{URL: "https://example.com/", Timeout: 30 * time.Millisecond})
		wantFailure(t, err, FailureTimeout)
	})
}

// TestCancel: when the context ends, so does Do, and nothing is left: neither here
// nor at the server.
func TestCancel(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan struct{})
	n := newNetwork(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	}))
	o := n.options()
	o.MaxInFlight = 1
	a := access(t, o, wide())
	before := goleak.IgnoreCurrent()
	for _, url := range []string{"https://example.com/head", "https://example.com/body", "http://example.com/head", "http://example.com/body"} {
		c, err := a.Prepare(Request{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() { _, err := c.Do(ctx); result <- err }()
		<-arrived
		// A second request waits for the first one's place, until it is given up.
		waits, giveUp := context.WithCancel(t.Context())
		second := make(chan error)
		go func() { _, err := c.Do(waits); second <- err }()
		giveUp()
		wantFailure(t, <-second, FailureCancelled)
		cancel()
		wantFailure(t, <-result, FailureCancelled)
		<-gone
		_, err = c.Do(ctx)
		wantFailure(t, err, FailureCancelled)
	}
	// The servers' own goroutines for these connections end as well.
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// TestInFlight: no more requests of one mod run at a time than allowed. The server
// waits until as many are there, and then a little for one more.
func TestInFlight(t *testing.T) {
	for _, most := range []int{1, 3} {
		var now, peak atomic.Int32
		full := make(chan struct{})
		var once sync.Once
		n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if v := now.Add(1); v > peak.Load() {
				peak.Store(v)
			}
			if int(now.Load()) >= most {
				once.Do(func() { time.AfterFunc(20*time.Millisecond, func() { close(full) }) })
			}
			<-full
			now.Add(-1)
		}))
		o := n.options()
		o.MaxInFlight = most
		a := access(t, o, wide())
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := get(t, a, "http://example.com/"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if int(peak.Load()) != most {
			t.Errorf("%d at a time, want %d", peak.Load(), most)
		}
	}
}
