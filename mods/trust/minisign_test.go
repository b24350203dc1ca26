package trust_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

// fullCost asks for the passwords, too, that cost a gigabyte and seconds each to try.
var fullCost = os.Getenv("MINISIGN_FULL_COST") != ""

// TestStockMinisign exchanges keys, signatures and rotations with minisign itself, both
// ways, if it is installed.
func TestStockMinisign(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("no minisign here")
	}
	t.Chdir(t.TempDir())
	minisign := func(stdin string, args ...string) (string, error) {
		cmd := exec.Command(program, args...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}

	// A key of ours, without and with a password: minisign signs the same file.
	key := keyOf(t, 7)
	b := signed(t, weather(t), key)
	ours := signatureOf(t, b, key)
	comment := strings.TrimPrefix(strings.Split(string(ours), "\n")[2], "trusted comment: ")
	write("contents", weatherContents(t))
	write("plain.key", privateFile(7, 0x07<<56|7))
	write("protected.key", protectedFile(t, 7, 0x07<<56|7, "xyzzy"))
	for _, name := range []string{"plain.key", "protected.key"} {
		if out, err := minisign("xyzzy\n", "-S", "-s", name, "-m", "contents", "-x", name+".minisig", "-t", comment); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		if theirs := read(name + ".minisig"); !bytes.Equal(theirs, ours) {
			t.Errorf("%s: minisign signs\n%s\nand we\n%s", name, theirs, ours)
		}
	}
	// It verifies what we signed, and with nothing changed only.
	write("contents.minisig", ours)
	write("ada.pub", key.Public().File())
	for _, args := range [][]string{{"-P", key.Public().String()}, {"-p", "ada.pub"}} {
		out, err := minisign("", append([]string{"-V", "-H", "-m", "contents"}, args...)...)
		if err != nil || !strings.Contains(out, "Trusted comment: "+comment) {
			t.Errorf("verify: %v: %s", err, out)
		}
	}
	if _, err := minisign("", "-V", "-m", "contents", "-P", keyOf(t, 8).Public().String()); err == nil {
		t.Error("minisign verifies everything")
	}

	// A key of minisign's own: we read it, and take what it signs.
	for _, args := range [][]string{{"-G", "-W", "-p", "w.pub", "-s", "w.key"}, {"-G", "-p", "g.pub", "-s", "g.key"}} {
		if !fullCost && args[1] != "-W" {
			continue
		}
		if out, err := minisign("xyzzy\nxyzzy\n", args...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		name := args[len(args)-1]
		private, err := trust.ReadKey(read(name), "xyzzy")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		public, err := trust.ReadPublicKey(read(strings.TrimSuffix(name, "key") + "pub"))
		if err != nil || public != private.Public() {
			t.Errorf("%s: %v, %v", name, public, err)
		}
		if out, err := minisign("xyzzy\n", "-S", "-s", name, "-m", "contents", "-x", "theirs.minisig", "-t", comment); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if r := storeOf(t, ada(private)).Verify(attach(t, weather(t), nameOf(private), read("theirs.minisig")), now); r.Signature != policy.Trusted {
			t.Errorf("%s: %v", name, r.Err)
		}
	}

	// A key that NewKey made.
	if fullCost {
		_, file, err := trust.NewKey("xyzzy")
		if err != nil {
			t.Fatal(err)
		}
		write("new.key", file)
		if out, err := minisign("xyzzy\n", "-S", "-s", "new.key", "-m", "contents"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}

	// The two signatures of a rotation.
	old, replacement := keyOf(t, 1), keyOf(t, 2)
	statement, err := trust.SignRotation(old, replacement, now)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(statement), "\n")
	write("rotation", []byte(strings.Join(lines[:4], "")))
	for i, key := range []trust.PrivateKey{old, replacement} {
		write("rotation.minisig", []byte(strings.Join(lines[4+4*i:8+4*i], "")))
		out, err := minisign("", "-V", "-H", "-m", "rotation", "-P", key.Public().String())
		if err != nil || !strings.Contains(out, "Trusted comment: modrunner rotation old="+old.ID()+" new="+replacement.ID()+" from="+now.Format(time.RFC3339)) {
			t.Errorf("%v: %s", err, out)
		}
	}
}
