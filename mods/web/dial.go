package web

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// maxAddresses is how many addresses of a name are looked at, and tried.
const maxAddresses = 8

// dialer connects to hosts by their names, if all their addresses may be dialled.
type dialer struct {
	guard   *addressGuard
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	connect func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
}

func newDialer(o Options) *dialer {
	d := &dialer{
		guard:   newAddressGuard(o.DangerouslyAllowAddresses, o.DenyAddresses, o.interfaces),
		lookup:  o.Lookup,
		connect: o.connect,
	}
	if d.connect == nil {
		sockets := net.Dialer{Control: d.guard.control, KeepAlive: -1}
		d.connect = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			return sockets.DialContext(ctx, "tcp", to.String())
		}
	}
	return d
}

// dial is http.Transport.DialContext. One address that may not be dialled refuses
// the name: a host that is in part inside a private network is an attack or a
// mistake. What was looked up is what is dialled; there is no second question to the
// name server, to which it could give another answer.
//
// Every error is a [*FailedError].
func (d *dialer) dial(ctx context.Context, _, hostPort string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, &FailedError{Failure: FailureConnect, Err: err}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, &FailedError{Failure: FailureConnect, Host: host, Err: err}
	}
	ips, err := d.lookup(ctx, host+".")
	if err != nil {
		return nil, &FailedError{Failure: FailureName, Host: host, Err: err}
	}
	if len(ips) == 0 {
		return nil, &FailedError{Failure: FailureName, Host: host}
	}
	ips = slices.Clone(ips[:min(len(ips), maxAddresses)])
	for i, ip := range ips {
		ips[i] = ip.Unmap() // package net may write IPv4 addresses so
		if err := d.guard.check(ips[i]); err != nil {
			return nil, &FailedError{Failure: FailureAddress, Host: host, Err: &net.AddrError{Err: err.Error(), Addr: ip.String()}}
		}
	}
	var last error
	for i, ip := range ips {
		conn, err := d.try(ctx, netip.AddrPortFrom(ip, uint16(n)), len(ips)-i)
		if err == nil {
			return conn, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, &FailedError{Failure: FailureConnect, Host: host, Err: last}
}

// try connects to one address of several that are left, in its share of the time.
func (d *dialer) try(ctx context.Context, to netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share, cancel := context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(left), time.Second))
		defer cancel()
		ctx = share
	}
	return d.connect(ctx, to)
}
