package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/trust"
)

func newSign(c *console) *cobra.Command {
	var key, at string
	var password passwordFlag
	var store trustFlag
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "sign --key FILE [flags] BUNDLE.zip",
		Short: "Sign a packed mod",
		Long: `Sign a mod that "modrunner pack" made: add a signature to the archive, which is
replaced as a whole. What is signed is the list of its contents; the signature names
the mod's id, version and digest, and the time. A mod may have eight signatures; one
that the key made before is replaced. The mod's digest, its identity, stays the same.

An archive that is not as pack writes it, or whose list is not that of what is in it,
is not signed. Look at what you sign: "modrunner verify".

--list shows who signed it, as the trust store knows them, and changes nothing.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "bundle", "id", "version", "digest", "key",
   "signature": {"state", "publisher", "keys": [...], "signers": [{"key", "state",
   "publisher", "time", "error"}]}}
"key" is that which signed it now, "signature" is there with --list.

Exit status: 0 signed, or listed; 2 wrong usage; 4 not signed, or not to be read; 128
and the signal's number if interrupted.`,
		Example: `  modrunner sign --key ada.key weather-1.0.0.zip
  modrunner sign --list weather-1.0.0.zip`,
		Args: oneArgument("an archive of a mod"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list == (key != "") {
				return errors.New("want --key FILE to sign, or --list to see who did")
			}
			made, err := timeOfFlag("--time", at)
			if err != nil {
				return err
			}
			report := signReport{Status: "ok", Bundle: jsonText(args[0])}
			end := allWell
			if list {
				err = report.list(args[0], &store)
			} else {
				err = c.sign(cmd.Context(), args[0], key, &password, made, &report)
			}
			if interruptedBy(cmd.Context()) != nil {
				return c.ended(cmd.Context(), allWell)
			}
			if err != nil {
				end, report.Status, report.Error = notRun, "refused", jsonText(inOneLine(err))
			}
			switch {
			case asJSON:
				c.writeJSON(report)
			case err == nil:
				c.signed(args[0], report)
			}
			if err != nil {
				c.notSigned(args[0], err)
			}
			return c.ended(cmd.Context(), end)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&key, "key", "", "sign with the private key in this `FILE`")
	password.register(cmd, "password-file", "of the key")
	flags.StringVar(&at, "time", "", "say that it is signed at this `TIME`, such as 2006-01-02T15:04:05Z (default\nnow)")
	flags.BoolVar(&list, "list", false, "show who signed it, and change nothing")
	store.register(cmd)
	flags.BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	_ = cmd.MarkFlagFilename("key", "key")
	return cmd
}

// signReport is the JSON document of sign.
type signReport struct {
	Status    string           `json:"status"` // "ok" or "refused"
	Error     string           `json:"error,omitempty"`
	Bundle    string           `json:"bundle"`
	ID        string           `json:"id,omitempty"`
	Version   string           `json:"version,omitempty"`
	Digest    string           `json:"digest,omitempty"`
	Key       string           `json:"key,omitempty"`
	Signature *signatureReport `json:"signature,omitempty"`
}

// open reads the archive at path.
func (r *signReport) open(path string) (*bundle.Bundle, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, notAnArchive()
	}
	b, err := bundle.OpenPath(path, bundle.Limits{})
	if err != nil {
		return nil, err
	}
	r.Digest = b.Digest()
	contents, err := b.Contents()
	if err == nil {
		r.ID, r.Version = contents.ID, contents.Version
	}
	return b, nil
}

// sign signs the archive at path.
func (c *console) sign(ctx context.Context, path, keyFile string, password *passwordFlag, at time.Time, report *signReport) error {
	b, err := report.open(path)
	if err != nil {
		return err
	}
	if _, err := b.Contents(); err != nil {
		return err
	}
	if !b.Canonical() {
		return notCanonical()
	}
	key, err := c.openPrivateKey(ctx, keyFile, password)
	if err != nil {
		return err
	}
	b, err = trust.Sign(b, key, at)
	if err != nil || ctx.Err() != nil {
		return err
	}
	report.Key = key.ID()
	return b.WriteFile(path, true)
}

// list finds out who signed the archive at path.
func (r *signReport) list(path string, store *trustFlag) error {
	s, err := store.read()
	if err != nil {
		return err
	}
	b, err := r.open(path)
	if err != nil {
		return err
	}
	var looked verifyReport
	verification{unsigned: true, store: s, at: time.Now()}.lookAtSignatures(b, &looked)
	r.Signature = looked.Signature
	return nil
}

// signatureColour goes with the word for the state, never alone.
func signatureColour(state string) string {
	switch policy.Signature(state) {
	case policy.Trusted:
		return green
	case policy.UnknownKey, policy.Unsigned, policy.Expired:
		return yellow
	}
	return red
}
