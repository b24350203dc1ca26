package catalog

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// endless writes for as long as somebody reads.
func endless(w http.ResponseWriter, r *http.Request) int64 {
	var n int64
	block := bytes.Repeat([]byte(" "), 64<<10)
	for r.Context().Err() == nil {
		k, err := w.Write(block)
		n += int64(k)
		if err != nil {
			break
		}
	}
	return n
}

// TestEndlessData: no more is read than there may be, of anything.
func TestEndlessData(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	good := l.open(at(m.url))
	l.refresh(good)
	zip := find(t, m.files, ".zip")
	for _, file := range []string{metadataPath(roleTimestamp, 0), metadataPath(roleRoot, 2), metadataPath(roleSnapshot, 1), metadataPath(roleTargets, 1), find(t, m.files, ".index.json"), zip} {
		for _, announced := range []bool{false, true} {
			sent := make(chan int64, 1)
			m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
				if name != file {
					return false
				}
				if announced {
					w.Header().Set("Content-Length", "1000000000000")
				}
				sent <- endless(w, r)
				return true
			})
			var err error
			if file == zip {
				_, err = good.Fetch(t.Context(), good.Info("rain")[0], nil)
			} else {
				err = l.open(at(m.url)).Refresh(t.Context())
			}
			if !errors.Is(err, &Error{Reason: TooLong}) && (file != zip || !errors.Is(err, wrongLength)) {
				t.Errorf("%s: %v", file, err)
			}
			if n := <-sent; n > 32<<20 { // what stands in buffers on the way
				t.Errorf("%s: %d bytes were sent", file, n)
			}
		}
	}
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		endless(w, r)
		return true
	})
	if n := len(naive(t, t.Context(), m.url)); n < 15<<20 {
		t.Errorf("the control reads %d bytes only", n)
	}
}

// TestSlowData: a server that says nothing, or stops in the middle, does not hold a
// client for longer than it wants to wait.
func TestSlowData(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	good := l.open(at(m.url))
	l.refresh(good)
	good.source.(*server).timeout = 50 * time.Millisecond
	for _, part := range []int{0, 10} {
		stop := func(w http.ResponseWriter, r *http.Request, name string) bool {
			if !strings.HasSuffix(name, "timestamp.json") && !strings.HasSuffix(name, ".zip") {
				return false
			}
			if part > 0 {
				w.Header().Set("Content-Length", fmt.Sprint(len(m.files[name])))
				_, _ = w.Write(m.files[name][:part])
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
			return true
		}
		m.with(stop)
		refused(t, good.Refresh(t.Context()), TooSlow)
		_, err := good.Fetch(t.Context(), good.Info("rain")[0], nil)
		refused(t, err, TooSlow)
		// The caller's own patience.
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
			if strings.HasSuffix(name, "timestamp.json") {
				cancel(why)
			}
			return stop(w, r, name)
		})
		if err := l.open(at(m.url)).Refresh(ctx); !errors.Is(err, why) {
			t.Errorf("cancelled: %v", err)
		}
	}
}

// TestStalled: a large bundle has minutes to come, and is given up when nothing comes.
func TestStalled(t *testing.T) {
	l := newLab(t, nil)
	b, err := bundle.Open(fstest.MapFS{
		"mod.toml": {Data: []byte("[mod]\nid = 'rain'\nversion = '1.0.0'\n")},
		"init.lua": {Data: []byte("--\n")},
		"big.dat":  {Data: []byte(rand.Text() + strings.Repeat(rand.Text(), 40_000))},
	}, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	l.publish(b)
	m := l.mirror()
	c := l.open(at(m.url))
	l.refresh(c)
	c.source.(*server).timeout = 50 * time.Millisecond
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if strings.HasSuffix(name, ".zip") {
			_, _ = w.Write(m.files[name][:10])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
		return strings.HasSuffix(name, ".zip")
	})
	_, err = c.Fetch(t.Context(), c.Info("rain")[0], nil)
	refused(t, err, TooSlow)
	if e, _ := errors.AsType[*Error](err); e == nil || !strings.HasPrefix(e.Detail, "nothing came for") {
		t.Errorf("it was given up for another reason: %v", err)
	}
}

// TestWrongBundles: other bytes under a bundle's name, of the same length or not.
func TestWrongBundles(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""), mod(t, "evil", "1.0.0", ""))
	m := l.mirror()
	c := l.open(at(m.url))
	l.refresh(c)
	rain, evil := c.Info("rain")[0], c.Info("evil")[0]
	name := func(e Entry) string { return c.now().bundles[e.Digest].target.path() }
	good := clone(m.files)
	body := good[name(rain)]
	for what, c2 := range map[string]struct {
		data []byte
		want Reason
	}{
		"another mod's":  {good[name(evil)], WrongHash}, // of the same length, by their names
		"one byte other": {append(append([]byte{}, body[:100]...), append([]byte{body[100] ^ 1}, body[101:]...)...), WrongHash},
		"cut short":      {body[:100], WrongLength},
		"nothing":        {nil, WrongLength},
		"one more":       {append(append([]byte{}, body...), 0), TooLong},
	} {
		m.set(name(rain), c2.data)
		_, err := c.Fetch(t.Context(), rain, nil)
		if !errors.Is(err, &Error{Reason: c2.want}) {
			t.Errorf("%s: %v", what, err)
		}
		if !bytes.Equal(naive(t, t.Context(), m.url+"/"+name(rain)), c2.data) {
			t.Errorf("%s: not served", what)
		}
	}
	m.replace(good)
	if _, err := c.Fetch(t.Context(), rain, nil); err != nil {
		t.Error(err)
	}
	// The cache itself is not trusted either.
	file, err := bundle.DigestName(rain.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.o.Cache, "bundles", file+".zip"), good[name(evil)], 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := c.Fetch(t.Context(), rain, nil); err != nil || b.Digest() != rain.Digest {
		t.Error(err)
	}
}

// TestTooBig: a bundle that is larger than the client takes is not asked for.
func TestTooBig(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	c := l.open(at(m.url), func(o *Options) { o.MaxBundle = 100 })
	l.refresh(c)
	_, err := c.Fetch(t.Context(), c.Info("rain")[0], nil)
	refused(t, err, TooBig)
	for _, name := range m.asked {
		if strings.HasSuffix(name, ".zip") {
			t.Error("it was asked for")
		}
	}
}

// TestRedirects: a server may send a client about on itself, and to nobody else.
func TestRedirects(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	asked := 0
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		m.serve(w, r)
	}))
	defer elsewhere.Close()
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if r.Host == strings.TrimPrefix(elsewhere.URL, "http://") || name != metadataPath(roleTimestamp, 0) {
			return false
		}
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		return true
	})
	refused(t, l.open(at(m.url)).Refresh(t.Context()), Redirected)
	if asked > 0 {
		t.Error("the other host was asked")
	}
	if len(naive(t, t.Context(), m.url+"/"+metadataPath(roleTimestamp, 0))) == 0 || asked != 1 {
		t.Error("the control did not follow")
	}
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if moved, ok := strings.CutPrefix(name, "moved/"); ok {
			_, _ = w.Write(m.files[moved])
			return true
		}
		if name == metadataPath(roleTimestamp, 0) {
			http.Redirect(w, r, "/moved/"+name, http.StatusFound)
			return true
		}
		return false
	})
	l.refresh(l.open(at(m.url)))
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		http.Redirect(w, r, "/"+name+"x", http.StatusFound)
		return true
	})
	refused(t, l.open(at(m.url)).Refresh(t.Context()), Redirected)
}

// TestRedirectDowngrade: not even on the same host from https to http.
func TestRedirectDowngrade(t *testing.T) {
	base, err := url.Parse("https://mods.example.com/catalog")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(base, Options{})
	for to, want := range map[string]bool{
		"https://mods.example.com/x":     true,
		"https://MODS.example.com/x":     true,
		"http://mods.example.com/x":      false,
		"https://mods.example.com:444/x": false,
		"https://a@mods.example.com/x":   false,
		"https://example.com/x":          false,
	} {
		via, err := http.NewRequest(http.MethodGet, base.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.redirect(req, []*http.Request{via}); (err == nil) != want {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestCompressed: what is counted is what comes; a small answer cannot become a large one.
func TestCompressed(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	c := l.open(at(m.url))
	l.refresh(c)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.Copy(z, io.LimitReader(zeros{}, 8<<20))
	_ = z.Close()
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasSuffix(name, ".zip") && name != metadataPath(roleTimestamp, 0) {
			return false
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
		return true
	})
	refused(t, c.Refresh(t.Context()), Encoded)
	_, err := c.Fetch(t.Context(), c.Info("rain")[0], nil)
	refused(t, err, Encoded)
	if n := len(naive(t, t.Context(), m.url+"/"+metadataPath(roleTimestamp, 0))); n != 8<<20 {
		t.Errorf("the control inflates %d bytes of %d", n, bomb.Len())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestResume: a download goes on where it stopped; what stands there already is not
// trusted.
func TestResume(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	cache := t.TempDir()
	c := l.open(at(m.url), with(cache))
	l.refresh(c)
	e := c.Info("rain")[0]
	target := c.now().bundles[e.Digest].target
	body := m.files[target.path()]
	partial := filepath.Join(cache, "partial", hexOf(target.sum[:]))
	var ranges []string
	cut := true
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name == target.path() {
			ranges = append(ranges, r.Header.Get("Range"))
			if cut {
				w.Header().Set("Content-Length", fmt.Sprint(len(body)))
				_, _ = w.Write(body[:100])
				return true // and the connection breaks
			}
		}
		return false
	})
	_, err := c.Fetch(t.Context(), e, nil)
	refused(t, err, Unreachable)
	if len(ranges) != maxAttempts {
		t.Errorf("asked %d times: %q", len(ranges), ranges)
	}
	cut, ranges = false, nil
	for name, c2 := range map[string]struct {
		there  []byte
		ranges string
	}{
		"a beginning":        {body[:100], "[bytes=100-]"},
		"all of it":          {body, "[]"},
		"poisoned":           {bytes.Repeat([]byte("x"), 100), "[bytes=100- ]"},
		"poisoned, and full": {bytes.Repeat([]byte("x"), len(body)), "[]"},
		"too long":           {append(append([]byte{}, body...), 'x'), "[]"},
		"nothing":            {nil, "[]"},
	} {
		ranges = nil
		_ = os.RemoveAll(filepath.Join(cache, "bundles"))
		_ = os.Mkdir(filepath.Join(cache, "bundles"), 0o700)
		if err := os.WriteFile(partial, c2.there, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := c.Fetch(t.Context(), e, nil)
		if err != nil || b.Digest() != e.Digest {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(ranges); got != c2.ranges && !(c2.ranges == "[]" && strings.Trim(got, "[] ") == "") {
			t.Errorf("%s: ranges %q, want %q", name, got, c2.ranges)
		}
	}
	// The control: put together without a look, the poisoned file is another.
	if bytes.Equal(append(bytes.Repeat([]byte("x"), 100), body[100:]...), body) {
		t.Error("the poison is none")
	}
	// A server without ranges sends all of it again; one that lies about them is refused.
	for _, lie := range []bool{false, true} {
		_ = os.RemoveAll(filepath.Join(cache, "bundles"))
		_ = os.Mkdir(filepath.Join(cache, "bundles"), 0o700)
		if err := os.WriteFile(partial, body[:100], 0o600); err != nil {
			t.Fatal(err)
		}
		m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
			if name != target.path() {
				return false
			}
			if lie && r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(body)-1, len(body)))
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = w.Write(body)
			return true
		})
		if b, err := c.Fetch(t.Context(), e, nil); err != nil || b.Digest() != e.Digest {
			t.Errorf("lie %t: %v", lie, err)
		}
	}
}

// TestBrokenDownload: a connection that breaks now and then only costs requests.
func TestBrokenDownload(t *testing.T) {
	l := newLab(t, nil)
	l.publish(mod(t, "rain", "1.0.0", ""))
	m := l.mirror()
	c := l.open(at(m.url))
	l.refresh(c)
	asked := 0
	m.with(func(w http.ResponseWriter, r *http.Request, name string) bool {
		if !strings.HasSuffix(name, ".zip") {
			return false
		}
		asked++
		body := m.files[name]
		from := 0
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(body[from:min(from+200, len(body))])
		return true
	})
	b, err := c.Fetch(t.Context(), c.Info("rain")[0], nil)
	if err != nil || b == nil || asked < 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}
