package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/provenance"
)

// packTool names this program in statements of provenance.
const packTool = "https://github.com/luasandbox/modrunner"

// packOptions is what the flags of pack say.
type packOptions struct {
	out        string
	force      bool
	provenance bool
	source     string
	commit     string
	time       string
	sbom       bool
	json       bool
}

func newPack(c *console) *cobra.Command {
	var o packOptions
	cmd := &cobra.Command{
		Use:   "pack [flags] MOD",
		Short: "Pack a mod into an archive to hand on",
		Long: `Pack a mod (a folder with mod.toml, or a .zip file of one) into an archive, with a
list of its contents that can be signed. The same files make the same archive, to the
byte, on every machine and on every day. Hidden files (.git, .DS_Store) are left out.

The digest that is printed is the mod's identity: in reports, lock files, approvals
and audit logs. It is of the files alone; what is attached to them, such as a
signature, does not change it.

--provenance attaches a statement of where the mod is from (in-toto, SLSA
provenance v1), as you say: --source and --commit name the source, --time when it was
packed. --sbom attaches a list of what it consists of (CycloneDX). No time is written
but that of --time or, without it, of the environment variable SOURCE_DATE_EPOCH.
Both name the version of modrunner. What was attached before stays, if it is about this
mod, unless these flags make it anew; signatures stay if the list of contents is the
same.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "file", "id", "version", "digest",
   "bytes": N, "sha256", "files": [{"path", "size": N, "sha256"}], "attachments":
   [the same]}
"bytes" and "sha256" are of the archive.

Nothing is run. Exit status: 0 packed; 2 wrong usage; 4 the mod was refused, or the
archive could not be written.`,
		Example: `  modrunner pack mymod
  modrunner pack -o release/mymod.zip --sbom mymod
  modrunner pack --source https://example.org/mymod --commit "$(git rev-parse HEAD)" mymod`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s named; want one mod: a folder with mod.toml, or a .zip file", plural(len(args), "path"))
			}
			if o.out != "" && !strings.EqualFold(filepath.Ext(o.out), ".zip") {
				return fmt.Errorf("-o %q: want a name that ends in .zip", o.out)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			claim, err := o.claim(os.Getenv("SOURCE_DATE_EPOCH"))
			if err != nil {
				return err
			}
			if end := c.pack(args[0], o, claim); end != allWell {
				return &exitError{end}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&o.out, "output", "o", "", "write the archive to this `FILE` (default ID-VERSION.zip)")
	flags.BoolVar(&o.force, "force", false, "replace the file, if it is there")
	flags.BoolVar(&o.provenance, "provenance", false, "attach where the mod is from; --source and --commit imply it")
	flags.StringVar(&o.source, "source", "", "the source of the mod: a `URI`, such as git+https://example.org/mymod")
	flags.StringVar(&o.commit, "commit", "", "the whole `ID` of the commit in that source")
	flags.StringVar(&o.time, "time", "", "when it is packed: a `TIME` such as 2006-01-02T15:04:05Z (default\n$SOURCE_DATE_EPOCH, or none)")
	flags.BoolVar(&o.sbom, "sbom", false, "attach what the mod consists of")
	flags.BoolVar(&o.json, "json", false, "write one JSON document to standard output")
	_ = cmd.MarkFlagFilename("output", "zip")
	return cmd
}

// claim is what the flags, and the variable SOURCE_DATE_EPOCH, say of where the mod is
// from. The error is one of usage.
func (o *packOptions) claim(epoch string) (provenance.Claim, error) {
	claim := provenance.Claim{Source: o.source, Commit: o.commit, Tool: packTool, ToolVersion: version()}
	switch {
	case o.time != "":
		at, err := time.Parse(time.RFC3339, o.time)
		if err != nil {
			return claim, fmt.Errorf("--time %q: want a time such as 2006-01-02T15:04:05Z", o.time)
		}
		claim.At = at
	case epoch != "":
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 || seconds > 253402300799 { // the end of the year 9999
			return claim, fmt.Errorf("the environment variable SOURCE_DATE_EPOCH is %q: want a number of seconds since 1970", epoch)
		}
		claim.At = time.Unix(seconds, 0)
	}
	if o.source != "" || o.commit != "" {
		o.provenance = true
	}
	return claim, nil
}

// packReport is the JSON document of pack.
type packReport struct {
	Status      string       `json:"status"` // "ok" or "refused"
	Error       string       `json:"error,omitempty"`
	File        string       `json:"file,omitempty"`
	ID          string       `json:"id,omitempty"`
	Version     string       `json:"version,omitempty"`
	Digest      string       `json:"digest,omitempty"`
	Bytes       int64        `json:"bytes,omitempty"`
	SHA256      string       `json:"sha256,omitempty"`
	Files       []fileReport `json:"files,omitempty"`
	Attachments []fileReport `json:"attachments,omitempty"`
}

// fileReport is one file of a bundle.
type fileReport struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func fileReports(files []bundle.File) []fileReport {
	all := make([]fileReport, len(files))
	for i, f := range files {
		all[i] = fileReport{f.Path, f.Size, hex.EncodeToString(f.SHA256[:])}
	}
	return all
}

// pack packs the mod at path and reports on it.
func (c *console) pack(path string, o packOptions, claim provenance.Claim) status {
	report, err := packed(path, o, claim)
	if err != nil {
		if o.json {
			c.writeJSON(packReport{Status: "refused", Error: jsonText(inOneLine(err))})
		}
		c.refusedMod(path, err)
		return notRun
	}
	if o.json {
		c.writeJSON(report)
		return allWell
	}
	c.passed(report.File, fmt.Sprintf("%s %s, %s, %s", report.ID, report.Version, plural(len(report.Files), "file"), size(report.Bytes)))
	fmt.Fprintf(c.out, "\n%s\n\n", report.Digest)
	rows := [][]string{{"SIZE", "SHA-256", "PATH"}}
	for _, f := range append(report.Files, report.Attachments...) {
		rows = append(rows, []string{grouped(f.Size), f.SHA256[:16], oneLine(f.Path)})
	}
	c.columns(rows, -1, func(column int) bool { return column == 0 }, nil)
	return allWell
}

// packed packs the mod at path and writes the archive.
func packed(path string, o packOptions, claim provenance.Claim) (*packReport, error) {
	b, err := openMod(path)
	if err != nil {
		return nil, err
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		return nil, err
	}
	attach := map[string][]byte{}
	if o.provenance {
		if attach[bundle.ProvenanceName], err = provenance.Make(b, claim); err != nil {
			return nil, err
		}
	}
	if o.sbom {
		if attach[bundle.SBOMName], err = makeSBOM(b, man, claim.At); err != nil {
			return nil, err
		}
	}
	if b, err = b.WithAttachments(attach); err != nil {
		return nil, err
	}
	if err := checkAttached(b, man); err != nil {
		return nil, err
	}
	if b, err = bundle.Pack(b); err != nil {
		return nil, err
	}
	out := o.out
	if out == "" {
		out = archiveName(man.ID, man.Version.String())
	}
	within, err := inside(out, path)
	if err != nil {
		return nil, err
	}
	if within {
		return nil, insideItself(out, path)
	}
	var archive bytes.Buffer
	if err := b.WriteZip(&archive); err != nil {
		return nil, err
	}
	if err := b.WriteFile(out, o.force); err != nil {
		return nil, inTheWay(out, err)
	}
	sum := sha256.Sum256(archive.Bytes())
	return &packReport{
		Status: "ok", File: jsonText(out), ID: man.ID, Version: man.Version.String(), Digest: b.Digest(),
		Bytes: int64(archive.Len()), SHA256: hex.EncodeToString(sum[:]),
		Files: fileReports(b.Files()), Attachments: fileReports(b.Attachments()),
	}, nil
}

// checkAttached refuses what was attached before and is not about this mod: verify would
// refuse the archive.
func checkAttached(b *bundle.Bundle, man *manifest.Manifest) error {
	if _, err := provenance.Of(b); err != nil && !errors.Is(err, provenance.ErrNotAttached) {
		return outdated(bundle.ProvenanceName, "--provenance", err)
	}
	if data, err := b.Attachment(bundle.SBOMName); err == nil {
		if _, err := readSBOM(b, man, data); err != nil {
			return outdated(bundle.SBOMName, "--sbom", err)
		}
	}
	return nil
}

// openMod reads the mod at path. Who reports the error names the path.
func openMod(path string) (*bundle.Bundle, error) {
	b, err := bundle.OpenPath(path, bundle.Limits{})
	if e, ok := errors.AsType[*bundle.Error](err); ok && e.Path == path {
		bare := *e
		bare.Path = ""
		return nil, &bare
	}
	return b, err
}

// inside reports whether the file out would be packed with the mod at path, if that is a
// folder.
func inside(out, path string) (bool, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return false, err
	}
	var real [2]string
	for i, dir := range []string{path, filepath.Dir(out)} {
		resolved, err := filepath.EvalSymlinks(dir)
		if err == nil {
			real[i], err = filepath.Abs(resolved)
		}
		if err != nil {
			return false, &refusal{What: dir, Reason: dir + ": " + bare(err).Error(), Want: "a folder that is there", Err: err}
		}
	}
	way, err := filepath.Rel(real[0], real[1])
	if err != nil { // on another drive
		return false, nil
	}
	for part := range strings.SplitSeq(filepath.ToSlash(filepath.Join(way, filepath.Base(out))), "/") {
		if strings.HasPrefix(part, ".") { // above the folder, or hidden in it
			return false, nil
		}
	}
	return true, nil
}
