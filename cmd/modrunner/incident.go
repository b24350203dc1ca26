package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/advisory"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/incident"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/trust"
)

func newIncident(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Stop a mod that does harm, and keep what is known of it",
		Long: `What to do when a mod does harm, or a key was stolen:

  1. modrunner incident freeze SUBJECT --reason WHY     nothing of it runs any more
  2. modrunner incident collect SUBJECT -o FOLDER       keep what is known, before it is gone
  3. modrunner incident export FOLDER -o FILE.zip       give it to others, in one file
  4. fill in FOLDER/post-mortem.md: the timeline is in it
  5. modrunner incident thaw NAME                       when it is well again

A SUBJECT is the id of a mod, with a range of versions if only those are meant
(weather@">=1.2, <1.4"), --digest DIGEST, or --key KEYID for all that a key signed.

A freeze is the operator's own word: it holds for an installation, in whatever way the
mod comes there, and no policy or approval overrules it. Hosts that run with the
installation quarantine the mod when they look at it again ("modrunner run --refresh").
Who publishes a catalogue reaches everybody else: "modrunner catalog revoke", "yank" and
"advisory".`,
		Args: func(_ *cobra.Command, args []string) error {
			const want = "want freeze, thaw, list, collect or export"
			if len(args) == 0 {
				return errors.New("nothing was asked for; " + want)
			}
			return fmt.Errorf("unknown command %q; %s", args[0], want)
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args lets nothing pass
	}
	cmd.AddCommand(newFreeze(c), newThaw(c), newFreezes(c), newCollect(c), newExport(c))
	return cmd
}

// subjectFlags say what an incident is about.
type subjectFlags struct{ digest, key string }

func (f *subjectFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.digest, "digest", "", "the mod with this `DIGEST`")
	cmd.Flags().StringVar(&f.key, "key", "", "all mods that the key with this `ID` signed")
}

// subject reads what was named. The error is one of usage.
func (f *subjectFlags) subject(args []string) (incident.Subject, error) {
	s := incident.Subject{Digest: f.digest, Key: strings.ToUpper(f.key)}
	named := 0
	if len(args) > 0 {
		id, text, ranged := strings.Cut(args[0], "@")
		if err := manifest.CheckID(id); err != nil {
			return s, fmt.Errorf("%q is not the id of a mod: %w", id, err)
		}
		s.ID = id
		if ranged {
			var err error
			if s.Range, err = manifest.ParseRange(text); err != nil {
				return s, fmt.Errorf("%q: %w", text, err)
			}
		}
		named++
	}
	if s.Digest != "" {
		digest, err := bundle.ParseDigest(s.Digest)
		if err != nil {
			return s, fmt.Errorf("--digest: %w", err)
		}
		s.Digest = digest
		named++
	}
	if s.Key != "" {
		if err := trust.CheckKeyID(s.Key); err != nil {
			return s, fmt.Errorf("--key: %w", err)
		}
		named++
	}
	if named != 1 {
		return s, errors.New("want one of: the id of a mod, --digest, --key")
	}
	return s, nil
}

// homesFlag are the installations that an incident concerns.
type homesFlag struct {
	dirs []string
	by   string
}

func (h *homesFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&h.dirs, "home", nil, "the installation, a `DIR`; repeat it for more (default $MODRUNNER_HOME,\nor else "+defaultHome+")")
	cmd.Flags().StringVar(&h.by, "by", "", "who does this (default: the user)")
	_ = cmd.MarkFlagDirname("home")
}

// named are the folders, as they were written.
func (h *homesFlag) named() []string {
	if len(h.dirs) == 0 {
		return []string{(&homeFlag{}).path()}
	}
	return h.dirs
}

// open opens the installations, in the order of their names.
func (h *homesFlag) open() ([]*install.Home, error) {
	var homes []*install.Home
	for _, dir := range h.named() {
		home, err := install.Open(dir, install.Options{Environment: ofInstallations, By: h.who()})
		if err != nil {
			return nil, err
		}
		homes = append(homes, home)
	}
	return homes, nil
}

func (h *homesFlag) who() string { return cmp.Or(h.by, login()) }

func newFreeze(c *console) *cobra.Command {
	var homes homesFlag
	var subject subjectFlags
	var reason string
	cmd := &cobra.Command{
		Use:   "freeze [flags] [ID[@RANGE]]",
		Short: "Stop mods: by id, versions, digest, or the key that signed them",
		Long: `Stop mods by id, by a range of versions, by digest, or by the key that signed them,
in one installation or in several. Nothing of them is loaded from now on; hosts that run
quarantine them when they look again. Exit status: 0 it is written down in all of the
installations; 1 not in all; 2 wrong usage; 4 an installation that cannot be read.`,
		Example: `  modrunner incident freeze crypto-miner --reason "burns the server's processor"
  modrunner incident freeze weather@">=1.2, <1.4" --reason "ships a stolen token"
  modrunner incident freeze --key 5A0B6C7D8E9F0A1B --reason "the key was stolen" --home eu --home us`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := subject.subject(args)
			if err != nil {
				return err
			}
			if strings.TrimSpace(reason) == "" {
				return errors.New("--reason: say why; those who are on duty next will want to know")
			}
			f := advisory.Freeze{ID: s.ID, Versions: s.Range, Digest: s.Digest, Key: s.Key, Reason: reason, By: homes.who(), At: time.Now().UTC().Truncate(time.Second)}
			return exitWith(c.eachHome(&homes, func(h *install.Home) (string, error) {
				return frozenLine(s), h.Freeze(cmd.Context(), f)
			}))
		},
	}
	homes.register(cmd)
	subject.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who read it later")
	return cmd
}

// eachHome does something in each of the installations, and says what.
func (c *console) eachHome(homes *homesFlag, do func(*install.Home) (string, error)) status {
	all, err := homes.open()
	if err != nil {
		c.refused(err)
		return notRun
	}
	end := allWell
	for i, name := range homes.named() {
		line, err := do(all[i])
		if err != nil {
			c.refused(fmt.Errorf("%s: %w", name, err))
			end = scriptFailed
			continue
		}
		c.passed(name, line)
	}
	return end
}

func newThaw(c *console) *cobra.Command {
	var homes homesFlag
	var reason string
	cmd := &cobra.Command{
		Use:   "thaw [flags] NAME",
		Short: "Lift a freeze",
		Long: `Lift a freeze, by its name ("modrunner incident list" has it). What was frozen may run
again if policy and approvals say so. Exit status: 0 it is lifted; 1 there is no such
freeze, or it could not be written; 2 wrong usage; 4 an installation that cannot be read.`,
		Example: `  modrunner incident thaw 1 --reason "fixed in 1.4.1"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return exitWith(c.eachHome(&homes, func(h *install.Home) (string, error) {
				return thawedLine(args[0]), h.Thaw(cmd.Context(), args[0], reason)
			}))
		},
	}
	homes.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

// freezeReport is a freeze in a JSON document.
type freezeReport struct {
	Home     string    `json:"home"`
	Name     string    `json:"name"`
	ID       string    `json:"id,omitempty"`
	Versions string    `json:"versions,omitempty"`
	Digest   string    `json:"digest,omitempty"`
	Key      string    `json:"key,omitempty"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
}

func newFreezes(c *console) *cobra.Command {
	var homes homesFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List what is frozen",
		Long: `List what is frozen. With --json standard output has one JSON document:
  {"freezes": [{"home", "name", "id", "versions", "digest", "key", "reason", "by", "at"}]}
Exit status: 0 all well; 2 wrong usage; 4 an installation that cannot be read.`,
		Example: `  modrunner incident list`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := homes.open()
			var list []freezeReport
			for i, h := range all {
				var f *advisory.Freezes
				if f, err = h.Freezes(cmd.Context()); err != nil {
					break
				}
				for _, one := range f.List {
					list = append(list, freezeReport{homes.named()[i], one.Name, one.ID, one.Versions.Text, one.Digest, one.Key, one.Reason, one.By, one.At})
				}
			}
			if err != nil {
				c.refused(err)
				return &exitError{notRun}
			}
			if asJSON {
				c.writeJSON(struct {
					Freezes []freezeReport `json:"freezes"`
				}{append([]freezeReport{}, list...)})
				return nil
			}
			c.freezesTable(list)
			return nil
		},
	}
	homes.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

// collectOptions are the flags of collect.
type collectOptions struct {
	homesFlag
	subjectFlags
	reason  string
	out     string
	logs    []string
	reports []string
}

func newCollect(c *console) *cobra.Command {
	var o collectOptions
	cmd := &cobra.Command{
		Use:   "collect [flags] -o FOLDER [ID[@RANGE]]",
		Short: "Keep what is known of a mod",
		Long: `Keep what is known of a mod in a new folder: its bundles with their digests, who
approved what, the lines of the audit logs that are about it, with the heads that prove
them, violations, decisions and the rules they were made by, policy, trust store and
lock of the installation, versions, and a post-mortem with the timeline, to be filled in.
SHA256SUMS has the hashes of all files.

The audit log of the installation is always looked through; name those of the hosts with
--log, and what "modrunner run --json" wrote with --report. What is not as it was written
is said, and what is good of it is kept.

Exit status: 0 collected; 1 collected, with problems, which it names; 2 wrong usage; 4
nothing was written.`,
		Example: `  modrunner incident collect crypto-miner -o case-17 --log server/audit.jsonl
  modrunner incident collect --key 5A0B6C7D8E9F0A1B -o stolen-key --home eu --home us`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := o.subject(args)
			if err != nil {
				return err
			}
			if o.out == "" {
				return errors.New("-o: want a folder for what is collected, which is not there yet")
			}
			return exitWith(c.collect(cmd.Context(), &o, s))
		},
	}
	o.homesFlag.register(cmd)
	o.subjectFlags.register(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "output", "o", "", "the new `FOLDER`")
	flags.StringVar(&o.reason, "reason", "", "why")
	flags.StringArrayVar(&o.logs, "log", nil, "an audit log, a `FILE`; repeat it for more")
	flags.StringArrayVar(&o.reports, "report", nil, "a `FILE` that modrunner run --json wrote; repeat it for more")
	_ = cmd.MarkFlagDirname("output")
	return cmd
}

// mostDocument is how large a file is that goes into the evidence as it is, in bytes.
const mostDocument = 16 << 20

// collect is the command.
func (c *console) collect(ctx context.Context, o *collectOptions, subject incident.Subject) status {
	homes, err := o.open()
	if err != nil {
		c.refused(err)
		return notRun
	}
	problem := incident.Case{Subject: subject, Reason: cmp.Or(o.reason, "not said"), By: o.who(), Opened: time.Now(), Tool: versionLine(), Logs: o.logs}
	for _, h := range homes {
		if err := gather(ctx, &problem, h); err != nil {
			c.refused(fmt.Errorf("%s: %w", h.Path(), err))
			return notRun
		}
	}
	for _, file := range o.reports {
		if err := document(&problem, file); err != nil {
			c.refused(err)
			return notRun
		}
	}
	e, err := incident.Collect(problem)
	if err == nil {
		err = writeEvidence(o.out, e)
	}
	if err != nil {
		c.refused(err)
		return notRun
	}
	c.collected(o.out, e)
	if len(e.Problems) > 0 {
		return scriptFailed
	}
	return allWell
}

// gather adds what an installation knows.
func gather(ctx context.Context, to *incident.Case, h *install.Home) error {
	state, err := h.State(ctx)
	if err != nil {
		return err
	}
	for _, said := range state.Approvals().History {
		to.Said = append(to.Said, incident.SaidOf(said.Approval))
	}
	freezes, err := h.Freezes(ctx)
	if err != nil {
		return err
	}
	for _, f := range freezes.List {
		about := f.ID != "" && f.ID == to.Subject.ID || f.Digest != "" && f.Digest == to.Subject.Digest || f.Key != "" && f.Key == to.Subject.Key
		to.Said = append(to.Said, incident.Said{At: f.At, By: f.By, What: "frozen", ID: f.ID, Version: f.Versions.Text, Digest: f.Digest, Note: f.Reason, About: about})
	}
	for _, digest := range state.Bundles() {
		b, err := state.Bundle(digest)
		if err != nil {
			continue // it is damaged, which run --locked says; the rest may be all there is
		}
		var keys []string
		for _, s := range trust.Signers(b) {
			keys = append(keys, s.KeyID)
		}
		to.Bundles = append(to.Bundles, incident.Bundle{Bundle: b, Keys: keys})
	}
	if log := filepath.Join(h.Path(), "audit.jsonl"); exists(log) && !slices.Contains(to.Logs, log) {
		to.Logs = append(to.Logs, log)
	}
	for _, name := range []string{"mods.lock", "approvals.json", "freezes.toml", "trust.toml", "policy.cedar", "catalog.toml"} {
		if file := filepath.Join(h.Path(), name); exists(file) {
			if err := document(to, file); err != nil {
				return err
			}
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// document adds a file as it is.
func document(to *incident.Case, path string) error {
	const want = "a file of at most 16 MiB"
	file, err := openRegular(path, want)
	if err != nil {
		return err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, mostDocument+1))
	switch {
	case err != nil:
		return unreadable(path, want, err)
	case len(data) > mostDocument:
		return &refusal{What: path, Reason: "is larger", Want: want}
	}
	to.Documents = append(to.Documents, incident.File{Name: filepath.ToSlash(path), Data: data})
	return nil
}

// writeEvidence writes evidence into a folder that is not there yet.
func writeEvidence(path string, e *incident.Evidence) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return &refusal{What: path, Reason: bare(err).Error(), Want: "a folder that is not there yet", Err: err}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	return e.WriteFolder(root)
}

func newExport(c *console) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export [flags] -o FILE.zip FOLDER",
		Short: "Make one file of what was collected",
		Long: `Make one archive of what was collected, with the post-mortem as it is by now and what
is in FOLDER/notes. If anything else is not as it was collected, nothing is written.
The SHA-256 of the archive is printed: keep it elsewhere.

Exit status: 0 written; 2 wrong usage; 4 it cannot be read or written, or is not as it
was collected.`,
		Example: `  modrunner incident export case-17 -o case-17.zip`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return errors.New("-o: want a file for the archive")
			}
			sum, err := export(args[0], out)
			if err != nil {
				c.refused(err)
				return &exitError{notRun}
			}
			c.passed(out, "SHA-256 "+sum)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the new archive, a `FILE`")
	_ = cmd.MarkFlagFilename("output", "zip")
	return cmd
}

// export writes the archive, which must not be there, and returns its SHA-256.
func export(folder, path string) (string, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return "", &refusal{What: folder, Reason: bare(err).Error(), Want: "a folder that modrunner incident collect made", Err: err}
	}
	defer root.Close()
	var archive bytes.Buffer
	if err := incident.Export(root, &archive); err != nil {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = file.Write(archive.Bytes())
		err = errors.Join(err, file.Sync(), file.Close())
	}
	if err != nil {
		return "", &refusal{What: path, Reason: bare(err).Error(), Want: "a file that is not there yet", Err: err}
	}
	return fmt.Sprintf("%x", sha256.Sum256(archive.Bytes())), nil
}
