package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/review"
)

// inspectOptions are the flags of inspect.
type inspectOptions struct {
	json, html bool
	trust, api string
	home       homeFlag
	against    string
	out        string
}

func newInspect(c *console) *cobra.Command {
	var o inspectOptions
	cmd := &cobra.Command{
		Use:   "inspect [flags] BUNDLE|FOLDER|ID|DIGEST [OTHER...]",
		Short: "Tell what a mod wants, why, and how risky that is, without running it",
		Long: `Tell on one screen what there is to know of a mod before it runs: who made and who
signed it, what it asks for and why, what it may then read, write, reach and spend,
what it gives to other mods, which mods it needs, what the static check found, its
risk and what makes it up, and what changed since the version that was approved.
Nothing of the mod is run.

An ID or DIGEST, where there is no such file, is of a mod of the installation, as
"modrunner list" shows them: the one that waits to be approved, or else is installed.

OTHER are mods, or folders of mods, that this one may need; those of the
installation are known. What capabilities there are, and how risky, is what
"modrunner run" can offer or, with --api FILE, what a game does, in the document
that "modrunner api --json" and mods.Host.API write.

The risk is from 0 to 100, the sum of points of a fixed table, each of which is
told: 0 to 14 is low, 15 to 39 moderate, 40 to 69 high, 70 to 100 very high.
A trusted signature lowers nothing; it says who answers for the mod.

The trust store is the FILE of --trust or, without it, trust.toml of the
installation; if there is none, nobody is trusted. Keys that the catalogue of the
installation revoked are trusted no more, and what it warns of is told. With --against BUNDLE the mod is
compared with that one; without it, with the version that was approved last in the
installation. What asks for more, or may, is marked.

With --json the output is one JSON document and nothing else:
  {"id", "version", "name", "description", "authors": [...], "license",
   "library": true or false, "api", "digest", "files": N, "bytes": N, "archive",
   "signature": {"state", "publisher", "keys": [...], "problem"},
   "provenance": null or {"source", "revision", "builder", "version", "built",
     "problem"},
   "risk": {"score": N, "level", "points": [{"rule", "points": N, "why"}]},
   "permissions": [{"capability", "version", "risk", "known", "optional", "reason",
     "options": {...}, "may": [...]}],
   "limits": {"memory": N, ...}, "exports": [...], "emits": [...],
   "requirements": [{"relation", "id", "range", "review": null or {"id", "version",
     "digest", "signature", "publisher", "risk": N, "capabilities": [...],
     "warnings": N}}],
   "settings": [{"name", "title", "type"}],
   "findings": [{"rule", "severity", "path", "line", "column", "message",
     "suggestion", "justified", "omitted"}],
   "advisories": [{"id", "severity", "summary", "fixed"}], "freezes": [...],
   "approval": null or what was said of these very bytes,
   "since": null or {"from_version", "from_digest", "to_version", "to_digest",
     "approved", "changes": [{"kind", "subject", "before", "after", "more", "words"}],
     "more", "signer_changed", "risk_raised", "downgrade"}}
With --html it is a page that can be printed: one file, without scripts.

Exit status: 0 the mod was inspected, whatever was found; 1 the output could not be
written; 2 wrong usage; 4 the mod, or something that was named, cannot be read.`,
		Example: `  modrunner inspect weather-1.2.0.zip
  modrunner inspect --api game.json --trust keys.toml mymod library.zip
  modrunner inspect weather
  modrunner inspect --against weather-1.1.0.zip weather-1.2.0.zip
  modrunner inspect --html -o weather.html weather-1.2.0.zip
  modrunner inspect --json mymod | jq '.risk.score'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want one mod: a folder with mod.toml, or a .zip file")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			end := c.inspect(cmd.Context(), o, args[0], args[1:])
			if i := interruptedBy(cmd.Context()); i != nil {
				c.interrupted(i.Error())
				end = i.status()
			}
			if end != allWell {
				return &exitError{end}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&o.json, "json", false, "write one JSON document")
	flags.BoolVar(&o.html, "html", false, "write a page that can be printed")
	flags.StringVarP(&o.out, "output", "o", "", "write to this `FILE`, and not to standard output")
	flags.StringVar(&o.against, "against", "", "tell what changed since this `BUNDLE`")
	flags.StringVar(&o.trust, "trust", "", "the trust store: a `FILE` (default trust.toml of the installation)")
	o.home.register(cmd)
	flags.StringVar(&o.api, "api", "", "the API document of a game, in `FILE`, - for standard input (default:\nwhat run can offer)")
	cmd.MarkFlagsMutuallyExclusive("json", "html")
	_ = cmd.MarkFlagFilename("trust", "toml")
	_ = cmd.MarkFlagFilename("api", "json")
	_ = cmd.MarkFlagFilename("against", "zip")
	return cmd
}

// inspect reviews the mod at path and writes what is known of it.
func (c *console) inspect(ctx context.Context, o inspectOptions, path string, others []string) status {
	r, err := c.review(ctx, o, path, others)
	if err != nil {
		if interruptedBy(ctx) == nil {
			c.notInspected(err)
		}
		return notRun
	}
	if o.out == "" {
		_, _ = c.out.Write(c.inspected(r, o)) // a stream takes everything
		return allWell
	}
	if err := notAnInput(o.out, append(slices.Clone(others), path, o.against, o.trust, o.api)); err != nil {
		c.refused(err)
		return notRun
	}
	if err := os.WriteFile(o.out, c.inspected(r, o), 0o666); err != nil {
		c.unwritten(oneLine(o.out), err)
		return scriptFailed
	}
	return allWell
}

// notAnInput refuses to write over a file that is read.
func notAnInput(out string, inputs []string) error {
	to, err := os.Stat(out)
	if err != nil {
		return nil // it is not there
	}
	for _, path := range inputs {
		if info, err := os.Stat(path); err == nil && os.SameFile(to, info) {
			return overItself(out)
		}
	}
	return nil
}

// inspected writes a review in the form that was asked for.
func (c *console) inspected(r *review.Review, o inspectOptions) []byte {
	switch {
	case o.json:
		return append(encoded(r.Document()), '\n')
	case o.html:
		var page bytes.Buffer
		_ = r.Brief().HTML(&page) // a buffer takes everything
		return page.Bytes()
	case o.out != "":
		return []byte(r.Brief().Text(fileColumns, nil))
	}
	return []byte(r.Brief().Text(min(c.out.width(), briefColumns), c.paintLevel))
}

// review collects what is known of the mod at path. The errors: *refusal, *bundle.Error,
// *manifest.Error, *gate.APIError, *trust.StoreError, those of package install.
func (c *console) review(ctx context.Context, o inspectOptions, path string, others []string) (*review.Review, error) {
	var game *apiDocument
	var err error
	if o.api != "" {
		if game, err = c.readAPIFile(ctx, o.api); err != nil {
			return nil, err
		}
	}
	api, err := game.forGate()
	if err != nil {
		return nil, err
	}
	home, in, err := o.home.facts(ctx, o.trust, api)
	if err != nil {
		return nil, err
	}
	state, err := home.State(ctx)
	if err != nil {
		return nil, err
	}
	if in.Bundle, err = subject(state, path); err != nil {
		return nil, &inspectError{path, err}
	}
	bundles, err := namedMods(others)
	if err != nil {
		return nil, err
	}
	r, err := review.Of(in)
	if err != nil {
		return nil, &inspectError{path, err}
	}
	if len(r.Requirements) > 0 {
		in.Others = reviewsFor(in, r, append(bundles, installedMods(state)...))
	}
	if o.against == "" {
		in.Approved, in.ApprovedBundle = approvedIn(state, r)
	}
	if r, err = review.Of(in); err != nil {
		return nil, &inspectError{path, err}
	}
	if o.against == "" {
		return r, nil
	}
	old, err := openMod(o.against)
	if err != nil {
		return nil, &inspectError{o.against, err}
	}
	in.Bundle, in.Others = old, nil
	before, err := review.Of(in)
	if err != nil {
		return nil, &inspectError{o.against, err}
	}
	d := review.Compare(before, r)
	r.Since = &d
	return r, nil
}

// inspectError is a mod that cannot be inspected.
type inspectError struct {
	path string
	err  error
}

// Error names the mod.
func (e *inspectError) Error() string { return e.path + ": " + e.err.Error() }

// Unwrap returns what is wrong with it.
func (e *inspectError) Unwrap() error { return e.err }

// subject is the mod at path or, if nothing is there, the one of an installation that has
// that id or digest.
func subject(state *install.State, path string) (*bundle.Bundle, error) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if digest := state.Find(path); digest != "" {
			return state.Bundle(digest)
		}
	}
	return openMod(path)
}

// approvedIn returns what was said of the mod's bytes, or else the last approval of
// another version, with its bundle if that is there.
func approvedIn(state *install.State, r *review.Review) (*policy.Approval, *bundle.Bundle) {
	entry := state.Approvals().Last(r.Digest)
	if entry == nil {
		entry = state.Approvals().LastApproved(r.ID, r.Digest)
	}
	if entry == nil {
		return nil, nil
	}
	b, err := state.Bundle(entry.Digest)
	if err != nil {
		b = nil // less can be said of what changed
	}
	return &entry.Approval, b
}

// namedMods reads the mods at paths, which are mods or folders of mods.
func namedMods(paths []string) (all []*bundle.Bundle, err error) {
	for _, arg := range paths {
		found, err := findMods(arg)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			b, err := openMod(path)
			if err != nil {
				return nil, &inspectError{path, err}
			}
			all = append(all, b)
		}
	}
	return all, nil
}

// installedMods reads the mods of an installation. Those that cannot be read are not
// there: what is damaged is not what this is about.
func installedMods(state *install.State) (all []*bundle.Bundle) {
	for _, digest := range state.Bundles() {
		if b, err := state.Bundle(digest); err == nil {
			all = append(all, b)
		}
	}
	return all
}

// reviewsFor reviews those of the bundles that r may need, and those that these may need.
func reviewsFor(in review.Input, r *review.Review, bundles []*bundle.Bundle) (all []*review.Review) {
	byID := map[string][]*bundle.Bundle{}
	for _, b := range bundles {
		if man, err := manifest.Parse(bundle.ManifestName, b.Manifest()); err == nil {
			byID[man.ID] = append(byID[man.ID], b)
		}
	}
	queue := []*review.Review{r}
	for len(queue) > 0 {
		from := queue[0]
		queue = queue[1:]
		for _, q := range from.Requirements {
			for _, b := range byID[q.ID] {
				in.Bundle = b
				if other, err := review.Of(in); err == nil {
					all, queue = append(all, other), append(queue, other)
				}
			}
			delete(byID, q.ID)
		}
	}
	return all
}
