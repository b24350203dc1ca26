package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/policy"
	"github.com/luasandbox/modrunner/mods/review"
)

// installation are the flags of the commands that work on an installation.
type installation struct {
	home                              homeFlag
	trust, policy, api, by, situation string
	asJSON                            bool
	catalog                           catalogFlags
}

// register adds the flags that all of them have.
func (i *installation) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	i.home.register(cmd)
	flags.StringVar(&i.trust, "trust", "", "the trust store: a `FILE` (default trust.toml of the installation)")
	flags.StringVar(&i.policy, "policy", "", "the policy: a `FILE`, or the name of a ready-made one (default policy.cedar of\nthe installation, or else \"default\")")
	flags.StringVar(&i.api, "api", "", "the API document of the game, a `FILE` (default: what run can offer)")
	flags.StringVar(&i.situation, "environment", "player", "the `WORD` for where mods are to run, which a policy may look at, such as\nplayer, server or ci")
	flags.BoolVar(&i.asJSON, "json", false, "write one JSON document to standard output, and ask nothing")
	_ = cmd.MarkFlagFilename("trust", "toml")
	_ = cmd.MarkFlagFilename("policy", "cedar")
	_ = cmd.MarkFlagFilename("api", "json")
}

// registerBy adds --by.
func (i *installation) registerBy(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.by, "by", "", "the `NAME` of who decides, for the record (default: your login)")
}

// open opens the installation.
func (i *installation) open(ctx context.Context, c *console, interactive bool) (*install.Home, error) {
	var game *apiDocument
	var err error
	if i.api != "" {
		if game, err = c.readAPIFile(ctx, i.api); err != nil {
			return nil, err
		}
	}
	api, err := game.forGate()
	if err != nil {
		return nil, err
	}
	if i.by == "" {
		i.by = login()
	}
	o := install.Options{Now: time.Now, Environment: i.situation, Interactive: interactive, API: api, By: i.by, TrustFile: i.trust}
	if i.policy != "" {
		rules, err := policyNamed(i.policy, "")
		if err != nil {
			return nil, err
		}
		o.Rules = rules
	}
	return install.Open(i.home.path(), o)
}

// login is the name of who runs this, as well as that is known.
func login() string {
	if u, err := user.Current(); err == nil && u.Username != "" && u.Username != "policy" {
		return u.Username
	}
	return "unknown"
}

// interactive reports whether there is a person who can be asked.
func (i *installation) interactive(c *console) bool {
	return !i.asJSON && c.err.terminal && term.IsTerminal(int(c.in.Fd()))
}

func newInstall(c *console) *cobra.Command {
	var i installation
	var downgrade bool
	cmd := &cobra.Command{
		Use:   "install [flags] BUNDLE.zip|ID[@RANGE]...",
		Short: "Install mods, after a look at what they are and what they ask for",
		Long: `Install mods that were packed, from files or from the catalogue, together with what
they need: other mods named with them, those that are installed, and those of the
catalogue. Each is verified, reviewed, and held against the policy. What the policy
allows is installed; what it denies is not, and neither is what needs it. Where it
wants a person to decide, you are shown what the mod is and asks for, and asked: yes,
no, or yes without some of what the mod can do without.

Where nobody can be asked, such a mod waits, with all that came with it, until
somebody says "modrunner approve ID", and the status is 4. What is installed goes on
as it is until then. An update that asks for no more, signed by the same publisher,
and no riskier than the version that a person approved, is not asked about.

A file that differs from what is installed in its signatures alone takes its place, if
a key that is trusted signed it.

All of an installation changes in one step, or not at all, whatever happens meanwhile.
Each decision is in its audit log.

With --json standard output has one JSON document and nothing else:
  {"status": "installed", "nothing", "waiting" or "refused", "error",
   "installed": [{"id", "version", "digest", "library", "asked", "needed_by",
   "instead_of", "resigned", "from", "publisher", "signature", "risk": N, "effect", "reasons",
   "granted", "left_out", "follows", "update"}], "waiting": [the same],
   "refused": [the same], "gone": [ids]}
"update" is the difference from the version that was approved before.

Nothing is run. Exit status: 0 installed; 1 not all could be written; 2 wrong usage;
4 refused, or waiting to be approved; 128 and the signal's number if interrupted.`,
		Example: `  modrunner install weather-1.2.0.zip
  modrunner install weather-1.2.0.zip seasons-2.0.0.zip
  modrunner install weather@^1.2
  modrunner install --home server --environment server --json weather-1.2.0.zip`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want packed mods, or ids of mods in the catalogue")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return exitWith(c.install(cmd.Context(), &i, args, downgrade))
		},
	}
	i.register(cmd)
	i.registerBy(cmd)
	cmd.Flags().BoolVar(&downgrade, "allow-downgrade", false, "let an installed mod be replaced by an older version")
	i.registerCatalog(cmd)
	return cmd
}

// exitWith is the error for a status.
func exitWith(end status) error {
	if end == allWell {
		return nil
	}
	return &exitError{end}
}

// install installs what is named.
func (c *console) install(ctx context.Context, i *installation, args []string, downgrade bool) status {
	request := install.Request{AllowDowngrade: downgrade}
	for _, arg := range args {
		if isBundleFile(arg) {
			source, err := install.ReadSource(arg)
			if err != nil {
				return c.notInstalled(i, err)
			}
			request.Sources = append(request.Sources, source)
			continue
		}
		want, err := parseWant(arg)
		if err != nil {
			c.refused(err)
			return wrongUsage
		}
		request.Wants = append(request.Wants, want)
	}
	return c.carryOut(ctx, i, request, len(request.Wants) > 0)
}

// isBundleFile reports whether an argument is a file, and no id of a mod.
func isBundleFile(arg string) bool {
	if strings.HasSuffix(strings.ToLower(arg), ".zip") || strings.ContainsAny(arg, `/\`) {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.IsDir() && !strings.Contains(arg, "@")
}

// parseWant reads ID or ID@RANGE.
func parseWant(arg string) (manifest.Requirement, error) {
	id, text, ranged := strings.Cut(arg, "@")
	if err := manifest.CheckID(id); err != nil {
		return manifest.Requirement{}, fmt.Errorf("%q: neither a packed mod (a .zip file) nor the id of one: %w", arg, err)
	}
	if !ranged {
		text = "*"
	}
	at, err := manifest.ParseRange(text)
	if err != nil {
		return manifest.Requirement{}, fmt.Errorf("%q: %w", arg, err)
	}
	return manifest.Requirement{ID: id, Range: at}, nil
}

// carryOut plans a request, asks what there is to be asked, and does it.
func (c *console) carryOut(ctx context.Context, i *installation, request install.Request, catalog bool) status {
	interactive := i.interactive(c)
	home, err := i.open(ctx, c, interactive)
	if err != nil {
		return c.notInstalled(i, err)
	}
	if request.Catalog, err = i.openCatalog(ctx, c, home, catalog); err != nil {
		return c.notInstalled(i, err)
	}
	for {
		plan, err := home.Plan(ctx, request)
		if err != nil {
			return c.notInstalled(i, err)
		}
		for _, problem := range plan.Problems {
			c.unclearAdvisory(problem)
		}
		var answers map[string]install.Answer
		if interactive && len(plan.Denied()) == 0 {
			if answers, err = c.askAbout(ctx, plan); err != nil {
				return c.notInstalled(i, err)
			}
		}
		result, err := home.Apply(ctx, plan, answers)
		if changed, ok := errors.AsType[*install.ChangedError](err); ok && interactive {
			c.lookAgain(changed)
			continue
		}
		if err != nil {
			return c.notInstalled(i, err)
		}
		end := c.installed(i, result)
		c.tellBlocked(ctx, home)
		return end
	}
}

// askAbout shows a person what is to be decided, and asks. What is put off has no
// answer.
func (c *console) askAbout(ctx context.Context, plan *install.Plan) (map[string]install.Answer, error) {
	answers := map[string]install.Answer{}
	for _, item := range plan.Items {
		if !item.Asks() && len(item.Undecided()) == 0 {
			continue
		}
		c.showItem(item)
		answer, given, err := c.question(ctx, item)
		if err != nil {
			return nil, err
		}
		if given {
			answers[item.Review.Digest] = answer
		}
		if given && !answer.Approve {
			break // nothing will be installed
		}
	}
	return answers, nil
}

// question asks a person about one mod.
func (c *console) question(ctx context.Context, item *install.Item) (answer install.Answer, given bool, err error) {
	optional := optionalOf(item)
	for {
		line, err := c.readAnswer(ctx, installQuestion(item, len(optional) > 0))
		if err != nil {
			return answer, false, err
		}
		switch line {
		case "y", "yes":
			return install.Answer{Approve: true}, true, nil
		case "n", "no":
			return install.Answer{}, true, nil
		case "", "l", "later":
			return answer, false, nil
		case "s", "some":
			if len(optional) == 0 {
				continue
			}
			answer.Approve = true
			for _, p := range optional {
				line, err := c.readAnswer(ctx, optionalQuestion(p))
				if err != nil {
					return answer, false, err
				}
				if line != "y" && line != "yes" {
					answer.Without = append(answer.Without, p.Capability)
				}
			}
			return answer, true, nil
		}
	}
}

// optionalOf returns the permissions that can be left out and are not denied.
func optionalOf(item *install.Item) []policy.PermissionDecision {
	return slices.DeleteFunc(slices.Clone(item.Decision.Permissions), func(p policy.PermissionDecision) bool {
		return !p.Optional || p.Ruling.Effect == policy.Deny
	})
}

// readAnswer asks, and returns one line that was typed, in small letters. The end of
// the input is an empty line.
func (c *console) readAnswer(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(c.err, c.err.fit(prompt))
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := readLine(c.in)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return strings.ToLower(strings.TrimSpace(r.line)), r.err
	case <-ctx.Done():
		fmt.Fprintln(c.err)
		return "", context.Cause(ctx)
	}
}

// readLine reads to the end of a line, and no byte beyond.
func readLine(in *os.File) (string, error) {
	const most = 256
	var line []byte
	var one [1]byte
	for len(line) < most {
		n, err := in.Read(one[:])
		if n == 0 || one[0] == '\n' {
			if n == 0 && err == nil {
				continue
			}
			return string(line), nil
		}
		line = append(line, one[0])
	}
	return "", &refusal{What: "the answer", Reason: "too long", Want: "yes or no"}
}

// itemReport is a bundle in the documents of install and its kin.
type itemReport struct {
	ID        string             `json:"id"`
	Version   string             `json:"version"`
	Digest    string             `json:"digest"`
	Library   bool               `json:"library"`
	Asked     bool               `json:"asked"`
	NeededBy  []string           `json:"needed_by"`
	InsteadOf string             `json:"instead_of,omitempty"`
	Resigned  bool               `json:"resigned"`
	From      string             `json:"from"`
	Publisher string             `json:"publisher,omitempty"`
	Signature policy.Signature   `json:"signature"`
	Risk      int                `json:"risk"`
	Effect    string             `json:"effect"`
	Reasons   []string           `json:"reasons"`
	Granted   []string           `json:"granted"`
	LeftOut   []string           `json:"left_out"`
	Follows   bool               `json:"follows"`
	Update    *review.Difference `json:"update,omitempty"`
}

func reportOf(items []*install.Item) []itemReport {
	out := []itemReport{}
	for _, i := range items {
		r := i.Review
		one := itemReport{ID: r.ID, Version: r.Version, Digest: r.Digest, Library: r.Library, Asked: i.Asked, NeededBy: append([]string{}, i.NeededBy...),
			InsteadOf: i.Installed, Resigned: i.Resigned, From: i.From, Publisher: r.Publisher, Signature: r.Signature, Risk: r.Risk().Score,
			Effect: i.Decision.Effect.String(), Reasons: append([]string{}, i.Decision.Reasons...), Granted: []string{}, LeftOut: []string{},
			Follows: i.Follows, Update: r.Since}
		for _, p := range i.Decision.Permissions {
			if p.Granted {
				one.Granted = append(one.Granted, p.Capability)
			} else {
				one.LeftOut = append(one.LeftOut, p.Capability)
			}
		}
		out = append(out, one)
	}
	return out
}

// installReport is the JSON document of install and its kin.
type installReport struct {
	Status    string       `json:"status"`
	Error     string       `json:"error,omitempty"`
	Installed []itemReport `json:"installed"`
	Waiting   []itemReport `json:"waiting"`
	Refused   []itemReport `json:"refused"`
	Gone      []string     `json:"gone"`
}

// installed tells what became of a plan.
func (c *console) installed(i *installation, r *install.Result) status {
	report := installReport{Status: "installed", Installed: reportOf(r.Installed), Waiting: reportOf(r.Waiting), Refused: []itemReport{}, Gone: append([]string{}, r.Gone...)}
	end := allWell
	switch {
	case len(r.Waiting) > 0:
		end, report.Status = notRun, "waiting"
	case len(r.Installed)+len(r.Gone) == 0:
		report.Status = "nothing"
	}
	if i.asJSON {
		c.writeJSON(report)
		return end
	}
	c.tellInstalled(r)
	return end
}

// notInstalled tells why nothing, or not all, was done.
func (c *console) notInstalled(i *installation, err error) status {
	end, report := notRun, installReport{Status: "refused", Error: jsonText(bare(err).Error()), Installed: []itemReport{}, Waiting: []itemReport{}, Refused: []itemReport{}, Gone: []string{}}
	if _, unfinished := errors.AsType[*install.UnfinishedError](err); unfinished {
		end, report.Status = scriptFailed, "unfinished"
	}
	if signal, ok := errors.AsType[*interruption](err); ok {
		c.interrupted(signal.Error())
		return signal.status()
	}
	refused, ok := errors.AsType[*install.RefusedError](err)
	if ok {
		report.Refused = reportOf(refused.Items)
	}
	if i.asJSON {
		c.writeJSON(report)
	}
	if ok {
		c.refusedItems(refused)
	} else {
		c.refusedInstall(err)
	}
	return end
}
