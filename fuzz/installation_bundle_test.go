package fuzz

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/trust"
)

// signedAt is when all bundles were signed; the clock of a life begins a month later.
var signedAt = time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)

// publishers are three keys, the same in every process.
var publishers = sync.OnceValue(func() (all []trust.PrivateKey) {
	for n := range 3 {
		seed := sha256.Sum256(fmt.Appendf(nil, "the key of publisher %d", n))
		private := ed25519.NewKeyFromSeed(seed[:])
		raw := []byte{'E', 'd', 0, 0, 'B', '2'} // as minisign writes a key without a password
		raw = append(raw, make([]byte, 48)...)
		raw = binary.LittleEndian.AppendUint64(raw, 0xA000_0000_0000_0001+uint64(n))
		raw = append(raw, private...)
		raw = append(raw, make([]byte, 32)...)
		key, err := trust.ReadKey([]byte("untrusted comment: minisign encrypted secret key\n"+base64.StdEncoding.EncodeToString(raw)+"\n"), "")
		if err != nil {
			panic(err)
		}
		all = append(all, key)
	}
	return all
})

// edition is one bundle that somebody made.
type edition struct {
	bundle      *bundle.Bundle
	unsigned    *bundle.Bundle
	id, version string
	digest      string
	says        string // what its code tells the probe, or hands to who copies it in
	library     bool
	asks        []string // capabilities
	optional    []string
}

var (
	modIDs      = []string{"aaa", "bbb", "ccc", "lib"}
	modVersions = []string{"1.0.0", "1.1.0", "1.2.0", "2.0.0"}
)

// The requests for permissions that a edition may have, beside that for the probe.
var modRequests = []string{
	"",
	"sight = {reason = \"looks\"}\n",
	"disk = {reason = \"remembers\", room = 100}\n",
	"disk = {reason = \"remembers\", room = 5000}\nsight = {reason = \"looks\"}\n",
	"net = {reason = \"scores\", hosts = [\"a.example\"]}\n",
	"net = {reason = \"scores\", hosts = [\"a.example\"], optional = true}\n",
	"net = {reason = \"scores\", hosts = [\"a.example\", \"b.example\"], optional = true}\ndisk = {reason = \"remembers\", optional = true}\n",
	"net = {reason = \"scores\", hosts = [\"a.example\"], optional = true}\nsight = {reason = \"looks\", optional = true}\n",
}

// What a edition may need of others.
var modNeeds = []string{
	"", "[libraries]\nlib = \"*\"\n", "[dependencies]\n%s = \"^1.0.0\"\n", "[libraries]\nlib = \"^1.0.0\"\n[dependencies]\n%s = \"*\"\n",
}

// Most need nothing, and most are signed by the first publisher: 0 is nobody, 4 two of
// them.
var (
	usualNeeds   = [8]byte{0, 0, 0, 1, 1, 0, 2, 3}
	usualSigners = [8]byte{1, 1, 0, 1, 2, 3, 4, 1}
)

// cut says which edition is meant: the numbers may be any.
type cut struct{ id, version, request, need, signer byte }

var editions struct {
	sync.Mutex
	made   map[cut]*edition
	digest map[string]*edition // any that has it
}

// published makes an edition, once.
func published(t testing.TB, c cut) *edition {
	t.Helper()
	c = cut{c.id % 4, c.version % 4, c.request % 8, usualNeeds[c.need%8], usualSigners[c.signer%8]}
	if c.id == 3 {
		c.need = 0
	}
	editions.Lock()
	defer editions.Unlock()
	if r := editions.made[c]; r != nil {
		return r
	}
	r := &edition{id: modIDs[c.id], version: modVersions[c.version], library: c.id == 3}
	r.says = fmt.Sprintf("%s %s %d %d", r.id, r.version, c.request, c.need)
	text, main := fmt.Sprintf("[mod]\nid = %q\nversion = %q\n", r.id, r.version), ""
	if r.library {
		text += "library = true\n"
		main = fmt.Sprintf("return {name = %q}\n", r.says)
	} else {
		text += "[permissions]\nprobe = {reason = \"is watched\"}\n" + modRequests[c.request]
		need := modNeeds[c.need]
		if strings.Contains(need, "%s") {
			need = fmt.Sprintf(need, modIDs[(c.id+1)%3])
		}
		text += need
		copied := `"-"`
		if strings.Contains(need, "[libraries]") {
			copied = `require("lib").name`
		}
		for _, name := range []string{"sight", "disk", "net"} {
			if strings.Contains(modRequests[c.request], name+" =") {
				main += fmt.Sprintf("if %s then %s.touch() end\n", name, name)
			}
		}
		main += fmt.Sprintf("local copied = %s\nprobe.ran(%q, copied)\nreturn {tick = function() probe.ticked(%q, copied) end}\n", copied, r.says, r.says)
	}
	b, err := bundle.Open(fstest.MapFS{"mod.toml": {Data: []byte(text)}, "main.lua": {Data: []byte(main)}}, bundle.Limits{})
	if err == nil {
		b, err = bundle.Pack(b)
	}
	r.unsigned = b
	switch c.signer {
	case 0:
	case 4:
		for _, key := range publishers()[:2] {
			if err == nil {
				b, err = trust.Sign(b, key, signedAt)
			}
		}
	default:
		if err == nil {
			b, err = trust.Sign(b, publishers()[c.signer-1], signedAt)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r.bundle, r.digest = reread(t, b), b.Digest()
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range man.Permissions {
		r.asks = append(r.asks, p.Name)
		if p.Optional {
			r.optional = append(r.optional, p.Name)
		}
	}
	if editions.made == nil {
		editions.made, editions.digest = map[cut]*edition{}, map[string]*edition{}
	}
	editions.made[c] = r
	if editions.digest[r.digest] == nil {
		editions.digest[r.digest] = r
	}
	return r
}

// reread is a bundle as it is read from its archive.
func reread(t testing.TB, b *bundle.Bundle) *bundle.Bundle {
	t.Helper()
	data := archive(t, b)
	b, err := bundle.OpenZip(bytes.NewReader(data), int64(len(data)), bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func archive(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := b.WriteZip(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// editionOf returns a edition with that digest, whoever signed it; nil if nobody made one.
func editionOf(digest string) *edition {
	editions.Lock()
	defer editions.Unlock()
	return editions.digest[digest]
}

// signersOf returns the ids of the keys that a bundle is signed with.
func signersOf(b *bundle.Bundle) (keys []string) {
	for _, s := range trust.Signers(b) {
		keys = append(keys, s.KeyID)
	}
	slices.Sort(keys)
	return keys
}

// digestName is the name of a bundle's file, without its ending, and digestNamed the
// digest of one.
func digestName(digest string) (string, error) { return bundle.DigestName(digest) }

func digestNamed(path string) string {
	name := strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".zip")
	digest, err := bundle.ParseDigest(name)
	if err != nil {
		return ""
	}
	return digest
}
