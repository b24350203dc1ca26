package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/catalog"
)

// catalogFlags say which catalogue is asked.
type catalogFlags struct {
	home         homeFlag
	url, root    string
	offline      bool
	allowExpired bool
}

func (f *catalogFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "catalog", "", "the `URL` or folder of a catalogue (default that of catalog.toml\nin the installation)")
	flags.StringVar(&f.root, "root", "", "the `FILE` with the first root of that catalogue")
	flags.BoolVar(&f.offline, "offline", false, "ask nobody: go by what was seen last")
	flags.BoolVar(&f.allowExpired, "allow-expired", false, "with --offline: although its time is over")
	f.home.register(cmd)
}

// check refuses flags that do not go together.
func (f *catalogFlags) check() error {
	switch {
	case (f.url == "") != (f.root == ""):
		return errors.New("--catalog and --root go together")
	case f.allowExpired && !f.offline:
		return errors.New("--allow-expired goes with --offline")
	}
	return nil
}

// open returns a client that has been refreshed, and the address of its catalogue. What
// it remembers is in the installation: of a catalogue that flags name, in a folder of its
// own, by its root.
func (f *catalogFlags) open(ctx context.Context) (*catalog.Client, string, error) {
	o := catalog.Options{URL: f.url, Offline: f.offline, AllowExpired: f.allowExpired}
	file, own := f.root, f.url != ""
	if !own {
		path := f.home.file("catalog.toml")
		cfg, err := catalog.ReadConfig(path)
		if errors.Is(err, &catalog.Error{Reason: catalog.Missing}) || errors.Is(err, &catalog.Error{Reason: catalog.Unreachable}) {
			return nil, "", noCatalog(path)
		}
		if err != nil {
			return nil, "", err
		}
		o.URL, file = cfg.URL, cfg.Root
	}
	root, err := catalog.ReadRoot(file)
	if err != nil {
		return nil, "", err
	}
	o.Root, o.Cache = root, f.home.file("catalog")
	if own {
		sum := sha256.Sum256(root)
		o.Cache = filepath.Join(o.Cache, hex.EncodeToString(sum[:8]))
	}
	client, err := catalog.Open(o)
	if err != nil {
		return nil, "", err
	}
	return client, o.URL, client.Refresh(ctx)
}

// catalogReport is what the JSON documents of search and info say of the catalogue.
type catalogReport struct {
	URL       string    `json:"url"`
	Version   int64     `json:"version"` // counts publications
	SignedAt  time.Time `json:"signed_at"`
	Expires   time.Time `json:"expires"`
	Expired   bool      `json:"expired"`
	Refreshed time.Time `json:"refreshed"`
}

// entryReport is a version of a mod in a JSON document.
type entryReport struct {
	ID          string   `json:"id"`
	Name        string   `json:"name,omitempty"`
	Description string   `json:"description,omitempty"`
	Authors     []string `json:"authors,omitempty"`
	License     string   `json:"license,omitempty"`
	Size        int64    `json:"size"` // bytes of the archive
	catalog.Entry
}

func entryReportOf(e catalog.Entry) entryReport {
	return entryReport{ID: e.ID, Name: e.Name, Description: e.Description, Authors: e.Authors, License: e.License, Size: e.Size, Entry: e}
}

// searchReport is the JSON document of search and info.
type searchReport struct {
	Status  string        `json:"status"`
	Catalog catalogReport `json:"catalog"`
	Mods    []entryReport `json:"mods"`
}

// ask opens a catalogue and reports what was found in it, in JSON or by show.
func (c *console) ask(ctx context.Context, f *catalogFlags, asJSON bool, find func(*catalog.Client) []catalog.Entry, show func(title string, found []catalog.Entry)) error {
	client, url, err := f.open(ctx)
	if i := interruptedBy(ctx); err != nil && i != nil {
		c.interrupted(i.Error())
		return &exitError{i.status()}
	}
	if err != nil {
		return c.catalogRefused(asJSON, err)
	}
	state, found := client.State(), find(client)
	if state.Expired {
		c.expiredCatalog(state)
	}
	if asJSON {
		report := searchReport{Status: "ok", Mods: []entryReport{}, Catalog: catalogReport{
			jsonText(url), state.Version, state.SignedAt, state.Expires, state.Expired, state.Refreshed,
		}}
		for _, e := range found {
			report.Mods = append(report.Mods, entryReportOf(e))
		}
		c.writeJSON(report)
	} else {
		show(catalogTitle(url, state), found)
	}
	if len(found) == 0 {
		return &exitError{scriptFailed}
	}
	return nil
}

const catalogJSON = `With --json standard output has one JSON document and nothing else:
  {"status": "ok", "catalog": {"url", "version": N, "signed_at", "expires", "expired",
   "refreshed"}, "mods": [{"id", "version", "digest", "name", "description", "authors",
   "license", "size": N, "library", "api", "dependencies": [{"id", "range"}],
   "optional_dependencies", "libraries", "conflicts", "load_after", "permissions":
   [{"capability", "reason", "optional", "risk"}], "signers", "publisher", "yanked":
   {"reason", "date"}}]} or {"status": "refused", "error"}

Exit status: 0 found; 1 nothing found; 2 wrong usage; 4 the catalogue cannot be had, or
cannot be trusted; 128 and the signal's number if interrupted.`

func newSearch(c *console) *cobra.Command {
	var f catalogFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "search [flags] [WORD...]",
		Short: "Search a catalogue of mods",
		Long: `Search a catalogue for mods that have all the words in their id, name, authors or
description; without words, list all. What is shown is the newest version that was not
yanked, as the catalogue describes it.

The catalogue is that of catalog.toml in the installation:
  url = "https://mods.example.com"   # or a folder
  root = "root.json"                 # the first root, which came another way
It is refreshed first, and refused if it is not signed, expired, or older than before.

` + catalogJSON,
		Example: `  modrunner search weather
  modrunner search --catalog https://mods.example.com --root root.json weather
  modrunner search --offline --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			find := func(client *catalog.Client) []catalog.Entry { return client.Search(strings.Join(args, " ")) }
			return c.ask(cmd.Context(), &f, asJSON, find, func(title string, found []catalog.Entry) {
				rows := [][]string{{"MOD", "VERSION", "SIZE", "ASKS FOR", "WHAT IT IS"}}
				for _, e := range found {
					rows = append(rows, []string{oneLine(e.ID), e.Version, size(e.Size), orDash(askedShort(e)), shortened(summaryOf(e), 60)})
				}
				if len(found) > 0 {
					c.columns(rows, 0, func(column int) bool { return column == 2 }, func(int) string { return bold })
					fmt.Fprintln(c.out)
				}
				fmt.Fprintln(c.out, plural(len(found), "mod")+" in "+title)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// askedShort counts the permissions by their risk, without those that have none.
func askedShort(e catalog.Entry) string {
	var parts []string
	for _, risk := range []string{"high", "medium", "low"} {
		n := 0
		for _, p := range e.Permissions {
			if p.Risk == risk {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, risk))
		}
	}
	return strings.Join(parts, ", ")
}

// summaryOf is a mod in a line.
func summaryOf(e catalog.Entry) string {
	text := e.Name
	if e.Description != "" {
		text += ": " + e.Description
	}
	return oneLine(strings.Join(strings.Fields(text), " "))
}

// shortened keeps the beginning of a text.
func shortened(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return text
}

func newInfo(c *console) *cobra.Command {
	var f catalogFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info [flags] ID",
		Short: "Show what a catalogue says of a mod",
		Long: `Show what a catalogue says of a mod: all its versions, the newest first, what they ask
for and what they need. It is the catalogue's word; when a bundle is fetched, all of it
is compared with what is in the bundle. The catalogue is found as for search.

` + catalogJSON,
		Example: `  modrunner info weather
  modrunner info --json weather | jq '.mods[0].permissions'`,
		Args: wantArgs(1, 1, "the id of a mod"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			find := func(client *catalog.Client) []catalog.Entry { return client.Info(args[0]) }
			return c.ask(cmd.Context(), &f, asJSON, find, func(title string, found []catalog.Entry) {
				if len(found) == 0 {
					fmt.Fprintf(c.out, "no mod %s in %s\n", oneLine(args[0]), title)
					return
				}
				c.modInfo(found)
				fmt.Fprintf(c.out, "\n%s\n", title)
			})
		},
	}
	cmd.Flags().SortFlags = false
	f.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// modInfo writes for people what a catalogue says of a mod's versions.
func (c *console) modInfo(all []catalog.Entry) {
	e := all[0]
	fmt.Fprintln(c.out, c.out.paint(bold, c.out.fit(oneLine(e.ID)+"  "+summaryOf(e))))
	fmt.Fprintln(c.out)
	for _, r := range [][2]string{
		{"newest", e.Version + "  " + yankedText(e.Yanked)},
		{"digest", e.Digest},
		{"authors", strings.Join(e.Authors, ", ")},
		{"license", e.License},
		{"publisher", e.Publisher},
		{"signers", strings.Join(e.Signers, ", ")},
		{"asks for", askedText(e)},
		{"needs", requirementsText(e.Dependencies)},
		{"can use", requirementsText(e.OptionalDependencies)},
		{"libraries", requirementsText(e.Libraries)},
		{"conflicts", requirementsText(e.Conflicts)},
		{"API", e.API},
	} {
		if text := strings.TrimSpace(r[1]); text != "" {
			fmt.Fprintln(c.out, c.out.fit(fmt.Sprintf("%-9s  %s", r[0], oneLine(text))))
		}
	}
	fmt.Fprintln(c.out)
	rows := [][]string{{"VERSION", "SIZE", "STATE"}}
	for _, e := range all {
		state := "-"
		if e.Yanked != nil {
			state = oneLine(yankedText(e.Yanked))
		}
		rows = append(rows, []string{e.Version, size(e.Size), state})
	}
	c.columns(rows, 2, func(column int) bool { return column == 1 }, func(row int) string {
		if all[row-1].Yanked != nil {
			return yellow
		}
		return faint
	})
}
