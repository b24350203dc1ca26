package web

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// errNotPublic says that an address is not one of the public internet. Which
// address it was is for the host's log, not for a mod: it would be a map of the
// operator's network.
var errNotPublic = errors.New("not an address of the public internet")

// addressGuard decides which addresses may be dialled. It is asked twice: for every
// address that a name has, before any is dialled, and by the dialler, with the
// address that the socket is really about to be connected to.
//
// Three opinions have to agree that an address is public: the standard library's,
// package ssrf's lists of IANA's special-purpose registries, and ours of what both
// leave out.
type addressGuard struct {
	allow, deny []netip.Prefix
	special     *ssrf.Guardian
	// interfaces returns the addresses of this machine with their networks. Some may
	// be public; a connection to one of those, or to a neighbour on the same link,
	// would come from inside, past the firewall.
	interfaces func() ([]net.Addr, error)
}

func newAddressGuard(allow, deny []netip.Prefix, interfaces func() ([]net.Addr, error)) *addressGuard {
	return &addressGuard{
		allow: allow, deny: deny, interfaces: interfaces,
		special: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork()),
	}
}

var (
	// unlisted are addresses that no special-purpose registry has and that are
	// nevertheless not somebody's server on the internet.
	unlisted = []netip.Prefix{
		netip.MustParsePrefix("168.63.129.16/32"), // Azure's host agent and name server, for virtual machines
		netip.MustParsePrefix("3ffe::/16"),        // the former 6bone (RFC 3701)
	}
	// wellKnownNAT64 are addresses that a gateway translates to the IPv4 address in
	// their last four bytes (RFC 6052).
	wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")
)

// check returns nil if ip may be dialled, and otherwise an error that wraps
// errNotPublic, or why that cannot be told.
func (g *addressGuard) check(ip netip.Addr) error {
	if !ip.IsValid() || ip.Is4In6() || in(g.deny, ip) {
		return errNotPublic
	}
	if in(g.allow, ip) {
		if wellKnownNAT64.Contains(ip) {
			b := ip.As16()
			return g.check(netip.AddrFrom4([4]byte(b[12:])))
		}
		return nil
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || g.special.SafeAddr(ip) != nil || in(unlisted, ip) || isISATAP(ip) {
		return errNotPublic
	}
	own, err := g.interfaces()
	if err != nil {
		return err
	}
	for _, a := range own {
		if n, ok := a.(*net.IPNet); !ok || n.Contains(ip.AsSlice()) {
			return errNotPublic
		}
	}
	return nil
}

// control is net.Dialer.Control: it sees the address of each socket before it is
// connected.
func (g *addressGuard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if network != "tcp4" && network != "tcp6" {
		return errNotPublic
	}
	return g.check(to.Addr())
}

func in(prefixes []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// isISATAP reports whether an IPv6 address has an IPv4 one in it to which a tunnel
// would lead (RFC 5214, section 6.1).
func isISATAP(ip netip.Addr) bool {
	if !ip.Is6() {
		return false
	}
	b := ip.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
