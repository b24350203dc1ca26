package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/gate/sarif"
	"github.com/luasandbox/modrunner/mods/manifest"
)

// checkOptions are the flags of check.
type checkOptions struct {
	api      string // path of an API document
	measured string // path of a report of run
	strict   bool
	json     bool
	sarif    bool
	rules    bool
	explain  string // id of a rule
}

func newCheck(c *console) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [flags] FILE.lua|MOD|FOLDER...",
		Short: "Check Lua files and mods without running them",
		Long: `Check the syntax of Lua files, and of mods (a folder with mod.toml, a .zip file,
or a folder of those) the manifest, the names and sizes of the files, the syntax
of all Lua files, and what the mod asks for: the capabilities that "modrunner run"
can offer ("modrunner api" lists them), their options and versions, and the other
mods that are checked with it. A mod that is needed and not among those, or there
twice, is a warning. Nothing is run.

Then a mod's text is held against the rules of the static gate: capabilities that are
used and not asked for, or asked for and not used, functions and globals that there
are not, wrong arguments, writes to shared tables, code made of strings, text that is
hard to read, loops that cannot end, and more. "check --rules" lists them, and
"check --explain RULE" tells what one of them finds, and how to mend it. What they
find is listed as path:line:column: severity: message [rule]. An error fails the
check, a warning does with --strict, a note never. For a finding that is as it
should be, the manifest says why under [exceptions]: RULE = "why"; then it is listed
with these words and does not count.

With --api FILE a mod is held against what a game offers, without the game: FILE is
the document that mods.Host.API writes, and the game's developers give to you. What
the game has and does not allow as it was set up then is a warning. What it has
behind a feature flag is not offered. What an option may be beyond its type, bounds
and choices, only the game knows.

With --measured FILE, what a mod asks for is held against what it took: FILE is the
report of "modrunner run --json".

What is well, and what the rules find, is listed on standard output; what is not
well, on standard error. With --json standard output has one document
  {"checked": [{"path", "id", "version", "ok", "problems": ["..."], "findings": [
     {"rule", "severity", "path", "line", "column", "message", "suggestion", "justified",
      "omitted"}]}]}
and with --sarif one in the format SARIF 2.1.0, for code hosts and editors.

Exit status: 0 all well; 1 a syntax error; 2 wrong usage; 3 a source file larger
than the limit; 4 a file that cannot be read, a mod that would be refused, or an
error that a rule found. Where several apply: 4 before 3 before 1.`,
		Example: `  modrunner check main.lua
  modrunner check mymod
  modrunner check mymod library.zip
  modrunner check --api game.json --strict mymod
  modrunner check --sarif mymod >mymod.sarif
  modrunner check --explain endless-loop`,
		Args: func(_ *cobra.Command, args []string) error { return o.wrong(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			end := allWell
			switch {
			case o.rules:
				c.listRules(o.json)
			case o.explain != "":
				c.explainRule(o.explain)
			default:
				end = c.check(cmd.Context(), o, args)
			}
			if i := interruptedBy(cmd.Context()); i != nil {
				c.interrupted(i.Error())
				end = i.status()
			}
			if end == allWell {
				return nil
			}
			return &exitError{end}
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.api, "api", "", "check mods against the API document of a game in `FILE`, - for standard\ninput (default: what run can offer)")
	f.StringVar(&o.measured, "measured", "", "hold the limits that mods ask for against the report of run in `FILE`,\n- for standard input")
	f.BoolVar(&o.strict, "strict", false, "let warnings fail the check too")
	f.BoolVar(&o.json, "json", false, "write what was found to standard output as JSON")
	f.BoolVar(&o.sarif, "sarif", false, "write what was found to standard output as SARIF 2.1.0")
	f.BoolVar(&o.rules, "rules", false, "list the rules; with --json as JSON")
	f.StringVar(&o.explain, "explain", "", "tell about one `RULE`")
	_ = cmd.MarkFlagFilename("api", "json")
	_ = cmd.MarkFlagFilename("measured", "json")
	_ = cmd.RegisterFlagCompletionFunc("explain", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// wrong returns what is wrong with the command line.
func (o checkOptions) wrong(args []string) error {
	inputs := 0
	for _, name := range append([]string{o.api, o.measured}, args...) {
		if name == "-" {
			inputs++
		}
	}
	switch {
	case o.json && o.sarif:
		return errors.New("--json and --sarif: standard output can be one of them")
	case o.rules && o.explain != "":
		return errors.New("--rules and --explain: one at a time")
	case (o.rules || o.explain != "") && len(args) > 0:
		return fmt.Errorf("%q: rules are told without mods", args[0])
	case o.explain != "":
		if _, known := gate.RuleByID(o.explain); !known {
			text := fmt.Sprintf("there is no rule %q", o.explain)
			if near := manifest.Nearest(o.explain, ruleIDs()); near != "" {
				text += "; did you mean " + near + "?"
			}
			return errors.New(text + `; "modrunner check --rules" lists them`)
		}
	case !o.rules && len(args) == 0:
		return errors.New("nothing was named; want a Lua file, " + modWanted)
	case o.api == "-" && slices.Contains(args, "-"):
		return errors.New("--api - and the file -: standard input can be one of them")
	case inputs > 1:
		return errors.New("- is there twice: standard input can be read once")
	}
	return nil
}

// checked is what became of one Lua file or mod.
type checked struct {
	Path     string         `json:"path"`
	ID       string         `json:"id,omitempty"`
	Version  string         `json:"version,omitempty"`
	OK       bool           `json:"ok"`
	Problems []string       `json:"problems"`
	Findings []gate.Finding `json:"findings"`

	source mods.Source
	man    *manifest.Manifest // nil if it cannot be read
	lonely bool               // a library that it names is not checked with it
	errs   []error            // what is wrong with the files
	files  int                // Lua files
}

// check checks the arguments of the command, in their order. The mods among them
// are held against each other, and against an API document if there is one.
func (c *console) check(ctx context.Context, o checkOptions, args []string) status {
	game, measured, err := c.yardsticks(ctx, o)
	if err != nil {
		if interruptedBy(ctx) == nil {
			c.refused(err)
		}
		return notRun
	}
	found, end := c.toCheck(ctx, args)
	markLonely(found)
	refused := map[string]error{}
	if err := refusals(game, found, refused); err != nil {
		c.refused(err)
		return notRun
	}
	api, err := game.forGate()
	if err != nil {
		c.refused(err)
		return notRun
	}
	each(ctx, found, func(m *checked) {
		if m.source.Bundle == nil {
			return
		}
		for _, f := range m.source.Bundle.Files() {
			if !strings.HasSuffix(f.Path, ".lua") {
				continue
			}
			m.files++
			text, err := m.source.Bundle.ReadFile(f.Path)
			if err == nil {
				_, err = compile(path.Join(filepath.ToSlash(m.Path), f.Path), string(text), limits.Limits{})
			}
			if err != nil {
				m.errs = append(m.errs, err)
			}
		}
		if m.man == nil {
			return
		}
		m.Findings = slices.DeleteFunc(gate.Checker{API: api, Measured: measured[m.man.ID]}.Check(m.source.Bundle, m.man),
			func(f gate.Finding) bool { return f.Rule == "syntax" && len(m.errs) > 0 }) // told by the compiler
	})
	for _, m := range found {
		if ctx.Err() != nil {
			return end
		}
		end = max(end, c.checkedOne(o, game, m, refused[m.Path]))
	}
	switch {
	case o.json:
		c.writeJSON(map[string]any{"checked": found})
	case o.sarif:
		var all []sarif.Mod
		for _, m := range found {
			all = append(all, sarif.Mod{Path: filepath.ToSlash(m.Path), Findings: m.Findings, Refused: m.Problems})
		}
		c.writeJSON(sarif.New(version(), all))
	}
	return end
}

// yardsticks reads what mods are held against.
func (c *console) yardsticks(ctx context.Context, o checkOptions) (game *apiDocument, measured map[string]*gate.Measured, err error) {
	if o.api != "" {
		if game, err = c.readAPIFile(ctx, o.api); err != nil {
			return nil, nil, err
		}
	}
	if o.measured != "" {
		measured, err = c.readMeasured(ctx, o.measured)
	}
	return game, measured, err
}

// toCheck opens the files and mods that are named, each of them once, and reports what
// there is not. Lua files are checked on the way.
func (c *console) toCheck(ctx context.Context, args []string) (found []*checked, end status) {
	found = []*checked{}
	seen := map[string]bool{}
	for _, arg := range args {
		if ctx.Err() != nil {
			break
		}
		if isSource(arg) {
			found = append(found, c.checkFile(ctx, arg))
			continue
		}
		paths, err := findMods(arg)
		if err != nil {
			c.refused(err)
			end = notRun
		}
		for _, p := range paths {
			if !seen[p] {
				seen[p] = true
				found = append(found, &checked{Path: p, Problems: []string{}, Findings: []gate.Finding{}})
			}
		}
	}
	each(ctx, found, func(m *checked) {
		if m.errs != nil { // a Lua file
			return
		}
		m.source = source(m.Path)
		if m.source.Err != nil {
			return
		}
		if m.man = manifestOf(m.source); m.man != nil {
			m.ID, m.Version = m.man.ID, m.man.Version.String()
		}
	})
	return found, end
}

// markLonely notes which mods name libraries that are not among them.
func markLonely(found []*checked) {
	there := map[string]bool{}
	for _, m := range found {
		if m.man != nil && m.man.Library {
			there[m.man.ID] = true
		}
	}
	for _, m := range found {
		m.lonely = m.man != nil && slices.ContainsFunc(m.man.Libraries, func(l manifest.Requirement) bool { return !there[l.ID] })
	}
}

// each calls do for all of them, several at a time, until ctx ends.
func each(ctx context.Context, all []*checked, do func(*checked)) {
	work := make(chan *checked)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(all)) {
		workers.Go(func() {
			for m := range work {
				do(m)
			}
		})
	}
	for _, m := range all {
		if ctx.Err() != nil {
			break
		}
		work <- m
	}
	close(work)
	workers.Wait()
}

// isSource reports whether an argument is a Lua file, and no mod.
func isSource(arg string) bool { return arg == "-" || strings.HasSuffix(arg, ".lua") }

// refusals finds out, by the paths of the mods, why a host as that of run, or of the
// game, would refuse them.
func refusals(game *apiDocument, found []*checked, refused map[string]error) error {
	var all []mods.Source
	for _, m := range found {
		if m.source.Path != "" {
			all = append(all, m.source)
		}
	}
	if len(all) == 0 {
		return nil
	}
	cfg := mods.Config{Policy: mods.PolicyAll, Events: gameEvents, Capabilities: offerAll()}
	err := game.config(&cfg)
	var host *mods.Host
	if err == nil {
		host, err = mods.Open(cfg)
	}
	if err != nil {
		return err
	}
	defer host.Close()
	all, _ = equipAll(all)
	loaded, _ := host.Load(all...) // each mod has its own error
	for i, m := range loaded {
		err := m.Err()
		if e, ok := errors.AsType[*mods.PermissionError](err); ok {
			err = e.Err // which no flag of ours mends
		}
		refused[all[i].Path] = err
	}
	return nil
}

// checkFile checks the syntax of one file.
func (c *console) checkFile(ctx context.Context, name string) *checked {
	m := &checked{Path: name, Problems: []string{}, Findings: []gate.Finding{}}
	source, err := readSource(ctx, name, luaFileWanted, c.in, limits.Limits{})
	if err == nil {
		if name == "-" {
			m.Path = "stdin"
		}
		_, err = compile(m.Path, skipFirstLine(source), limits.Limits{})
	}
	m.errs = []error{}
	if err != nil {
		m.errs = append(m.errs, err)
	}
	return m
}

// checkedOne reports what was found of one file or mod.
func (c *console) checkedOne(o checkOptions, game *apiDocument, m *checked, refused error) status {
	end := allWell
	failed := func(err error) {
		m.Problems = append(m.Problems, reasonOf(err))
		end = max(end, c.checkFailed(m.Path, err))
	}
	if m.source.Err != nil {
		refused = m.source.Err
	}
	switch {
	case refused == nil:
	case m.lonely, aboutCompany(refused):
		c.warnedMod(m.Path, refused)
	default:
		failed(refused)
	}
	game.warnDenied(c, m.Path, m.man)
	for _, err := range m.errs {
		failed(err)
	}
	if !o.json && !o.sarif {
		for _, f := range m.Findings {
			c.finding(m.Path, f)
		}
	}
	errs, warnings, notes := count(m.Findings)
	if errs > 0 || o.strict && warnings > 0 {
		c.failedRules(m.Path, errs, warnings)
		end = notRun
	}
	if m.OK = end == allWell; m.OK && !o.json && !o.sarif {
		detail := ""
		if m.man != nil {
			detail = fmt.Sprintf("%s %s, %s", m.man.ID, m.man.Version, plural(m.files, "Lua file"))
		}
		c.passed(m.Path, strings.TrimPrefix(detail+counted(warnings, notes), ", "))
	}
	return end
}

// count counts the findings that are not justified.
func count(findings []gate.Finding) (errs, warnings, notes int) {
	for _, f := range findings {
		switch n := 1 + f.Omitted; {
		case f.Justified != "":
		case f.Severity == gate.Note:
			notes += n
		case f.Severity == gate.Warning:
			warnings += n
		default:
			errs += n
		}
	}
	return errs, warnings, notes
}

// aboutCompany reports whether a mod would be refused only for which others are
// checked with it: elsewhere it may be well.
func aboutCompany(refused error) bool {
	if need, ok := errors.AsType[*mods.DependencyError](refused); ok {
		return need.Reason == mods.DependencyMissing || need.Reason == mods.DependencyRefused
	}
	_, twice := errors.AsType[*mods.DuplicateError](refused)
	return twice
}

// checkFailed reports what is wrong and returns the status that it means.
func (c *console) checkFailed(name string, err error) status {
	limit, limited := errors.AsType[*limits.Error](err)
	_, syntax := errors.AsType[*luasandbox.SyntaxError](err)
	switch {
	case limited && limit.Kind == limits.Source:
		c.scriptFailed(name+": "+limitReached(limit), "")
		return limitHit
	case syntax:
		c.scriptFailed(err.Error(), "")
		return scriptFailed
	}
	c.refusedMod(name, err)
	return notRun
}
