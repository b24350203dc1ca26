package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxRedirects = 3
	maxHeader    = 64 << 10 // bytes of a response's header
	// minRate is how many bytes a second a bundle has to come with, on the whole.
	minRate = 4 << 10
)

// server is a catalogue that somebody serves. The server may be anybody's: how much is
// read, for how long, from whom and in what encoding, is decided here.
type server struct {
	base    *url.URL
	client  *http.Client
	timeout time.Duration
}

func newServer(base *url.URL, o Options) *server {
	s := &server{base: base, timeout: o.Timeout}
	client := http.Client{}
	if o.Client != nil {
		client = *o.Client
	}
	if client.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxResponseHeaderBytes = maxHeader
		client.Transport = t
	}
	client.Jar = nil
	client.Timeout = 0 // the contexts have deadlines
	client.CheckRedirect = s.redirect
	s.client = &client
	return s
}

// redirect lets a server move files about on itself, and sends nobody elsewhere.
func (s *server) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return &Error{Reason: Redirected, Name: via[0].URL.Path, Detail: fmt.Sprintf("more than %d times", maxRedirects)}
	case req.URL.Scheme != s.base.Scheme || !strings.EqualFold(req.URL.Host, s.base.Host) || req.URL.User != nil:
		return &Error{Reason: Redirected, Name: via[0].URL.Path, Detail: "to " + quoted(req.URL.Redacted()) + "; a catalogue is on one host"}
	}
	return nil
}

// get asks for a file, from a byte on. The body is the caller's to close.
func (s *server) get(ctx context.Context, name string, offset int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base.JoinPath(name).String(), nil)
	if err != nil {
		return nil, &Error{Reason: BadOptions, Name: name, Err: err}
	}
	req.Header.Set("User-Agent", "modrunner-catalog")
	req.Header.Set("Accept-Encoding", "identity") // what is counted is what came
	req.Header.Set("Cache-Control", "no-cache")
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, s.failed(ctx, name, err)
	}
	err = nil
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone || res.StatusCode == http.StatusForbidden:
		// Some stores answer 403 for what is not there.
		err = &Error{Reason: Missing, Name: name, Detail: res.Status}
	case res.StatusCode != http.StatusOK && (res.StatusCode != http.StatusPartialContent || offset == 0) &&
		(res.StatusCode != http.StatusRequestedRangeNotSatisfiable || offset == 0):
		err = &Error{Reason: Unreachable, Name: name, Detail: "the server answered " + quoted(res.Status)}
	case encoding != "" && encoding != "identity" || res.Uncompressed:
		err = &Error{Reason: Encoded, Name: name, Detail: "in " + quoted(encoding) + ", which was not asked for"}
	}
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	return res, nil
}

// failed words why a request or a body ended early.
func (s *server) failed(ctx context.Context, name string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if cause := context.Cause(ctx); cause != nil {
		if e, ok := errors.AsType[*Error](cause); ok {
			return e
		}
		return &Error{Reason: Unreachable, Name: name, Err: cause}
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &Error{Reason: Unreachable, Name: name, Err: err}
}

func (s *server) read(ctx context.Context, name string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, &Error{Reason: TooSlow, Name: name,
		Detail: fmt.Sprintf("not all of it came within %s", s.timeout)})
	defer cancel()
	res, err := s.get(ctx, name, 0)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.ContentLength > most {
		return nil, tooLong(name, most)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, s.failed(ctx, name, err)
	}
	if int64(len(data)) > most {
		return nil, tooLong(name, most)
	}
	return data, nil
}

func (s *server) open(parent context.Context, name string, offset, size int64) (io.ReadCloser, int64, error) {
	whole := s.timeout + time.Duration(size/minRate)*time.Second
	ctx, cancel := context.WithTimeoutCause(parent, whole, &Error{Reason: TooSlow, Name: name,
		Detail: fmt.Sprintf("not all of it came within %s", whole)})
	ctx, stall := context.WithCancelCause(ctx)
	end := func() { stall(nil); cancel() }
	b := &body{ctx: ctx, end: end, name: name, s: s}
	b.timer = time.AfterFunc(s.timeout, func() {
		stall(&Error{Reason: TooSlow, Name: name, Detail: fmt.Sprintf("nothing came for %s", s.timeout)})
	})
	res, err := s.get(ctx, name, offset)
	if err != nil {
		b.timer.Stop()
		end()
		return nil, 0, err
	}
	b.res = res
	start, err := startOf(res, name, offset, size)
	if err == nil && res.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		b.Close()
		return s.open(parent, name, 0, size)
	}
	if err == nil && res.ContentLength > size-start {
		err = tooLong(name, size)
	}
	if err != nil {
		b.Close()
		return nil, 0, err
	}
	return b, start, nil
}

// startOf returns at which byte a body begins: RFC 9110, section 14.4.
func startOf(res *http.Response, name string, offset, size int64) (int64, error) {
	if res.StatusCode != http.StatusPartialContent {
		return 0, nil // the whole file, or nothing of it
	}
	want := fmt.Sprintf("bytes %d-%d/%d", offset, size-1, size)
	if got := res.Header.Get("Content-Range"); got != want {
		return 0, &Error{Reason: WrongLength, Name: name, Detail: "the server sends " + quoted(got) + "; asked for " + want}
	}
	return offset, nil
}

// body ends a download in which nothing moves.
type body struct {
	s     *server
	ctx   context.Context
	end   func()
	timer *time.Timer
	res   *http.Response
	name  string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.res.Body.Read(p)
	b.timer.Reset(b.s.timeout)
	if err != nil && err != io.EOF {
		err = b.s.failed(b.ctx, b.name, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	b.end()
	return b.res.Body.Close()
}
