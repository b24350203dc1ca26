package trust_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"aead.dev/minisign"

	"github.com/luasandbox/modrunner/mods/trust"
)

func TestReadKey(t *testing.T) {
	plain, err := trust.ReadKey(privateFile(3, 0x0102), "")
	if err != nil {
		t.Fatal(err)
	}
	file := protectedFile(t, 3, 0x0102, "xyzzy")
	for _, text := range [][]byte{file, bytes.TrimSuffix(file, []byte("\n")), bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n"))} {
		under, err := trust.ReadKey(text, "xyzzy")
		if err != nil {
			t.Fatal(err)
		}
		if under.Public() != plain.Public() || under.ID() != "0000000000000102" {
			t.Errorf("read %s and %s", under.Public(), plain.Public())
		}
	}
	for password, want := range map[string]trust.KeyReason{
		"": trust.NoPassword, "xyzzz": trust.WrongPassword, "xyzzy ": trust.WrongPassword,
		strings.Repeat("x", trust.MaxPassword+1): trust.NoPassword, "xyz\nzy": trust.NoPassword,
	} {
		if _, err := trust.ReadKey(file, password); !errors.Is(err, &trust.KeyError{Reason: want}) {
			t.Errorf("password %.10q: %v, want %s", password, err, want)
		}
	}
	for _, c := range []struct {
		file []byte
		want bool
	}{{file, true}, {privateFile(3, 1), false}} {
		if got, err := trust.Protected(c.file); got != c.want || err != nil {
			t.Errorf("Protected: %v, %v", got, err)
		}
	}
}

// TestNewKey makes a key at the full cost, a gigabyte and seconds. TestStockMinisign
// reads such a file; other tests read cheaper ones.
func TestNewKey(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a gigabyte of memory")
	}
	t.Parallel()
	key, file, err := trust.NewKey("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if protected, err := trust.Protected(file); !protected || err != nil {
		t.Error("not protected", err)
	}
	if _, err := trust.ReadKey(file, ""); !errors.Is(err, &trust.KeyError{Reason: trust.NoPassword}) {
		t.Error(err)
	}
	raw := decoded(t, file)
	if ops, memory := binary.LittleEndian.Uint64(raw[38:]), binary.LittleEndian.Uint64(raw[46:]); ops != 1<<25 || memory != 1<<30 {
		t.Errorf("it costs %d operations and %d bytes to try a password", ops, memory)
	}
	if bytes.Equal(raw[6:38], make([]byte, 32)) {
		t.Error("no salt")
	}
	signed(t, weather(t), key)
}

func TestNewKeyNeedsPassword(t *testing.T) {
	for _, password := range []string{"", "a\nb", "a\x00", strings.Repeat("x", trust.MaxPassword+1)} {
		if _, file, err := trust.NewKey(password); file != nil || !errors.Is(err, &trust.KeyError{Reason: trust.NoPassword}) {
			t.Errorf("%.10q: %v", password, err)
		}
	}
}

func TestNewUnprotectedKey(t *testing.T) {
	key, file, err := trust.NewUnprotectedKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := trust.ReadKey(file, "")
	if err != nil || again.Public() != key.Public() {
		t.Fatalf("%v, %v", again, err)
	}
	other, _, err := trust.NewUnprotectedKey()
	if err != nil || other.Public() == key.Public() || other.ID() == key.ID() {
		t.Errorf("two keys are the same: %v", err)
	}
}

func decoded(t *testing.T, file []byte) []byte {
	t.Helper()
	_, text, _ := strings.Cut(strings.TrimSuffix(string(file), "\n"), "\n")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestBadPrivateKeys(t *testing.T) {
	decode := func(file []byte) []byte { return decoded(t, file) }
	edited := func(file []byte, at int, to byte) []byte {
		raw := decode(file)
		raw[at] = to
		return keyFile(raw)
	}
	plain, protected := privateFile(3, 1), protectedFile(t, 3, 1, "xyzzy")
	halves := decode(plain)
	copy(halves[62+32:], decode(privateFile(4, 1))[62+32:126])
	bad := map[string][]byte{
		"empty": {}, "text": []byte("hello"), "public": keyOf(t, 3).Public().File(),
		"no comment":   []byte(base64.StdEncoding.EncodeToString(decode(plain))),
		"short":        keyFile(decode(plain)[:157]),
		"long":         keyFile(append(decode(plain), 0)),
		"large":        append(plain, make([]byte, 4096)...),
		"algorithm":    edited(plain, 0, 'e'),
		"derivation":   edited(plain, 2, 'X'),
		"checksum":     edited(plain, 4, 'X'),
		"a bit of it":  edited(plain, 70, 0xff),
		"other public": keyFile(halves),
		"operations":   edited(protected, 45, 1), // 2^56 of them
		"memory":       edited(protected, 53, 1),
		"memory a bit": edited(edited(protected, 50, 1), 49, 0x41),
		"lines in it":  bytes.Replace(plain, []byte("RWQA"), []byte("RWQ\nA"), 1),
	}
	for name, file := range bad {
		if _, err := trust.ReadKey(file, "xyzzy"); !errors.Is(err, &trust.KeyError{Reason: trust.BadKey}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The library by itself takes a key whose halves do not belong together.
	var key minisign.PrivateKey
	if err := key.UnmarshalText(bytes.TrimSuffix(bad["other public"], []byte("\n"))); err != nil {
		t.Errorf("the check is not needed: %v", err)
	}
	for at := 54; at < 158; at += 13 {
		raw := decode(protected)
		raw[at] ^= 1
		if _, err := trust.ReadKey(keyFile(raw), "xyzzy"); !errors.Is(err, &trust.KeyError{Reason: trust.WrongPassword}) {
			t.Errorf("byte %d damaged: %v", at, err)
		}
	}
}

func TestPrivateKeyDoesNotPrint(t *testing.T) {
	key := keyOf(t, 0x7a)
	secret := hex.EncodeToString(bytes.Repeat([]byte{0x7a}, 32))
	doc, err := json.Marshal(map[string]any{"key": key})
	if err != nil {
		t.Fatal(err)
	}
	holder := struct {
		Key     trust.PrivateKey
		pointer *trust.PrivateKey
	}{key, &key}
	for _, text := range []string{
		fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %x %s %d", key, key, key, key, key, key),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder), fmt.Sprintf("%v %x", &key, &key), string(doc),
	} {
		if strings.Contains(strings.ReplaceAll(text, " ", ""), secret) || strings.Contains(text, "122 122") || strings.Contains(text, "0x7a, 0x7a") {
			t.Errorf("the key is in %q", text)
		}
	}
}

func TestZeroKeySignsNothing(t *testing.T) {
	if _, err := trust.Sign(weather(t), trust.PrivateKey{}, now); !errors.Is(err, &trust.KeyError{Reason: trust.BadKey}) {
		t.Error(err)
	}
}
