package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/mods/trust"
)

// The wording of key and sign.

const passwordAgain = "the same password again: "

func passwordPrompt(path string) string { return "password of " + oneLine(path) + ": " }

func newPasswordPrompt(path string) string { return "new password for " + oneLine(path) + ": " }

// noTerminal is why nobody can be asked for a password.
func noTerminal(flag string) error {
	return &refusal{What: "the password", Reason: "there is no terminal to ask at", Want: flag + " FILE"}
}

func noPassword() error {
	return &refusal{What: "the password", Reason: "it is empty", Want: "one that nobody guesses, or --no-password"}
}

func passwordsDiffer() error {
	return &refusal{What: "the password", Reason: "it was not the same the second time", Want: "the same twice"}
}

// keyInTheWay is why a file is not written.
func keyInTheWay(path string) error {
	return &refusal{What: path, Reason: "is there already, and is not written over", Want: "another -o FILE"}
}

// publicForPrivate is why a public key does not sign.
func publicForPrivate(path string) error {
	return &refusal{What: path, Reason: "is a public key", Want: "the private one, which signs"}
}

// ofKey says which key an error is about.
func ofKey(name string, err error) error {
	if e, ok := errors.AsType[*trust.KeyError](err); ok {
		return &refusal{What: name, Reason: e.Error(), Err: err}
	}
	return err
}

// isBadKey reports whether an error says that something is no key of the kind that was
// wanted.
func isBadKey(err error) bool {
	e, ok := errors.AsType[*trust.KeyError](err)
	return ok && e.Reason == trust.BadKey
}

// keyMade tells of a new key.
func (c *console) keyMade(private, public string, key trust.PublicKey, protected bool) {
	kind := "private key, under your password: keep it secret, and keep a copy"
	if !protected {
		kind = "private key, NOT under a password: whoever can read it can sign"
	}
	c.passed(private, kind)
	c.passed(public, "public key: hand it out")
	fmt.Fprintln(c.out)
	c.keyLines(key)
	c.lines("\nWho trusts you with mods whose ids begin with com.example. says so by",
		"  modrunner key trust --publisher NAME --ids \"com.example.*\" "+key.String(),
		"You sign with", "  modrunner sign --key "+oneLine(private)+" MOD.zip")
}

func (c *console) lines(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(c.out, line)
	}
}

func (c *console) keyLines(key trust.PublicKey) {
	c.lines("key  "+key.String(), "id   "+key.ID())
}

// keyShown tells what a key is, and how to check its signatures without us.
func (c *console) keyShown(key trust.PublicKey, r keyReport) {
	c.keyLines(key)
	kind := "a public key"
	if r.Protected != nil {
		kind = "a private key, under a password"
		if !*r.Protected {
			kind = "a private key, NOT under a password"
		}
	}
	c.lines("is   "+kind,
		"\nWhat it signed can be checked with minisign itself, which writes the id without zeros",
		"at its beginning:",
		"  unzip -p MOD.zip .pack/contents > contents",
		"  unzip -p MOD.zip .pack/signatures/"+key.ID()+".minisig > contents.minisig",
		"  minisign -V -H -m contents -P "+key.String(),
		"The trusted comment that it shows names the mod. Whether the list is that of what is",
		"in the archive, \"modrunner verify MOD.zip\" says.")
}

// keyStateColours have all states of keys.
var keyStateColours = map[string]string{"trusted": green, "expired": yellow, "not yet": yellow, "revoked": red}

// keyTable lists the keys of a trust store.
func (c *console) keyTable(r keysReport) {
	if len(r.Keys) == 0 {
		fmt.Fprintf(c.out, "%s: nobody is trusted; \"modrunner key trust\" begins\n", oneLine(r.Trust))
		return
	}
	rows := [][]string{{"KEY", "PUBLISHER", "STATE", "FROM", "UNTIL", "MAY SIGN"}}
	for _, e := range r.Keys {
		rows = append(rows, []string{e.ID, oneLine(orDash(e.Publisher)), e.State, orDash(e.From), orDash(e.Until), orDash(strings.Join(e.IDs, ", "))})
	}
	c.columns(rows, 2, func(int) bool { return false }, func(row int) string { return keyStateColours[r.Keys[row-1].State] })
	for _, e := range r.Keys {
		if e.Successor != "" {
			fmt.Fprintf(c.out, "%s: replaced by %s\n", e.ID, e.Successor)
		}
		if e.Revoked != "" {
			with := ""
			if e.RevokedWith != "" {
				with = "with " + e.RevokedWith + ", whose place it took, "
			}
			fmt.Fprintf(c.out, "%s: revoked %s%s\n", e.ID, with, since(e.Revoked, e.Reason))
		}
	}
}

// since words a revocation.
func since(at, reason string) string {
	if reason != "" {
		reason = ": " + oneLine(reason)
	}
	return "since " + at + reason
}

// keyTrusted tells of a key that is trusted now.
func (c *console) keyTrusted(path string, e keyEntry, known bool) {
	verb := "trusted with"
	if known {
		verb = "was there already, and is now trusted with"
	}
	text := fmt.Sprintf("key %s of %s %s %s", e.ID, e.Publisher, verb, strings.Join(e.IDs, ", "))
	if e.From != "" {
		text += ", from " + e.From
	}
	if e.Until != "" {
		text += ", until " + e.Until
	}
	c.passed(path, text)
}

// keyRevoked tells of a key that is trusted no more, and of those that fell with it.
func (c *console) keyRevoked(path, id string, before, after *trust.Store) {
	r, _ := after.Revocation(id)
	text := "key " + id
	k, known := after.Key(id)
	if known {
		text += " of " + k.Publisher
	} else {
		text += ", which is not in the trust store,"
	}
	c.passed(path, text+" is revoked "+since(stamp(r.At), r.Reason))
	for _, k := range after.Keys() {
		_, already := before.Revocation(k.ID())
		if _, falls := after.Revocation(k.ID()); falls && !already && k.ID() != id {
			c.passed(path, fmt.Sprintf("key %s of %s falls with it: it took its place at %s", k.ID(), k.Publisher, stamp(k.Rotated)))
		}
	}
	if next, there := after.Successor(id); there {
		if _, falls := after.Revocation(next.ID()); !falls {
			c.say(yellow, fmt.Sprintf("key %s took its place at %s, before that time, and is still trusted; if that was a thief: --at an earlier time", next.ID(), stamp(next.Rotated)))
		}
	}
}

// keyReplaced tells of a rotation that was taken.
func (c *console) keyReplaced(path string, r trust.Rotation, k trust.Key) {
	c.passed(path, fmt.Sprintf("key %s of %s takes the place of %s from %s on", k.ID(), k.Publisher, r.Old.ID(), stamp(k.From)))
}

// notSigned tells why an archive was not signed, or could not be looked at.
func (c *console) notSigned(path string, err error) {
	if e, ok := errors.AsType[*refusal](err); ok && e.What != "" {
		c.refused(err) // it is about a key
		return
	}
	c.refusedMod(path, err)
}

// signed tells who signed an archive.
func (c *console) signed(path string, r signReport) {
	if r.Signature == nil {
		c.passed(path, fmt.Sprintf("%s %s, signed by key %s", r.ID, r.Version, r.Key))
		return
	}
	s := r.Signature
	text := string(s.State)
	if s.Publisher != "" {
		text += " by " + s.Publisher
	}
	what := cmp.Or(strings.TrimSpace(r.ID+" "+r.Version), "without a list of contents that is right")
	fmt.Fprintf(c.out, "%s: %s (%s)\n", oneLine(path), c.out.paint(signatureColour(string(s.State)), oneLine(text)), oneLine(what))
	if len(s.Signers) == 0 {
		return
	}
	rows := [][]string{{"KEY", "PUBLISHER", "STATE", "SIGNED"}}
	for _, one := range s.Signers {
		rows = append(rows, []string{one.Key, oneLine(orDash(one.Publisher)), one.State, orDash(one.Time)})
	}
	fmt.Fprintln(c.out)
	c.columns(rows, 2, func(int) bool { return false }, func(row int) string { return signatureColour(s.Signers[row-1].State) })
	for _, one := range s.Signers {
		if one.Error != "" {
			fmt.Fprintln(c.out, oneLine(one.Error))
		}
	}
}
