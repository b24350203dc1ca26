package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/provenance"
	"github.com/luasandbox/modrunner/mods/trust"
)

func newVerify(c *console) *cobra.Command {
	var v verification
	var store trustFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [flags] BUNDLE.zip...",
		Short: "Find out whether packed mods are as they were packed, and who signed them",
		Long: `Find out, of each archive, whether it is one that "modrunner pack" makes, to the byte;
whether its list of contents is that of the files and the manifest in it; whether what
is attached, a statement of provenance or an SBOM, is about this mod; and who signed
it. All that is there must be right, and it must be signed by a key that the trust
store knows and lets sign this mod. --unsigned accepts mods that nobody signed; a
signature that is there must be right all the same.

The trust store is the FILE of --trust or, without it, trust.toml of the
installation; if there is none, nobody is trusted.

What is right is listed on standard output; what is not, on standard error. With
--json standard output has one JSON document and nothing else:
  {"bundles": [{"bundle", "status": "ok" or "refused", "id", "version", "digest",
   "canonical": true or false, "bytes": N, "files": [{"path", "size": N, "sha256"}],
   "attachments": [the same], "provenance": {"sources": [{"uri", "commit"}],
   "builder", "build_type", "versions", "started", "finished", "unknown": [...]},
   "sbom": {"spec", "name", "version", "license", "tool", "time", "files": N,
   "components": [...]}, "signature": {"state", "publisher", "keys": [...],
   "signers": [{"key", "state", "publisher", "time", "error"}]}, "problems":
   [{"about", "error"}]}]}
"about" is "archive", "manifest", "contents", "provenance", "sbom" or "signature".
What a statement or an SBOM says is the word of who signed the mod.

Nothing is run. Exit status: 0 all is right; 2 wrong usage; 4 something is not, or
cannot be read; 128 and the signal's number if interrupted.`,
		Example: `  modrunner verify weather-1.0.0.zip
  modrunner verify --trust keys.toml --json mods/*.zip
  modrunner verify --unsigned mymod-0.1.0.zip`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want archives of mods")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			end := c.verify(cmd.Context(), args, v, store, asJSON)
			if end != allWell {
				return &exitError{end}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	store.register(cmd)
	flags.BoolVar(&v.unsigned, "unsigned", false, "accept mods that nobody signed")
	flags.BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// verification is what archives are held against.
type verification struct {
	unsigned  bool
	store     *trust.Store // nil: nobody is trusted
	storeFile string       // where it is from, or ""
	at        time.Time
}

// verifyReport is what is known of one archive, of which the list in the JSON document
// of verify consists.
type verifyReport struct {
	Bundle      string            `json:"bundle"`
	Status      string            `json:"status"` // "ok" or "refused"
	ID          string            `json:"id,omitempty"`
	Version     string            `json:"version,omitempty"`
	Digest      string            `json:"digest,omitempty"`
	Canonical   bool              `json:"canonical"`
	Bytes       int64             `json:"bytes,omitempty"`
	Files       []fileReport      `json:"files,omitempty"`
	Attachments []fileReport      `json:"attachments,omitempty"`
	Provenance  *provenanceReport `json:"provenance,omitempty"`
	SBOM        *sbomReport       `json:"sbom,omitempty"`
	Signature   *signatureReport  `json:"signature,omitempty"`
	Problems    []problemReport   `json:"problems,omitempty"`

	provenance *provenance.Statement
	listed     bool // the list of contents is right
	errs       []error
}

type provenanceReport struct {
	Sources   []sourceReport    `json:"sources"`
	Builder   string            `json:"builder"`
	BuildType string            `json:"build_type"`
	Versions  map[string]string `json:"versions,omitempty"`
	Started   *time.Time        `json:"started,omitempty"`
	Finished  *time.Time        `json:"finished,omitempty"`
	Unknown   []string          `json:"unknown,omitempty"`
}

type sourceReport struct {
	URI    string `json:"uri"`
	Commit string `json:"commit,omitempty"`
}

type signatureReport struct {
	State     policy.Signature `json:"state"`
	Publisher string           `json:"publisher,omitempty"`
	Keys      []string         `json:"keys"`
	Signers   []signerReport   `json:"signers"`
}

type signerReport struct {
	Key       string `json:"key"`
	State     string `json:"state"`
	Publisher string `json:"publisher,omitempty"`
	Time      string `json:"time,omitempty"`
	Error     string `json:"error,omitempty"`
}

type problemReport struct {
	About string `json:"about"`
	Error string `json:"error"`
}

func (r *verifyReport) problem(about string, err error) {
	r.Problems = append(r.Problems, problemReport{about, jsonText(inOneLine(err))})
	r.errs = append(r.errs, err)
}

// verify checks the archives at paths, in their order, and reports on them.
func (c *console) verify(ctx context.Context, paths []string, v verification, store trustFlag, asJSON bool) status {
	v.at = time.Now()
	var err error
	if v.store, v.storeFile, err = readTrust(store.file, store.home.file(trust.FileName)); err != nil {
		c.refused(err)
		return notRun
	}
	if v.store != nil { // and what the catalogue of the installation revoked
		_, in, err := store.home.facts(ctx, store.file, nil)
		if err != nil {
			c.refused(err)
			return notRun
		}
		v.store = in.Trust
	}
	end := allWell
	document := struct {
		Bundles []*verifyReport `json:"bundles"`
	}{[]*verifyReport{}}
	for _, path := range paths {
		if i := interruptedBy(ctx); i != nil {
			c.interrupted(i.Error())
			return i.status()
		}
		r := v.look(path)
		if r.Status != "ok" {
			end = notRun
		}
		if asJSON {
			document.Bundles = append(document.Bundles, r)
			continue
		}
		c.verified(r)
	}
	if asJSON {
		c.writeJSON(document)
	}
	return end
}

// readTrust reads the trust store that a person named, or else that of the home if there
// is one.
func readTrust(named, home string) (*trust.Store, string, error) {
	if named != "" {
		store, err := trust.ReadFile(named)
		return store, named, trustError(named, err)
	}
	store, err := trust.ReadFile(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	return store, home, trustError(home, err)
}

// trustError names the file, if the error does not.
func trustError(path string, err error) error {
	if _, placed := errors.AsType[*trust.StoreError](err); err == nil || placed {
		return err
	}
	return &refusal{What: path, Reason: bare(err).Error(), Want: "a trust store", Err: err}
}

// look checks the archive at path.
func (v verification) look(path string) *verifyReport {
	r := &verifyReport{Bundle: jsonText(path), Status: "refused"}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		r.problem("archive", notAnArchive())
		return r
	}
	b, err := openMod(path)
	if err != nil {
		r.problem("archive", err)
		return r
	}
	r.Digest, r.Canonical = b.Digest(), b.Canonical()
	r.Files, r.Attachments = fileReports(b.Files()), fileReports(b.Attachments())
	for _, f := range b.Files() {
		r.Bytes += f.Size
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		r.problem("manifest", err)
		return r
	}
	r.ID, r.Version = man.ID, man.Version.String()
	if !r.Canonical {
		r.problem("archive", notCanonical())
	}
	if _, err := b.Contents(); err != nil {
		r.problem("contents", err)
	} else {
		r.listed = true
	}
	r.lookAtAttachments(b, man)
	v.lookAtSignatures(b, r)
	if len(r.Problems) == 0 {
		r.Status = "ok"
	}
	return r
}

func (r *verifyReport) lookAtAttachments(b *bundle.Bundle, man *manifest.Manifest) {
	switch s, err := provenance.Of(b); {
	case err == nil:
		r.provenance = s
		r.Provenance = &provenanceReport{
			Sources: []sourceReport{}, Builder: s.Builder, BuildType: s.BuildType, Versions: s.Versions,
			Started: ifSet(s.Started), Finished: ifSet(s.Finished), Unknown: s.Unknown,
		}
		for _, source := range s.Sources {
			r.Provenance.Sources = append(r.Provenance.Sources, sourceReport{source.URI, source.Commit})
		}
	case !errors.Is(err, provenance.ErrNotAttached):
		r.problem("provenance", err)
	}
	if data, err := b.Attachment(bundle.SBOMName); err == nil {
		if r.SBOM, err = readSBOM(b, man, data); err != nil {
			r.problem("sbom", err)
		}
	}
}

func (v verification) lookAtSignatures(b *bundle.Bundle, r *verifyReport) {
	result := v.store.Verify(b, v.at)
	s := &signatureReport{State: result.Signature, Publisher: result.Publisher, Keys: append([]string{}, result.Keys...), Signers: []signerReport{}}
	for _, signer := range result.Signers {
		one := signerReport{Key: signer.KeyID, State: string(signer.Signature), Publisher: signer.Publisher}
		if signer.Err != nil {
			one.Error = jsonText(signer.Err.Error())
		}
		if !signer.Time.IsZero() {
			one.Time = signer.Time.UTC().Format(time.RFC3339)
		}
		s.Signers = append(s.Signers, one)
	}
	r.Signature = s
	switch {
	case result.Signature == policy.Trusted && result.Err == nil:
	case result.Signature == policy.Unsigned && v.unsigned:
	case errors.Is(result.Err, &trust.Error{Reason: trust.WrongContents}) && !r.listed: // it was said
	default:
		r.problem("signature", errors.New(notTrusted(result.Err, v.storeFile)))
	}
}

func ifSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// verified writes for people what is known of an archive.
func (c *console) verified(r *verifyReport) {
	for i, p := range r.Problems {
		c.refusedMod(r.Bundle+": "+p.About, r.errs[i])
	}
	if r.Digest == "" {
		return
	}
	word, title := c.out.paint(red, "refused"), ""
	if r.Status == "ok" {
		word = c.out.paint(green, "ok")
	}
	if r.ID != "" {
		title = " (" + r.ID + " " + r.Version + ")"
	}
	fmt.Fprintf(c.out, "%s: %s%s\n", oneLine(r.Bundle), word, oneLine(title))
	rows := [][2]string{
		{"digest", r.Digest},
		{"holds", fmt.Sprintf("%s, %s; %s", plural(len(r.Files), "file"), size(r.Bytes), plural(len(r.Attachments), "attachment"))},
	}
	if r.provenance != nil {
		rows = append(rows, [2]string{"provenance", provenanceLine(r.provenance)})
	}
	if r.SBOM != nil {
		rows = append(rows, [2]string{"SBOM", sbomLine(r.SBOM)})
	}
	if s := r.Signature; s != nil {
		for _, signer := range s.Signers {
			rows = append(rows, [2]string{"signature", signerLine(signer)})
		}
		if len(s.Signers) == 0 {
			rows = append(rows, [2]string{"signature", string(s.State)})
		}
	}
	for _, row := range rows {
		fmt.Fprintln(c.out, c.out.fit(fmt.Sprintf("  %-10s  %s", row[0], oneLine(row[1]))))
	}
}
