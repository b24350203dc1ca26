package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/catalog"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/lockfile"
	"github.com/luasandbox/modrunner/mods/review"
	"github.com/luasandbox/modrunner/mods/trust"
)

// gateFlags say by whose rules run decides about mods.
type gateFlags struct {
	home        homeFlag
	locked      bool
	policy      string // a file; "": see rules
	trust       string // a file; "": that of the home
	environment string
	refresh     time.Duration // 0: what becomes known later is not looked for
}

// The environments that run decides for, unless told another.
const (
	ofInstallations = "player"
	ofFolders       = "development"
)

// register adds the flags.
func (f *gateFlags) register(cmd *cobra.Command) {
	f.home.register(cmd)
	set := cmd.Flags()
	set.BoolVar(&f.locked, "locked", false, "run nothing unless the mods are, to the byte, those of the installation's\n"+lockfile.Name)
	set.StringVar(&f.policy, "policy", "", "decide about mods by the policy in `FILE`, or a ready-made one by its\nname (default: the installation's; for mods that are named, developer)")
	set.StringVar(&f.trust, "trust", "", "the keys that are trusted, in `FILE` (default: trust.toml of the\ninstallation)")
	set.StringVar(&f.environment, "environment", "", "what policies know as the environment (default \""+ofInstallations+"\" for an\ninstallation, \""+ofFolders+"\" for mods that are named)")
	set.Var(&spanValue{to: &f.refresh}, "refresh", "run the installation in real time until interrupted, and look each\nDUR, such as 10m, for what the catalogue and the operator say by now:\nwhat may not run any more is quarantined")
	_ = cmd.MarkFlagFilename("policy", "cedar")
	_ = cmd.MarkFlagFilename("trust", "toml")
	_ = cmd.RegisterFlagCompletionFunc("environment", cobra.FixedCompletions([]cobra.Completion{"development", "player", "server", "ci"}, cobra.ShellCompDirectiveNoFileComp))
}

// installed reports whether there is an installation to run.
func (f *gateFlags) installed() bool {
	_, err := os.Lstat(f.home.file(lockfile.Name))
	return err == nil
}

// open opens the installation.
func (f *gateFlags) open(now func() time.Time) (*install.Home, error) {
	api, err := offeredToAll()
	if err != nil {
		return nil, err
	}
	o := install.Options{Now: now, Environment: cmp.Or(f.environment, ofInstallations), API: api, By: login(), TrustFile: f.trust}
	if f.policy != "" {
		if o.Rules, err = policyNamed(f.policy, ""); err != nil {
			return nil, err
		}
	}
	return install.Open(f.home.path(), o)
}

// watch returns who decides about the mods of the installation, now and after each
// refresh.
func (f *gateFlags) watch(ctx context.Context, home *install.Home) (*install.Watch, error) {
	if _, err := os.Lstat(f.home.file("catalog.toml")); f.refresh == 0 || err != nil {
		return home.Watch(ctx, nil)
	}
	return home.Watch(ctx, func(ctx context.Context) (install.Feed, error) {
		client, _, err := (&catalogFlags{home: f.home}).open(ctx)
		if err != nil {
			return install.Feed{}, err
		}
		return feedOf(client), nil
	})
}

// feedOf is what a catalogue says of mods and keys.
func feedOf(client *catalog.Client) install.Feed {
	var feed install.Feed
	for _, a := range client.Advisories() {
		feed.Advisories = append(feed.Advisories, install.FeedAdvisory{ID: a.ID, Data: a.Data})
	}
	for _, r := range client.Revocations() {
		feed.Revocations = append(feed.Revocations, trust.Revocation{KeyID: r.Key, At: r.Date, Reason: r.Reason})
	}
	return feed
}

// offeredToAll is what run could offer, for those who decide about mods.
func offeredToAll() (*gate.API, error) {
	text, err := offeredAPI()
	if err != nil {
		return nil, err
	}
	return gate.ReadAPI(text)
}

// gatekeeper returns who decides about mods that are named on the command line: the
// policy of --policy or, since whoever names files has them before them, the one for
// developers; with the keys, advisories and freezes of the installation, if there are
// any: what an operator has frozen does not run by being named.
func (f *gateFlags) gatekeeper(ctx context.Context) (mods.Gatekeeper, error) {
	home, err := f.open(time.Now)
	if err != nil {
		return nil, err
	}
	facts, err := home.Facts(ctx)
	if err != nil {
		return nil, err
	}
	g := review.Gatekeeper{
		Trust: facts.Trust, API: facts.API, Advisories: facts.Advisories, Freezes: facts.Freezes, KnownSigners: facts.KnownSigners,
		Environment: cmp.Or(f.environment, ofFolders), Now: time.Now,
	}
	g.Rules, err = policyNamed(cmp.Or(f.policy, "developer"), f.home.file("policy.cedar"))
	return g, err
}

// lockedSources returns the mods of the installation, each with its libraries, as they
// are locked.
func lockedSources(ctx context.Context, home *install.Home) ([]mods.Source, error) {
	locked, err := home.Locked(ctx)
	if err != nil {
		return nil, err
	}
	var all []mods.Source
	for _, m := range locked {
		all = append(all, mods.Source{Bundle: m.Bundle, Libraries: m.Libraries, Path: m.ID + " " + m.Version})
	}
	return all, nil
}

// drift compares mods that were named with those that are locked: nil if they are the
// same, each once.
func drift(locked, named []mods.Source) error {
	want := map[string]mods.Source{}
	for _, w := range locked {
		want[manifestID(w)] = w
	}
	for _, s := range named {
		if s.Err != nil {
			return fmt.Errorf("%s: %w", s.Path, s.Err)
		}
		id := manifestID(s)
		w, ok := want[id]
		switch {
		case !ok:
			return &install.DriftError{ID: id, What: s.Path + " is not in " + lockfile.Name + ", or was named twice"}
		case s.Bundle.Digest() != w.Bundle.Digest():
			return &install.DriftError{ID: id, What: fmt.Sprintf("%s has the digest %s; %s is locked", s.Path, s.Bundle.Digest(), w.Bundle.Digest())}
		case !slices.Equal(librariesOf(s), librariesOf(w)):
			return &install.DriftError{ID: id, What: "other libraries are copied into it than are locked"}
		}
		delete(want, id)
	}
	for _, w := range locked {
		if _, missing := want[manifestID(w)]; missing {
			return &install.DriftError{ID: manifestID(w), What: "it is locked, and not among the mods that were named"}
		}
	}
	return nil
}

func manifestID(s mods.Source) string {
	if man := manifestOf(s); man != nil {
		return man.ID
	}
	return ""
}

func librariesOf(s mods.Source) (digests []string) {
	for _, l := range s.Libraries {
		digests = append(digests, l.Digest())
	}
	slices.Sort(digests)
	return digests
}
