package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Client makes requests within an operator's [Options]. It keeps nothing from one
// request to the next: no connections, no cookies, no TLS sessions, so that neither
// a server nor another mod can tell what a mod did before. There is nothing to close.
//
// A Client, and what it makes, may be used by several goroutines.
type Client struct {
	opts      Options
	hosts     []hostPattern
	transport *http.Transport
}

// New returns a client. The error is an [*OptionsError].
func New(o Options) (*Client, error) {
	o, hosts, err := o.resolve()
	if err != nil {
		return nil, err
	}
	var onlyHTTP1 http.Protocols
	onlyHTTP1.SetHTTP1(true)
	return &Client{opts: o, hosts: hosts, transport: &http.Transport{
		Proxy:                  nil, // whatever the environment says: the proxy would do the dialling
		DialContext:            newDialer(o).dial,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    o.Timeout,
		DisableKeepAlives:      true,
		DisableCompression:     true, // what is not unpacked cannot be a bomb
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
		Protocols:              &onlyHTTP1,
	}}, nil
}

// Access is what one mod may do with a [Client].
type Access struct {
	client *Client
	rules  ruleSet
	slots  chan struct{} // one place for each request that runs
}

// Allow returns the access that rules describe. The error is a [*RuleError]: the
// rules are malformed, or go beyond the client's options.
func (c *Client) Allow(r Rules) (*Access, error) {
	set := ruleSet{methods: slices.Clone(r.Methods), plain: r.PlainHTTP}
	if len(set.methods) == 0 {
		set.methods = []string{"GET"}
	}
	if err := c.allowMethods(set.methods); err != nil {
		return nil, err
	}
	var err error
	if set.hosts, err = c.allowHosts(r.Hosts); err != nil {
		return nil, err
	}
	if set.paths, err = parsePaths(r.Paths); err != nil {
		return nil, err
	}
	if set.headers, err = c.allowHeaders(r.Headers); err != nil {
		return nil, err
	}
	if err := c.allowPlainHTTP(r.PlainHTTP); err != nil {
		return nil, err
	}
	return &Access{client: c, rules: set, slots: make(chan struct{}, c.opts.MaxInFlight)}, nil
}

// beyond is the error for a rule that the options do not allow.
func beyond(rule, value string) error {
	return &RuleError{Rule: rule, Value: value, Err: errors.New("the host does not allow it")}
}

// The rules one by one: what they mean, or a [*RuleError].

func (c *Client) allowHosts(texts []string) ([]hostPattern, error) {
	hosts, err := parseHosts(texts, false)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, &RuleError{Rule: "hosts", Err: errors.New("name the hosts that may be asked")}
	}
	for _, h := range hosts {
		if !slices.ContainsFunc(c.hosts, func(p hostPattern) bool { return p.covers(h) }) {
			return nil, beyond("hosts", h.text)
		}
	}
	return hosts, nil
}

func (c *Client) allowMethods(list []string) error {
	if err := checkMethods(list); err != nil {
		return err
	}
	for _, m := range list {
		if !slices.Contains(c.opts.AllowMethods, m) {
			return beyond("methods", m)
		}
	}
	return nil
}

func (c *Client) allowHeaders(names []string) ([]string, error) {
	headers, err := parseHeaderNames(names)
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		if !slices.Contains(usualHeaders, h) && !slices.Contains(c.opts.AllowHeaders, h) {
			return nil, beyond("headers", h)
		}
	}
	return headers, nil
}

func (c *Client) allowPlainHTTP(asked bool) error {
	if asked && !c.opts.AllowPlainHTTP {
		return beyond("plain_http", "")
	}
	return nil
}

// Request is what a mod wants to send.
type Request struct {
	Method  string // "" is GET
	URL     string
	Headers map[string]string
	Body    string
	// Timeout and MaxResponseBytes are at most the operator's, which zero stands
	// for too.
	Timeout          time.Duration
	MaxResponseBytes int64
}

// Response is what a server answered.
type Response struct {
	Status int
	// Headers have names in small letters. Set-Cookie, and what concerns the
	// connection, is not among them.
	Headers map[string]string
	Body    string // as it came: nothing is unpacked
	URL     string // that answered, after redirects
}

// Call is a request that was checked, and can be made.
type Call struct {
	access  *Access
	method  string
	target  target
	headers map[string]string
	body    string
	timeout time.Duration
	most    int64 // bytes of the response's body
	size    int64
}

// Prepare checks a request, and sends nothing. The error is a [*DeniedError].
func (a *Access) Prepare(r Request) (*Call, error) {
	opts := a.client.opts
	c := &Call{access: a, method: r.Method, body: r.Body, timeout: opts.Timeout, most: opts.MaxResponseBytes}
	if c.method == "" {
		c.method = "GET"
	}
	var err error
	if c.target, err = parseTarget(r.URL); err != nil {
		return nil, denied("", "%v", err)
	}
	if err := a.rules.check(c.method, c.target); err != nil {
		return nil, err
	}
	headers, headerBytes, err := a.rules.checkHeaders(r.Headers, c.target)
	if err != nil {
		return nil, err
	}
	c.headers = headers
	switch {
	case r.Body != "" && (c.method == "GET" || c.method == "HEAD"):
		return nil, denied("", "a %s request has no body", c.method)
	case int64(len(r.Body)) > opts.MaxRequestBytes:
		return nil, denied("", "the body has %d bytes; at most %d can be sent", len(r.Body), opts.MaxRequestBytes)
	case r.Timeout < 0:
		return nil, denied("", "the timeout is negative")
	case r.MaxResponseBytes < 0:
		return nil, denied("", "the bound of the response is negative")
	}
	if r.Timeout > 0 {
		c.timeout = min(c.timeout, r.Timeout)
	}
	if r.MaxResponseBytes > 0 {
		c.most = min(c.most, r.MaxResponseBytes)
	}
	c.size = int64(len(r.URL)) + headerBytes + int64(len(r.Body)) + c.most
	return c, nil
}

// Bytes is how many bytes the call moves at most: the request, and as much as the
// response's body may have. What is charged for before the request can be that alone.
func (c *Call) Bytes() int64 { return c.size }

// Do makes the request, and returns when the whole response is there, or when ctx
// ends. It leaves no goroutine and no connection behind. The error is a
// [*FailedError]. A response with any status is a response.
func (c *Call) Do(ctx context.Context) (*Response, error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	if ctx.Err() != nil {
		return nil, failed(parent, ctx, c.target.host, ctx.Err())
	}
	select {
	case c.access.slots <- struct{}{}:
		defer func() { <-c.access.slots }()
	case <-ctx.Done():
		return nil, failed(parent, ctx, c.target.host, ctx.Err())
	}
	next := *c
	for redirects := 0; ; redirects++ {
		answer, location, err := next.send(ctx)
		if err != nil {
			return nil, failed(parent, ctx, next.target.host, err)
		}
		if location == "" || c.access.client.opts.MaxRedirects == 0 {
			return answer, nil
		}
		if redirects == c.access.client.opts.MaxRedirects {
			return nil, &FailedError{Failure: FailureRedirect, Host: next.target.host, Detail: fmt.Sprintf("it is the redirect number %d", redirects+1)}
		}
		if next, err = next.follow(answer.Status, location); err != nil {
			return nil, err
		}
	}
}

// send makes one request, without redirects. location is where the response
// redirects to, "" if it does not.
func (c *Call) send(ctx context.Context) (answer *Response, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, c.method, c.target.String(), strings.NewReader(c.body))
	if err != nil {
		return nil, "", err
	}
	if c.body == "" {
		req.Body = http.NoBody
	}
	req.Header.Set("User-Agent", c.access.client.opts.UserAgent)
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	// A connection for this one request. Transport.RoundTrip would leave dialling and
	// handshake to run on, without a deadline, when ctx ends.
	conn, err := c.access.client.transport.NewClientConn(ctx, c.target.scheme, c.target.hostPort())
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	resp, err := conn.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	fail := func(f Failure, err error) (*Response, string, error) {
		return nil, "", &FailedError{Failure: f, Host: c.target.host, Err: err}
	}
	headers, ok := responseHeaders(resp.Header)
	if !ok || resp.StatusCode < 200 {
		return fail(FailureProtocol, nil)
	}
	answer = &Response{Status: resp.StatusCode, Headers: headers, URL: c.target.String()}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		location = resp.Header.Get("Location")
		if location != "" && c.access.client.opts.MaxRedirects > 0 {
			return answer, location, nil
		}
	}
	if resp.ContentLength > c.most && c.method != "HEAD" {
		return fail(FailureTooLarge, nil)
	}
	var body strings.Builder
	if _, err := io.Copy(&body, io.LimitReader(resp.Body, c.most+1)); err != nil {
		return fail(FailureConnect, err)
	}
	if int64(body.Len()) > c.most {
		return fail(FailureTooLarge, nil)
	}
	answer.Body = body.String()
	return answer, location, nil
}

// follow returns the request that a redirect asks for, if it may be made: the new
// URL is held against the same rules, and never less protected than the one before.
func (c *Call) follow(status int, location string) (Call, error) {
	next := *c
	refused := func(detail string) (Call, error) {
		return next, &FailedError{Failure: FailureRedirect, Host: c.target.host, Detail: detail}
	}
	base, err := url.Parse(c.target.String())
	if err != nil {
		return refused("")
	}
	// Browsers read a backslash as a slash here, package url as part of a name.
	ref, err := base.Parse(location)
	if err != nil || strings.ContainsRune(location, '\\') {
		return refused("it leads nowhere")
	}
	ref.Fragment, ref.RawFragment = "", ""
	if next.target, err = parseTarget(ref.String()); err != nil {
		return refused(err.Error())
	}
	if status == http.StatusSeeOther && c.method != "HEAD" ||
		c.method == "POST" && (status == http.StatusMovedPermanently || status == http.StatusFound) {
		next.method, next.body = "GET", ""
		next.headers = maps.Clone(next.headers)
		delete(next.headers, "content-type")
		delete(next.headers, "content-language")
	}
	if c.target.scheme == "https" && next.target.scheme != "https" {
		return refused("it leads from https to http")
	}
	if err := c.access.rules.check(next.method, next.target); err != nil {
		return refused(strings.TrimPrefix(err.Error(), "http: "))
	}
	if next.target.origin() != c.target.origin() {
		next.headers = elsewhere(next.headers)
	}
	return next, nil
}
