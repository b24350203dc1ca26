package web

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"code.dny.dev/ssrf"
)

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func noInterfaces() ([]net.Addr, error) { return nil, nil }

var publicAddresses = []string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.215.14", "100.63.255.255", "100.128.0.0",
	"126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
	"198.20.0.0", "223.255.255.255",
	"2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700:4700::1111", "2a00::1", "2400::5dfe:0:0",
}

var otherAddresses = map[string][]string{
	"unspecified":           {"0.0.0.0", "0.1.2.3", "::"},
	"loopback":              {"127.0.0.1", "127.255.255.254", "::1"},
	"private":               {"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "fc00::1", "fdff::1"},
	"link-local":            {"169.254.0.1", "169.254.255.255", "fe80::1", "febf::1"},
	"site-local":            {"fec0::1"},
	"metadata":              {"169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"},
	"shared":                {"100.64.0.0", "100.127.255.255"},
	"multicast":             {"224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"},
	"broadcast, reserved":   {"255.255.255.255", "240.0.0.1"},
	"documentation":         {"192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"},
	"benchmarks":            {"198.18.0.1", "198.19.255.255", "2001:2::1"},
	"protocols, anycast":    {"192.0.0.1", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1"},
	"mapped":                {"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"},
	"compatible":            {"::127.0.0.1", "::8.8.8.8"},
	"translated":            {"::ffff:0:127.0.0.1"},
	"NAT64":                 {"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::808:808", "64:ff9b:1::7f00:1"},
	"6to4":                  {"2002:7f00:1::1", "2002:a00:1::1", "2002:808:808::1"},
	"Teredo":                {"2001:0:7f00:1::1", "2001::1"},
	"ORCHID":                {"2001:10::1", "2001:20::1"},
	"ISATAP":                {"2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1"},
	"6bone":                 {"3ffe::1"},
	"discard, segments":     {"100::1", "5f00::1"},
	"not unicast, not used": {"4000::1", "8000::1"},
	"zones":                 {"fe80::1%eth0", "2606:4700:4700::1111%eth0"},
}

func TestAddresses(t *testing.T) {
	g := newAddressGuard(nil, nil, noInterfaces)
	for _, text := range publicAddresses {
		if err := g.check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for kind, texts := range otherAddresses {
		for _, text := range texts {
			ip := netip.MustParseAddr(text)
			if err := g.check(ip); !errors.Is(err, errNotPublic) {
				t.Errorf("%s, %s: %v", kind, text, err)
			}
			// The control: that nothing but the guard's lists refuses it.
			open := newAddressGuard(prefixes("0.0.0.0/0", "::/0"), nil, noInterfaces)
			if err := open.check(ip.WithZone("").Unmap()); err != nil && kind != "NAT64" {
				t.Errorf("%s, %s: refused although everything is allowed: %v", kind, text, err)
			}
		}
	}
	if err := g.check(netip.Addr{}); err == nil {
		t.Error("no address is a public one")
	}
}

// TestOpinionsDiffer shows that none of the three opinions would do alone.
func TestOpinionsDiffer(t *testing.T) {
	for text, whose := range map[string]string{"168.63.129.16": "ours", "192.0.2.1": "the registries'", "fd00:ec2::254": "both"} {
		ip := netip.MustParseAddr(text)
		std := !ip.IsGlobalUnicast() || ip.IsPrivate()
		list := ssrf.New().SafeAddr(ip) != nil
		got := map[[2]bool]string{{false, false}: "ours", {false, true}: "the registries'", {true, true}: "both"}[[2]bool{std, list}]
		if got != whose {
			t.Errorf("%s is refused by %q, want %q", text, got, whose)
		}
	}
}

func TestAllowedAndDeniedAddresses(t *testing.T) {
	g := newAddressGuard(prefixes("10.1.0.0/16", "64:ff9b::/96", "8.8.4.4/32"), prefixes("10.1.2.0/24", "8.8.8.8/32"), noInterfaces)
	for text, want := range map[string]bool{
		"10.1.0.1": true, "10.2.0.1": false, "10.1.2.3": false, "8.8.8.8": false, "8.8.4.4": true, "1.1.1.1": true,
		// What is inside counts, whoever allows the translation.
		"64:ff9b::101:101": true, "64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false,
		"64:ff9b::808:808": false, "64:ff9b::a01:1": true, "64:ff9b::a01:203": false,
		"::ffff:10.1.0.1": false,
	} {
		if err := g.check(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestMappedAddresses: an IPv4 address in IPv6 clothes is not taken for IPv6, even
// if all of IPv6 is allowed.
func TestMappedAddresses(t *testing.T) {
	g := newAddressGuard(prefixes("::/0"), nil, noInterfaces)
	for text, want := range map[string]bool{"::ffff:10.0.0.1": false, "fd00::1": true} {
		if err := g.check(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestOwnAddresses: this machine's public addresses, and those on the same links, are
// reached from inside.
func TestOwnAddresses(t *testing.T) {
	mine := []net.Addr{
		&net.IPNet{IP: net.ParseIP("93.184.215.14"), Mask: net.CIDRMask(24, 32)},
		&net.IPNet{IP: net.ParseIP("2606:4700::77"), Mask: net.CIDRMask(64, 128)},
	}
	g := newAddressGuard(nil, nil, func() ([]net.Addr, error) { return mine, nil })
	for text, want := range map[string]bool{
		"93.184.215.14": false, "93.184.215.15": false, "93.184.216.1": true,
		"2606:4700::77": false, "2606:4700::78": false, "2606:4700:0:1::77": true,
	} {
		if err := g.check(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	odd := newAddressGuard(nil, nil, func() ([]net.Addr, error) { return []net.Addr{&net.UnixAddr{Name: "x"}}, nil })
	if err := odd.check(publicOne); err == nil {
		t.Error("dialled without understanding the own addresses")
	}
	broken := errors.New("no netlink")
	g = newAddressGuard(nil, nil, func() ([]net.Addr, error) { return nil, broken })
	if err := g.check(publicOne); !errors.Is(err, broken) {
		t.Errorf("dialled without knowing the own addresses: %v", err)
	}
	arrived := 0
	n := newNetwork(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	o := n.options()
	o.interfaces = func() ([]net.Addr, error) { return mine, nil }
	_, err := get(t, access(t, o, wide()), "https://example.com/")
	wantFailure(t, err, FailureAddress)
	o.interfaces = noInterfaces // the control
	if _, err := get(t, access(t, o, wide()), "https://example.com/"); err != nil || arrived != 1 {
		t.Errorf("%v; %d requests arrived", err, arrived)
	}
	if addrs, err := net.InterfaceAddrs(); err != nil || len(addrs) == 0 {
		t.Errorf("this machine's addresses: %v, %v", addrs, err)
	} else if _, ok := addrs[0].(*net.IPNet); !ok {
		t.Errorf("they are of the type %T", addrs[0])
	}
}

// TestRealSockets uses no hook but the name server's: a server on loopback, which
// is reached only if that is allowed in so many words.
func TestRealSockets(t *testing.T) {
	arrived := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	n := &network{names: map[string][][]netip.Addr{}}
	n.resolves("api.example.com", at.Addr())
	url := "http://api.example.com:" + at.String()[len("127.0.0.1:"):]
	o := Options{AllowHosts: []string{url[len("http://"):]}, AllowPlainHTTP: true, Lookup: n.lookup}
	rules := Rules{Hosts: o.AllowHosts, PlainHTTP: true}

	_, err := get(t, access(t, o, rules), url)
	wantFailure(t, err, FailureAddress)
	if arrived != 0 {
		t.Error("a request arrived")
	}
	o.DangerouslyAllowAddresses = prefixes("127.0.0.0/8")
	if _, err := get(t, access(t, o, rules), url); err != nil || arrived != 1 {
		t.Errorf("%v; %d requests arrived", err, arrived)
	}
}

// TestControl: the socket's own check refuses what the check of the names let pass.
func TestControl(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	at := netip.MustParseAddrPort(server.Listener.Addr().String())
	o, _, err := Options{}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := newDialer(o).connect(t.Context(), at); err == nil {
		conn.Close()
		t.Error("connected to loopback")
	} else if !errors.Is(err, errNotPublic) {
		t.Error(err)
	}
	o.DangerouslyAllowAddresses = prefixes("127.0.0.0/8") // the control
	conn, err := newDialer(o).connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	g := newAddressGuard(nil, nil, noInterfaces)
	for _, tt := range []struct {
		network, address string
		want             bool
	}{
		{"tcp4", "8.8.8.8:443", true}, {"tcp6", "[2606:4700:4700::1111]:443", true},
		{"tcp4", "127.0.0.1:443", false}, {"udp4", "8.8.8.8:443", false}, {"unix", "/run/docker.sock", false},
		{"tcp6", "[::ffff:8.8.8.8]:443", false}, {"tcp4", "8.8.8.8", false}, {"tcp4", "", false},
	} {
		if err := g.control(tt.network, tt.address, nil); (err == nil) != tt.want {
			t.Errorf("%s %s: %v", tt.network, tt.address, err)
		}
	}
}
