package web

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Options are what an operator lets mods do, at most. A mod gets what its own rules
// ask for, and is refused if that is more than this. Zero fields are the strictest
// that make sense: the zero Options allow no request at all.
type Options struct {
	// AllowHosts are the hosts that rules may ask for, written as in [Rules]; "*"
	// means any, on the schemes' own ports, and "*:8443" any on that port.
	AllowHosts []string
	// AllowMethods are the methods that rules may ask for; none means GET and HEAD.
	AllowMethods []string
	// AllowHeaders are the request headers that rules may ask for, such as
	// "Authorization" or "X-Api-Key". Accept, Accept-Language, Content-Language,
	// Content-Type and the conditions (If-Match and so on) are always allowed;
	// Host, Cookie and what else could change the request's meaning never is.
	AllowHeaders []string
	// AllowPlainHTTP allows rules to ask for http://.
	AllowPlainHTTP bool

	// MaxRequestBytes bounds a request's body: 64 KiB if zero.
	MaxRequestBytes int64
	// MaxResponseBytes bounds a response's body: 256 KiB if zero. A longer one is
	// not cut, but fails.
	MaxResponseBytes int64
	// Timeout bounds a request from Do until the whole body is there, redirects
	// and the wait for a free place among MaxInFlight included: 10 s if zero.
	Timeout time.Duration
	// MaxRedirects is how many redirects are followed; with none, a script gets
	// the redirect itself as the response. At most 10.
	MaxRedirects int
	// MaxInFlight is how many requests of one mod run at a time: 2 if zero. Others
	// wait.
	MaxInFlight int
	// Rate is how many requests one mod may make in a second, on average, and
	// Burst how many at once: 1 and 5 if zero. They are the capability's to
	// enforce; a [Client] does not look at them.
	Rate  float64
	Burst int
	// UserAgent is the header of that name: "modrunner" if empty.
	UserAgent string

	// RootCAs are the authorities whose certificates count; nil means the
	// system's.
	RootCAs *x509.CertPool
	// Lookup finds a host's addresses; nil means the system's resolver. It is
	// given names with a dot at the end, so that no search list applies, from
	// several goroutines at once, and must return when ctx ends. What it returns
	// is checked like any answer.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// DenyAddresses are public addresses that mods must not reach, such as those
	// of the operator's own network beyond this machine's links, which need not be
	// here. They come before all others.
	DenyAddresses []netip.Prefix
	// DangerouslyAllowAddresses are addresses that mods may reach although they
	// are not public: for tests, and, with 64:ff9b::/96, for networks in which
	// IPv4 is reached through NAT64 (the address inside is still checked).
	// Everything that listens there is open to every mod whose hosts resolve to
	// it, and who owns a name decides what it resolves to.
	DangerouslyAllowAddresses []netip.Prefix

	// For tests of this package: what connects, after the address was admitted,
	// and the addresses of the machine.
	connect    func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	interfaces func() ([]net.Addr, error)
}

// OptionsError is a field of [Options] that makes no sense.
type OptionsError struct {
	Field string
	Err   error
}

// Error names the field and what is wrong.
func (e *OptionsError) Error() string { return "web: Options." + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *OptionsError) Unwrap() error { return e.Err }

// The largest bounds that Options take.
const (
	mostBytes     = 1 << 30
	mostTimeout   = 10 * time.Minute
	mostRedirects = 10
	mostInFlight  = 1000
)

// resolve checks the options and puts defaults in place of zero fields. hosts are
// AllowHosts as patterns.
func (o Options) resolve() (resolved Options, hosts []hostPattern, err error) {
	field := func(name string, err error) (Options, []hostPattern, error) {
		return o, nil, &OptionsError{Field: name, Err: err}
	}
	hosts, err = parseHosts(o.AllowHosts, true)
	if err != nil {
		return field("AllowHosts", err)
	}
	if len(o.AllowMethods) == 0 {
		o.AllowMethods = []string{"GET", "HEAD"}
	}
	if err := checkMethods(o.AllowMethods); err != nil {
		return field("AllowMethods", err)
	}
	if o.AllowHeaders, err = parseHeaderNames(o.AllowHeaders); err != nil {
		return field("AllowHeaders", err)
	}
	for _, n := range []struct {
		name             string
		value            *int64
		usual, otherwise int64
	}{
		{"MaxRequestBytes", &o.MaxRequestBytes, 64 << 10, mostBytes},
		{"MaxResponseBytes", &o.MaxResponseBytes, 256 << 10, mostBytes},
		{"Timeout", (*int64)(&o.Timeout), int64(10 * time.Second), int64(mostTimeout)},
	} {
		if *n.value < 0 || *n.value > n.otherwise {
			return field(n.name, errors.New("out of range; zero stands for the default"))
		}
		if *n.value == 0 {
			*n.value = n.usual
		}
	}
	if o.MaxRedirects < 0 || o.MaxRedirects > mostRedirects {
		return field("MaxRedirects", fmt.Errorf("must be from 0 to %d", mostRedirects))
	}
	if o.MaxInFlight < 0 || o.MaxInFlight > mostInFlight {
		return field("MaxInFlight", fmt.Errorf("must be from 0 to %d", mostInFlight))
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = 2
	}
	if o.Rate < 0 || math.IsNaN(o.Rate) || math.IsInf(o.Rate, 0) {
		return field("Rate", errors.New("must be a positive number; zero stands for the default"))
	}
	if o.Rate == 0 {
		o.Rate = 1
	}
	if o.Burst < 0 {
		return field("Burst", errors.New("must be positive; zero stands for the default"))
	}
	if o.Burst == 0 {
		o.Burst = 5
	}
	if o.UserAgent == "" {
		o.UserAgent = "modrunner"
	}
	if len(o.UserAgent) > 200 || strings.ContainsFunc(o.UserAgent, func(r rune) bool { return r < ' ' || r > '~' }) {
		return field("UserAgent", errors.New("must be ASCII without control characters, at most 200 bytes"))
	}
	invalid := func(p netip.Prefix) bool { return !p.IsValid() || p.Addr().Is4In6() }
	if slices.ContainsFunc(o.DenyAddresses, invalid) {
		return field("DenyAddresses", errors.New("a prefix is not valid, or is an IPv4 one written as IPv6"))
	}
	if slices.ContainsFunc(o.DangerouslyAllowAddresses, invalid) {
		return field("DangerouslyAllowAddresses", errors.New("a prefix is not valid, or is an IPv4 one written as IPv6"))
	}
	if o.Lookup == nil {
		o.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.interfaces == nil {
		o.interfaces = net.InterfaceAddrs
	}
	return o, hosts, nil
}
