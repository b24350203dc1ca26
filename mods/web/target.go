package web

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxURL is how many bytes a URL may have.
const maxURL = 4096

// target is where a request goes: a URL of which there is one reading only. What
// two programs could read differently is refused by parseTarget and not repaired,
// so that the rules are held against the same thing that the server will see.
type target struct {
	scheme  string // "https" or "http"
	host    string // a name in small letters
	port    uint16
	path    string // percent-encoded, begins with "/"
	decoded string // path without the encoding
	query   string // as written, without the "?"
}

func defaultPort(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}

// authority is the host, with the port if it is not the scheme's own.
func (t target) authority() string {
	if t.port == defaultPort(t.scheme) {
		return t.host
	}
	return t.hostPort()
}

// hostPort is the host with its port.
func (t target) hostPort() string { return t.host + ":" + strconv.Itoa(int(t.port)) }

// origin is the part of the URL that says who is asked.
func (t target) origin() string { return t.scheme + "://" + t.authority() }

// String returns the URL in the one form in which it is sent.
func (t target) String() string {
	if t.query == "" {
		return t.origin() + t.path
	}
	return t.origin() + t.path + "?" + t.query
}

// parseTarget reads an absolute URL (RFC 3986), strictly. The error says what would
// be right, and repeats of the URL at most the offending part.
func parseTarget(raw string) (target, error) {
	var t target
	if len(raw) > maxURL {
		return t, fmt.Errorf("the URL has %d bytes; at most %d are allowed", len(raw), maxURL)
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f {
			return t, fmt.Errorf("byte %#02x at position %d of the URL must be percent-encoded; a host in another script is written with xn--", c, i+1)
		}
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	t.scheme = strings.ToLower(scheme)
	if !ok || t.scheme != "https" && t.scheme != "http" {
		return t, fmt.Errorf("the URL must begin with https://")
	}
	if strings.ContainsRune(rest, '#') {
		return t, fmt.Errorf("the URL has a fragment; leave out '#' and what follows, it is never sent")
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?\\"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if err := t.parseAuthority(authority); err != nil {
		return t, err
	}
	path, query, _ := strings.Cut(path, "?")
	if path == "" {
		path = "/"
	}
	var err error
	if t.path, t.decoded, err = parsePath(path); err != nil {
		return t, err
	}
	if err := checkQuery(query); err != nil {
		return t, err
	}
	t.query = query
	return t, nil
}

func (t *target) parseAuthority(authority string) error {
	if strings.ContainsRune(authority, '@') {
		return fmt.Errorf("the URL has a user name before '@'; it must not")
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return err
	}
	t.host = strings.ToLower(host)
	if t.port = port; port == 0 {
		t.port = defaultPort(t.scheme)
	}
	if err := checkHost(t.host); err != nil {
		return fmt.Errorf("%q is %w", clip(t.host), err)
	}
	return nil
}

// splitPort returns a host and its port, 0 if none is stated.
func splitPort(text string) (host string, port uint16, err error) {
	host, digits, stated := strings.Cut(text, ":")
	if !stated {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || digits[0] < '1' || digits[0] > '9' {
		return "", 0, fmt.Errorf("the port %q is not a number from 1 to 65535", clip(digits))
	}
	return host, uint16(n), nil
}

// checkHost admits the names of hosts as DNS has them (RFC 1123, section 2.1), in
// small letters, with a dot inside and a last label that begins with a letter. No
// way of writing an address is such a name: not 127.0.0.1, 127.1, 2130706433,
// 0x7f.1, 0177.0.0.1 or [::1].
func checkHost(host string) error {
	bad := func(why string) error { return fmt.Errorf("no host that can be asked: %s", why) }
	if len(host) > 253 {
		return bad("it is longer than 253 bytes")
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		switch {
		case label == "" && i == len(labels)-1 && i > 0:
			return bad("it ends with a dot")
		case label == "":
			return bad("a part of the name is empty")
		case len(label) > 63:
			return bad("a part of the name is longer than 63 bytes")
		case label[0] == '-' || label[len(label)-1] == '-':
			return bad("a part of the name begins or ends with '-'")
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return bad("a name has letters a to z, digits, '-' and dots only")
			}
		}
	}
	if last := labels[len(labels)-1]; last[0] < 'a' || last[0] > 'z' {
		return bad("it is an address, or ends like one; a name is needed")
	}
	if len(labels) < 2 {
		return bad("it has no dot; names of the local network are not asked")
	}
	return nil
}

// parsePath returns a path in its one percent-encoded form, and what it stands for.
//
// The rule is that no server, proxy or framework may have cause to see another path
// than the one that is compared with the rules: no empty segments, no segments of
// dots, no ';' (which some cut away before they resolve ".."), nothing encoded that
// need not be, no encoded '/', '\', '%', '?', '#', ';' or control character, and
// beyond ASCII only letters, marks and decimal digits, since other characters can
// turn into dots and slashes when they are normalised.
func parsePath(path string) (encoded, decoded string, err error) {
	if path == "" || path[0] != '/' {
		return "", "", fmt.Errorf("a path begins with '/'")
	}
	var out, plain strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c != '%' {
			if !isUnreserved(c) && !strings.ContainsRune("/!$&'()*+,=:@", rune(c)) {
				return "", "", fmt.Errorf("%q must not be in a path", c)
			}
			out.WriteByte(c)
			plain.WriteByte(c)
			continue
		}
		b, ok := unhex(path[i:])
		if !ok {
			return "", "", fmt.Errorf("the '%%' at position %d of the path is not followed by two hexadecimal digits", i+1)
		}
		if isUnreserved(b) || b < ' ' || b == 0x7f || strings.IndexByte(`/\%?#;`, b) >= 0 {
			return "", "", fmt.Errorf("%s must not be in a path", path[i:i+3])
		}
		fmt.Fprintf(&out, "%%%02X", b)
		plain.WriteByte(b)
		i += 2
	}
	decoded = plain.String()
	if !utf8.ValidString(decoded) {
		return "", "", fmt.Errorf("the path is not UTF-8")
	}
	for _, r := range decoded {
		if r >= 0x80 && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) {
			return "", "", fmt.Errorf("the character %U must not be in a path", r)
		}
	}
	segments := strings.Split(decoded[1:], "/")
	for i, s := range segments {
		if s == "" && i < len(segments)-1 {
			return "", "", fmt.Errorf("the path has two slashes without anything between them")
		}
		if s != "" && strings.Trim(s, ". ") == "" {
			return "", "", fmt.Errorf("the path has a part that consists of dots or spaces")
		}
	}
	return out.String(), decoded, nil
}

func checkQuery(query string) error {
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '%' {
			if _, ok := unhex(query[i:]); !ok {
				return fmt.Errorf("the '%%' at position %d of the query is not followed by two hexadecimal digits", i+1)
			}
		} else if !isUnreserved(c) && !strings.ContainsRune("/!$&'()*+,=:@?;[]|", rune(c)) {
			return fmt.Errorf("%q must be percent-encoded in a query", c)
		}
	}
	return nil
}

// isUnreserved reports whether c never needs encoding (RFC 3986, section 2.3).
func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// unhex reads the "%XX" that s begins with.
func unhex(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	b, err := strconv.ParseUint(s[1:3], 16, 8)
	return byte(b), err == nil
}

// Escape percent-encodes every byte of text but letters, digits, '-', '.', '_' and
// '~', so that it can be a name or a value in a query.
func Escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if isUnreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
