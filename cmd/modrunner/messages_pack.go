package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/luasandbox/modrunner/mods/provenance"
	"github.com/luasandbox/modrunner/mods/trust"
)

// The wording of pack and verify.

// inTheWay is why an archive is not written over a file.
func inTheWay(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return &refusal{What: path, Reason: path + " is there already", Want: "--force to replace it, or another -o FILE", Err: err}
	}
	return err
}

// insideItself is why an archive is not written into the folder that it is made from.
func insideItself(path, folder string) error {
	return &refusal{What: path, Reason: path + " would be inside " + folder + ", and packed the next time", Want: "-o FILE somewhere else"}
}

// outdated is why something that was attached before is not packed again.
func outdated(name, flag string, err error) error {
	return &refusal{What: name, Reason: name + " is there and not right (" + err.Error() + ")", Want: flag + " to make it anew, or the file taken away", Err: err}
}

// notAnArchive is why a folder is not verified.
func notAnArchive() error {
	return &refusal{Reason: "a folder; an archive is verified", Want: `what "modrunner pack" makes of it`}
}

// notCanonical is what is wrong with an archive that pack does not write.
func notCanonical() error {
	return errors.New(`not as "modrunner pack" writes it: the order, times, compression, hidden files or comments of the archive differ; the mod in it may be well, and packing it again makes it so`)
}

// notTrusted words why a signature does not do.
func notTrusted(err error, store string) string {
	e, ok := errors.AsType[*trust.Error](err)
	if !ok {
		return err.Error()
	}
	switch {
	case e.Reason == trust.Unsigned:
		return "nobody signed it; --unsigned accepts that"
	case store == "" && e.Reason == trust.UnknownKey:
		return e.Error() + "; there is none: name one with --trust FILE"
	}
	return e.Error()
}

// provenanceLine is a statement in words.
func provenanceLine(s *provenance.Statement) string {
	var parts []string
	for _, source := range s.Sources {
		text := "from " + source.URI
		if source.Commit != "" {
			text += " at " + source.Commit
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		parts = append(parts, "from a source that is not named")
	}
	by := "by " + s.Builder
	if v := s.Versions["modrunner"]; v != "" {
		by += " " + v
	}
	parts = append(parts, by)
	if !s.Finished.IsZero() {
		parts = append(parts, "at "+s.Finished.Format("2006-01-02 15:04:05 UTC"))
	}
	if n := len(s.Unknown); n > 0 {
		parts = append(parts, plural(n, "field")+" not understood")
	}
	return strings.Join(parts, ", ")
}

// sbomLine is an SBOM in words.
func sbomLine(r *sbomReport) string {
	text := fmt.Sprintf("CycloneDX %s of %s %s: %s, %s", r.Spec, r.Name, r.Version, plural(r.Files, "file"), plural(len(r.Components), "other mod"))
	if r.License != "" {
		text += ", licence " + r.License
	}
	return text
}

// signerLine is one signature in words.
func signerLine(s signerReport) string {
	text := s.State + ": key " + s.Key
	if s.Publisher != "" {
		text += " of " + s.Publisher
	}
	if s.Time != "" {
		text += ", " + s.Time
	}
	return text
}

// archiveName is the name that an archive gets if none is named.
func archiveName(id, version string) string { return id + "-" + version + ".zip" }
