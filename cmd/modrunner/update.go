package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/catalog"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/resolution"
)

// storeFront is the catalogue of an installation.
type storeFront struct {
	resolution.Universe
	client *catalog.Client
	tell   func(id string) func(done, total int64)
}

// Fetch implements install.Catalog.
func (s *storeFront) Fetch(ctx context.Context, id, version string) (*bundle.Bundle, error) {
	for _, e := range s.client.Info(id) {
		if e.Version == version {
			return s.client.Fetch(ctx, e, s.tell(id))
		}
	}
	return nil, &catalog.Error{Reason: catalog.NotListed, Name: id + " " + version}
}

// registerCatalog adds the flags of the commands that look into a catalogue.
func (i *installation) registerCatalog(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&i.catalog.url, "catalog", "", "the `URL` or folder of a catalogue (default that of catalog.toml\nin the installation); keys that it revoked are trusted no more here")
	flags.StringVar(&i.catalog.root, "root", "", "the `FILE` with the first root of that catalogue")
	flags.BoolVar(&i.catalog.offline, "offline", false, "ask no server: of the catalogue, use what was fetched before")
}

// openCatalog opens the catalogue, asks it for news, and has the installation take over
// what it says of mods and keys, so that it counts at once. If it is not needed, because
// files were named, there may be none, and one that does not answer is left out: what was
// taken over before holds.
func (i *installation) openCatalog(ctx context.Context, c *console, home *install.Home, needed bool) (install.Catalog, error) {
	i.catalog.home = i.home
	if err := i.catalog.check(); err != nil {
		return nil, err
	}
	_, err := os.Lstat(i.home.file("catalog.toml"))
	own := err == nil
	if !own && !needed && i.catalog.url == "" {
		return nil, nil
	}
	client, _, err := i.catalog.open(ctx)
	if err != nil && !needed {
		c.noCatalogNow(err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	feed := feedOf(client)
	feed.Other = own && i.catalog.url != ""
	if err := home.TakeFeed(ctx, feed); err != nil {
		return nil, err
	}
	return &storeFront{Universe: client.Universe(), client: client, tell: func(id string) func(done, total int64) {
		return func(done, total int64) { c.progress.show("%s: %s of %s", id, size(done), size(total)) }
	}}, nil
}

func newUpdate(c *console) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use:   "update [flags] [ID...]",
		Short: "Bring installed mods to the newest versions that are allowed",
		Long: `Bring installed mods to the newest versions in the catalogue that the ranges allow in
which they were asked for; without IDs, all of them. Other mods stay as they are, unless
a new version needs a newer one of them. What the catalogue warns of, and the keys that
it revoked, count at once, for what is installed too: see "modrunner list" and "modrunner
audit". Whether somebody is asked, and what happens
then, is as "modrunner install --help" says; so is the JSON document.

Exit status: 0 updated, or nothing was newer; 1 not all could be written; 2 wrong
usage; 4 refused, or waiting to be approved.`,
		Example: `  modrunner update
  modrunner update weather`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := install.Request{Update: args, UpdateAll: len(args) == 0}
			return exitWith(c.carryOut(cmd.Context(), &i, request, true))
		},
	}
	i.register(cmd)
	i.registerBy(cmd)
	i.registerCatalog(cmd)
	return cmd
}

// outdatedReport is the JSON document of outdated.
type outdatedReport struct {
	Status string             `json:"status"` // "ok", "outdated" or "refused"
	Error  string             `json:"error,omitempty"`
	Mods   []install.Outdated `json:"mods"`
}

func newOutdated(c *console) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use:   "outdated [flags]",
		Short: "List installed mods of which there are newer versions",
		Long: `List installed mods of which the catalogue has newer versions: the one that "modrunner
update" would install, and the newest of all. No mod is changed; what the catalogue
warns of, and the keys that it revoked, count from now on, as with every command that
asks it.

With --json standard output has one JSON document and nothing else:
  {"status": "ok", "outdated" or "refused", "error", "mods": [{"id", "installed",
   "allowed", "newest", "range"}]}

Exit status: 0 nothing is newer; 1 something is; 2 wrong usage; 4 the catalogue cannot
be read.`,
		Example: `  modrunner outdated
  modrunner outdated --json | jq -r '.mods[].id'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown argument %q; want none", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return exitWith(c.outdated(cmd.Context(), &i)) },
	}
	i.register(cmd)
	i.registerCatalog(cmd)
	return cmd
}

func (c *console) outdated(ctx context.Context, i *installation) status {
	report := outdatedReport{Status: "ok", Mods: []install.Outdated{}}
	home, err := i.open(ctx, c, false)
	var cat install.Catalog
	if err == nil {
		cat, err = i.openCatalog(ctx, c, home, true)
	}
	if err == nil {
		report.Mods, err = home.Outdated(ctx, cat)
	}
	end := allWell
	switch {
	case err != nil:
		end, report.Status, report.Error, report.Mods = notRun, "refused", jsonText(bare(err).Error()), []install.Outdated{}
		c.refusedInstall(err)
	case len(report.Mods) > 0:
		end, report.Status = scriptFailed, "outdated"
	}
	switch {
	case i.asJSON:
		c.writeJSON(report)
	case err == nil:
		c.outdatedTable(report.Mods)
	}
	return end
}

// listReport is the JSON document of list.
type listReport struct {
	Status string           `json:"status"` // "ok" or "refused"
	Error  string           `json:"error,omitempty"`
	Home   string           `json:"home"`
	Mods   []install.Listed `json:"mods"`
}

func newList(c *console) *cobra.Command {
	var i installation
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the mods of an installation",
		Long: `List the mods of an installation: what is installed, what waits to be approved, and
what was denied or revoked and is still there. "blocked" is what is installed and may not
run as things are now: a key was revoked, the policy has changed, a warning was
published, somebody stopped it.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "home", "mods": [{"id", "version", "digest",
   "state": "installed", "blocked", "waiting", "denied" or "revoked", "library",
   "asked", "publisher", "signature", "risk": N, "granted", "approved_by",
   "approved_at", "reasons", "advisories"}]}

Exit status: 0 listed; 2 wrong usage; 4 the installation cannot be read.`,
		Example: `  modrunner list
  modrunner list --json | jq -r '.mods[] | select(.state == "waiting") | .id'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown argument %q; want none", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return exitWith(c.list(cmd.Context(), &i)) },
	}
	i.register(cmd)
	return cmd
}

func (c *console) list(ctx context.Context, i *installation) status {
	report := listReport{Status: "ok", Home: jsonText(i.home.path()), Mods: []install.Listed{}}
	home, err := i.open(ctx, c, i.interactive(c))
	if err == nil {
		report.Mods, err = home.List(ctx)
	}
	end := allWell
	if err != nil {
		end, report.Status, report.Error, report.Mods = notRun, "refused", jsonText(bare(err).Error()), []install.Listed{}
		c.refusedInstall(err)
	}
	switch {
	case i.asJSON:
		c.writeJSON(report)
	case err == nil:
		c.listTable(report.Mods)
	}
	return end
}
