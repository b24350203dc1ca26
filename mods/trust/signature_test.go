package trust_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"aead.dev/minisign"

	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// stock returns the key as the library that verifies has it, without our checks.
func stock(t testing.TB, seed byte) (minisign.PrivateKey, minisign.PublicKey) {
	t.Helper()
	var key minisign.PrivateKey
	if err := key.UnmarshalText(bytes.TrimSuffix(privateFile(seed, uint64(seed)<<56|uint64(seed)), []byte("\n"))); err != nil {
		t.Fatal(err)
	}
	return key, key.Public().(minisign.PublicKey)
}

// TestOneForm replaces the signature by others of the same key over the same bytes with
// the same trusted comment, all of which the library by itself verifies.
func TestOneForm(t *testing.T) {
	key := keyOf(t, 7)
	b := signed(t, weather(t), key)
	message, err := b.Attachment(".pack/contents")
	if err != nil {
		t.Fatal(err)
	}
	file := string(signatureOf(t, b, key))
	lines := strings.SplitAfter(file, "\n")
	comment := strings.TrimSuffix(strings.TrimPrefix(lines[2], "trusted comment: "), "\n")
	private, public := stock(t, 7)
	store := storeOf(t, ada(key))

	forms := map[string]string{
		"newline at the end":    file + "\n",
		"newlines at the end":   file + "\n\r\n\n",
		"no newline at the end": strings.TrimSuffix(file, "\n"),
		"returns":               strings.ReplaceAll(file, "\n", "\r\n"),
		"return in a comment":   lines[0] + lines[1] + strings.TrimSuffix(lines[2], "\n") + "\r\n" + lines[3],
		"other first comment":   "untrusted comment: trust me\n" + lines[1] + lines[2] + lines[3],
		"no first comment":      "untrusted comment: \n" + lines[1] + lines[2] + lines[3],
		"escape in it":          "untrusted comment: \x1b[2Jsigned by Ada\n" + lines[1] + lines[2] + lines[3],
		"long first comment":    "untrusted comment: " + strings.Repeat("a", 1<<16) + "\n" + lines[1] + lines[2] + lines[3],
		"return in base64":      lines[0] + lines[1][:10] + "\r" + lines[1][10:] + lines[2] + lines[3],
		"newline in base64":     lines[0] + lines[1] + lines[2] + lines[3][:10] + "\n" + lines[3][10:],
		"loose base64":          lines[0] + loosened(lines[1]) + lines[2] + lines[3],
		"looser base64":         lines[0] + lines[1] + lines[2] + loosened(lines[3]),
		"without the hash":      string(minisign.SignWithComments(private, message, comment, "signature from minisign secret key")),
	}
	for name, form := range forms {
		if form == file {
			t.Fatalf("%s: the same file", name)
		}
		if !minisign.Verify(public, message, []byte(form)) {
			t.Errorf("%s: the library refuses it too", name)
		}
		r := store.Verify(attach(t, b, nameOf(key), []byte(form)), now)
		if r.Signature != policy.BadSig || !isReason(r.Err, trust.Malformed) {
			t.Errorf("%s: %s, %v", name, r.Signature, r.Err)
		}
	}
	if r := store.Verify(b, now); r.Signature != policy.Trusted {
		t.Errorf("as it was: %v", r.Err)
	}
}

// loosened sets a bit that base64 does not use.
func loosened(line string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	text := strings.TrimSuffix(line, "\n")
	at := strings.IndexByte(text, '=') - 1
	return text[:at] + string(digits[strings.IndexByte(digits, text[at])|1]) + text[at+1:] + "\n"
}

func isReason(err error, want trust.Reason) bool {
	e, ok := errors.AsType[*trust.Error](err)
	return ok && e.Reason == want
}

// TestFlips changes each bit of a signature file, removes each byte and doubles it.
func TestFlips(t *testing.T) {
	key := keyOf(t, 7)
	b := signed(t, weather(t), key)
	file := signatureOf(t, b, key)
	store := storeOf(t, ada(key))
	try := func(name string, at int, other []byte) {
		if bytes.Equal(other, file) {
			return
		}
		if r := store.Verify(attach(t, b, nameOf(key), other), now); r.Signature == policy.Trusted {
			t.Errorf("%s %d: trusted", name, at)
		}
	}
	for at := range file {
		for bit := range 8 {
			other := bytes.Clone(file)
			other[at] ^= 1 << bit
			try("bit", 8*at+bit, other)
		}
		try("without byte", at, append(bytes.Clone(file[:at]), file[at+1:]...))
		try("double byte", at, append(bytes.Clone(file[:at+1]), file[at:]...))
		try("beginning", at, file[:at])
	}
}

// TestSumOfGroupOrder adds the order of the group to the number S of a signature: the
// equation still holds, and a reader that does not look takes it (RFC 8032, 5.1.7).
func TestSumOfGroupOrder(t *testing.T) {
	key := keyOf(t, 7)
	b := signed(t, weather(t), key)
	lines := strings.SplitAfter(string(signatureOf(t, b, key)), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[1]))
	if err != nil {
		t.Fatal(err)
	}
	order := []byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}
	carry := 0
	for i, n := range order {
		sum := int(raw[42+i]) + int(n) + carry
		raw[42+i], carry = byte(sum), sum>>8
	}
	lines[1] = base64.StdEncoding.EncodeToString(raw) + "\n"
	r := storeOf(t, ada(key)).Verify(attach(t, b, nameOf(key), []byte(strings.Join(lines, ""))), now)
	if !isReason(r.Err, trust.WrongBytes) {
		t.Errorf("%s, %v", r.Signature, r.Err)
	}
}

// resigned returns the signature file of the key over the content list of b, with any
// trusted comment, as minisign would make it.
func resigned(t testing.TB, contents []byte, seed byte, comment string) []byte {
	t.Helper()
	private, _ := stock(t, seed)
	r := minisign.NewReader(bytes.NewReader(contents))
	var sink bytes.Buffer
	if _, err := sink.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return r.SignWithComments(private, comment, "signature from minisign secret key")
}

// TestComments signs the right bytes with other trusted comments.
func TestComments(t *testing.T) {
	key := keyOf(t, 7)
	b := weather(t)
	contents, err := b.Attachment(".pack/contents")
	if err != nil {
		t.Fatal(err)
	}
	digest, stamp := b.Digest(), now.Format(time.RFC3339)
	right := "modrunner id=com.ada.weather version=1.2.0 digest=" + digest + " time=" + stamp
	other := packed(t, "com.ada.weather", "1.2.0", "return 2").Digest()
	cases := []struct {
		name, comment string
		want          trust.Reason
	}{
		{"right", right, ""},
		{"other id", strings.Replace(right, "weather", "climate", 1), trust.OtherMod},
		{"other version", strings.Replace(right, "1.2.0", "1.2.1", 1), trust.OtherMod},
		{"longer version", strings.Replace(right, "1.2.0", "1.2.0+a", 1), trust.OtherMod},
		{"other digest", strings.Replace(right, digest, other, 1), trust.OtherMod},
		{"of minisign", "timestamp:1772366400\tfile:contents\thashed", trust.Malformed},
		{"plain", "timestamp:1772366400", trust.Malformed},
		{"empty", "", trust.Malformed},
		{"more", right + " by=Ada", trust.Malformed},
		{"twice", right + " " + right, trust.Malformed},
		{"less", strings.TrimSuffix(right, " time="+stamp), trust.Malformed},
		{"order", "modrunner version=1.2.0 id=com.ada.weather digest=" + digest + " time=" + stamp, trust.Malformed},
		{"blanks", strings.Replace(right, " id", "  id", 1), trust.Malformed},
		{"tab", strings.Replace(right, " id", "\tid", 1), trust.Malformed},
		{"blank at the end", right + " ", trust.Malformed},
		{"return at the end", right + "\r", trust.Malformed},
		{"no value", strings.Replace(right, "id=com.ada.weather", "id=", 1), trust.Malformed},
		{"no name", strings.Replace(right, "id=com.ada.weather", "com.ada.weather", 1), trust.Malformed},
		{"a name twice", strings.Replace(right, "id=com", "id=id=com", 1), trust.OtherMod},
		{"zone", strings.TrimSuffix(right, "Z") + "+00:00", trust.Malformed},
		{"fraction", strings.TrimSuffix(right, "Z") + ".5Z", trust.Malformed},
		{"no time", strings.Replace(right, stamp, "yesterday", 1), trust.Malformed},
		{"leap day", strings.Replace(right, "2026-03-01", "2026-02-29", 1), trust.Malformed},
		{"year 0", strings.Replace(right, "2026", "0000", 1), trust.Malformed},
		{"capitals", strings.Replace(right, "modrunner", "Modrunner", 1), trust.Malformed},
		{"not ASCII", strings.Replace(right, "weather", "we\u202eather", 1), trust.Malformed},
		{"zero byte", right + "\x00", trust.Malformed},
		{"long", right + strings.Repeat("x", 4096), trust.Malformed},
	}
	store := storeOf(t, ada(key))
	for _, c := range cases {
		file := resigned(t, contents, 7, c.comment)
		r := store.Verify(attach(t, b, nameOf(key), file), now)
		if c.want == "" {
			if r.Signature != policy.Trusted {
				t.Errorf("%s: %v", c.name, r.Err)
			}
		} else if !isReason(r.Err, c.want) {
			t.Errorf("%s: %s, %v; want %s", c.name, r.Signature, r.Err, c.want)
		}
		if r.Err != nil && strings.ContainsAny(r.Err.Error(), "\n\r\t\x00\x1b\u202e") {
			t.Errorf("%s: %q has several lines or controls", c.name, r.Err)
		}
	}
}
