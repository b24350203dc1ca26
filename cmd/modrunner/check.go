package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func newCheck(c *console) *cobra.Command {
	var api string
	cmd := &cobra.Command{
		Use:   "check [flags] FILE.lua|MOD|FOLDER...",
		Short: "Check Lua files and mods without running them",
		Long: `Check the syntax of Lua files, and of mods (a folder with mod.toml, a .zip file,
or a folder of those) the manifest, the names and sizes of the files, the syntax
of all Lua files, and what the mod asks for: the capabilities that "modrunner run"
can offer ("modrunner api" lists them), their options and versions, and the other
mods that are checked with it. A mod that is needed and not among those, or there
twice, is a warning. Nothing is run.

With --api FILE a mod is held against what a game offers, without the game: FILE is
the document that mods.Host.API writes, and the game's developers give to you. What
the game has and does not allow as it was set up then is a warning. What it has
behind a feature flag is not offered. What an option may be beyond its type, bounds
and choices, only the game knows.

What is well is listed on standard output; what is not, on standard error.

Exit status: 0 all well; 1 a syntax error; 2 wrong usage; 3 a source file larger
than the limit; 4 a file that cannot be read, or a mod that would be refused.
Where several apply: 4 before 3 before 1.`,
		Example: `  modrunner check main.lua
  modrunner check mymod
  modrunner check mymod library.zip
  modrunner check --api game.json mymod
  modrunner check testdata/mods`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want a Lua file, " + modWanted)
			}
			if api == "-" && slices.Contains(args, "-") {
				return errors.New("--api - and the file -: standard input can be one of them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			end := c.check(cmd.Context(), api, args)
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
	cmd.Flags().StringVar(&api, "api", "", "check mods against the API document of a game in `FILE`, - for standard\ninput (default: what run can offer)")
	_ = cmd.MarkFlagFilename("api", "json")
	return cmd
}

// check checks the arguments of the command, in their order. The mods among them
// are held against each other, and against an API document if api names one.
func (c *console) check(ctx context.Context, api string, args []string) status {
	var game *apiDocument
	if api != "" {
		var err error
		if game, err = c.readAPIFile(ctx, api); err != nil {
			if interruptedBy(ctx) == nil {
				c.refused(err)
			}
			return notRun
		}
	}
	refused, end := c.refusals(game, args)
	for _, arg := range args {
		if ctx.Err() != nil {
			break
		}
		if isSource(arg) {
			end = max(end, c.checkFile(ctx, arg))
			continue
		}
		paths, err := findMods(arg)
		if err != nil {
			c.refused(err)
			end = max(end, notRun)
		}
		for _, p := range paths {
			end = max(end, c.checkMod(p, refused[p]))
		}
	}
	return end
}

// isSource reports whether an argument is a Lua file, and no mod.
func isSource(arg string) bool { return arg == "-" || strings.HasSuffix(arg, ".lua") }

// refusals returns, by the paths of the mods among the arguments, why a host as that
// of run, or of the game, would refuse them.
func (c *console) refusals(game *apiDocument, args []string) (map[string]error, status) {
	var all []mods.Source
	refused := map[string]error{}
	for _, arg := range args {
		if isSource(arg) {
			continue
		}
		found, _ := findMods(arg) // check says what is wrong
		for _, path := range found {
			if _, twice := refused[path]; !twice {
				refused[path] = nil
				all = append(all, source(path))
			}
		}
	}
	if len(all) == 0 {
		return nil, allWell
	}
	cfg := mods.Config{Policy: mods.PolicyAll, Events: gameEvents, Capabilities: offerAll()}
	err := game.config(&cfg)
	var host *mods.Host
	if err == nil {
		host, err = mods.Open(cfg)
	}
	if err != nil {
		c.refused(err)
		return nil, notRun
	}
	defer host.Close()
	loaded, _ := host.Load(all...) // each mod has its own error
	for i, m := range loaded {
		err := m.Err()
		if e, ok := errors.AsType[*mods.PermissionError](err); ok {
			err = e.Err // which no flag of ours mends
		}
		refused[all[i].Path] = err
		game.warnDenied(c, all[i].Path, m.Manifest())
	}
	return refused, allWell
}

// checkFile checks the syntax of one file.
func (c *console) checkFile(ctx context.Context, name string) status {
	source, err := readSource(ctx, name, luaFileWanted, c.in, limits.Limits{})
	if err == nil {
		if name == "-" {
			name = "stdin"
		}
		_, err = compile(name, skipFirstLine(source), limits.Limits{})
	}
	if err != nil {
		return c.checkFailed(name, err)
	}
	c.passed(name, "")
	return allWell
}

// checkMod checks one mod, of which is known why a host would refuse it, and reports
// as many problems as it can.
func (c *console) checkMod(folder string, refused error) status {
	b, err := bundle.OpenPath(folder, bundle.Limits{})
	if err != nil {
		return c.checkFailed(folder, err)
	}
	end, files := allWell, 0
	switch {
	case refused == nil:
	case aboutCompany(refused):
		c.warnedMod(folder, refused)
	default:
		end = c.checkFailed(folder, refused)
	}
	for _, f := range b.Files() {
		if !strings.HasSuffix(f.Path, ".lua") {
			continue
		}
		files++
		source, err := b.ReadFile(f.Path)
		if err == nil {
			_, err = compile(path.Join(folder, f.Path), string(source), limits.Limits{})
		}
		if err != nil {
			end = max(end, c.checkFailed(folder, err))
		}
	}
	if end > allWell {
		return end
	}
	man, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil { // it was another one when the host read it
		return c.checkFailed(folder, err)
	}
	c.passed(folder, fmt.Sprintf("%s %s, %s", man.ID, man.Version, plural(files, "Lua file")))
	return allWell
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
