package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

const capabilityDoc = "Ask the web servers that the mod names, and tell them what it knows."

// Capability is the capability "http" within an operator's options: an element of
// mods.Config.Capabilities. A manifest asks for it with
//
//	[permissions]
//	http = { hosts = ["api.example.org"], paths = ["/v1"], reason = "shows the scores" }
//
// and, where the operator allows that, with methods, headers and plain_http; see
// [Rules]. What goes beyond the operator's options refuses the mod. In Lua:
//
//	http.get(url [, {headers=, timeout=, max_bytes=}])
//	http.request{url=, method=, headers=, body=, timeout=, max_bytes=}
//	http.escape(text)
//
// The first two return {status=, headers=, body=}, for every status; or nil and a
// message, if there is no response. They look like any other call: the task that
// makes it waits, and the game goes on. What the manifest does not cover, or is no
// proper request, raises an error. Timeouts are in seconds.
//
// A request takes one operation, and the bytes of [Call.Bytes], from the mod's
// account; [Options.Rate] bounds the operations, refused ones among them. Each is in
// the audit log, without what is after '?'. Options that make no sense are an error
// of mods.Open.
func Capability(o Options) mods.Capability {
	client, err := New(o)
	if err != nil {
		return mods.Capability{Name: "http", Doc: capabilityDoc, Grant: func(*mods.Grantee) ([]luasandbox.Member, error) { return nil, err }}
	}
	o = client.opts
	return mods.Capability{
		Name: "http",
		Doc:  capabilityDoc,
		Risk: mods.RiskHigh,
		Options: []mods.Option{
			{
				Name: "hosts", Type: mods.TextsOption, Required: true,
				Doc:   `The hosts that it asks: "api.example.org", or "*.example.org" for all below it; with a port only if it is not the usual one.`,
				Check: texts(func(v []string) error { _, err := client.allowHosts(v); return err }),
			},
			{
				Name: "methods", Type: mods.TextsOption, Default: []string{"GET"}, Choices: methods,
				Doc: "The methods that it uses.", Check: texts(client.allowMethods),
			},
			{
				Name: "paths", Type: mods.TextsOption,
				Doc:   `What the paths begin with: "/v1" is /v1 and all below it. None: all paths.`,
				Check: texts(func(v []string) error { _, err := parsePaths(v); return err }),
			},
			{
				Name: "headers", Type: mods.TextsOption,
				Doc:   `Request headers that it sets beside the usual ones, such as "Authorization".`,
				Check: texts(func(v []string) error { _, err := client.allowHeaders(v); return err }),
			},
			{
				Name: "plain_http", Type: mods.FlagOption, Doc: "Whether it also asks without encryption.",
				Check: func(v any) error { return withoutRule(client.allowPlainHTTP(v == true)) },
			},
		},
		IO: mods.IOLimits{
			OpsPerTick:   int64(o.Burst),
			BytesPerTick: int64(o.MaxInFlight) * (maxURL + maxRequestHeaderBytes + o.MaxRequestBytes + o.MaxResponseBytes),
			Rate:         o.Rate,
			Burst:        o.Burst,
		},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) { return grant(client, g) },
	}
}

// texts makes a check of an option of one that returns a *RuleError.
func texts(check func([]string) error) func(any) error {
	return func(value any) error {
		list, _ := value.([]string)
		return withoutRule(check(list))
	}
}

// withoutRule leaves out of an error the name of the rule, where it is shown anyway.
func withoutRule(err error) error {
	if e, ok := errors.AsType[*RuleError](err); ok {
		if e.Value == "" {
			return e.Err
		}
		return fmt.Errorf("%q: %w", clip(e.Value), e.Err)
	}
	return err
}

// grantee is one mod with its access.
type grantee struct {
	*mods.Grantee
	access *Access // nil for nobody
}

// getOptions is the second argument of http.get.
type getOptions struct {
	Headers  map[string]string `lua:"headers,optional"`
	Timeout  float64           `lua:"timeout,optional"`
	MaxBytes int64             `lua:"max_bytes,optional"`
}

// requestOptions is the argument of http.request.
type requestOptions struct {
	URL      string            `lua:"url"`
	Method   string            `lua:"method,optional"`
	Headers  map[string]string `lua:"headers,optional"`
	Body     string            `lua:"body,optional"`
	Timeout  float64           `lua:"timeout,optional"`
	MaxBytes int64             `lua:"max_bytes,optional"`
}

// requestCost is what a call costs in instructions: the checks, and the goroutine.
const requestCost = 2_000

func grant(client *Client, g *mods.Grantee) ([]luasandbox.Member, error) {
	m := grantee{Grantee: g}
	if g.ID() != "" {
		var err error
		m.access, err = client.Allow(Rules{
			Hosts: g.Options().Texts("hosts"), Methods: g.Options().Texts("methods"), Paths: g.Options().Texts("paths"),
			Headers: g.Options().Texts("headers"), PlainHTTP: g.Options().Flag("plain_http"),
		})
		if err != nil {
			return nil, err
		}
	}
	return []luasandbox.Member{
		luasandbox.Func("get", func(url string, o *getOptions) (*luasandbox.Pending, error) {
			if o == nil {
				o = &getOptions{}
			}
			return m.send(requestOptions{URL: url, Headers: o.Headers, Timeout: o.Timeout, MaxBytes: o.MaxBytes})
		},
			luasandbox.Params("url", "options"), luasandbox.Returns("response", "message"), luasandbox.Cost(requestCost), luasandbox.CostPer("url", 500),
			luasandbox.Doc("Returns what the server answers to GET, with status, headers and body; or nil and a message, if it does not.")),
		luasandbox.Func("request", m.send,
			luasandbox.Params("request"), luasandbox.Returns("response", "message"), luasandbox.Cost(requestCost+500*maxURL/64),
			luasandbox.Doc("Returns what the server answers, with status, headers and body; or nil and a message, if it does not.")),
		luasandbox.Func("escape", Escape,
			luasandbox.Params("text"), luasandbox.Returns("escaped"), luasandbox.CostPer("text", 500),
			luasandbox.Doc("Returns a text such that it can be a name or a value in a URL's query.")),
	}, nil
}

// send begins a request. The operation is paid for before anything is looked at, so
// that refused requests, and their records, are bounded too.
func (g grantee) send(o requestOptions) (*luasandbox.Pending, error) {
	if err := g.Spend(1, 0); err != nil {
		return nil, err
	}
	r := Request{Method: o.Method, URL: o.URL, Headers: o.Headers, Body: o.Body, Timeout: seconds(o.Timeout), MaxResponseBytes: o.MaxBytes}
	if most := g.Limits().String; most > 0 && (r.MaxResponseBytes == 0 || r.MaxResponseBytes > most) {
		r.MaxResponseBytes = most // a longer string would end the mod
	}
	call, err := g.access.Prepare(r)
	if err != nil {
		if d, ok := errors.AsType[*DeniedError](err); ok {
			g.Audit("denied", slog.String("rule", d.Rule), slog.String("text", d.Text))
		}
		return nil, err
	}
	if err := g.Spend(0, call.Bytes()); err != nil {
		return nil, err
	}
	g.Audit("request", slog.String("method", call.method), slog.String("url", call.target.origin()+call.target.path))
	return g.Later(func(ctx context.Context) ([]any, error) {
		answer, err := call.Do(ctx)
		if f, ok := errors.AsType[*FailedError](err); ok {
			return []any{nil, f.LuaMessage()}, nil
		}
		if err != nil {
			return nil, err
		}
		headers := make(map[string]any, len(answer.Headers))
		for name, value := range answer.Headers {
			headers[name] = value
		}
		return []any{map[string]any{"status": answer.Status, "headers": headers, "body": answer.Body}}, nil
	})
}

// seconds is a timeout as a script gives it; 0 stays 0.
func seconds(s float64) time.Duration {
	switch {
	case s == 0:
		return 0
	case s < 0:
		return -1
	}
	return max(1, time.Duration(min(s, mostTimeout.Seconds())*float64(time.Second)))
}
