package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/manifest"
)

func newCheck(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE.lua|MOD|FOLDER...",
		Short: "Check Lua files and mods without running them",
		Long: `Check the syntax of Lua files, and of mods (a folder with mod.toml, a .zip file,
or a folder of those) the manifest, the names and sizes of the files and the
syntax of all Lua files. Nothing is run.

What is well is listed on standard output; what is not, on standard error.

Exit status: 0 all well; 1 a syntax error; 2 wrong usage; 3 a source file larger
than the limit; 4 a file that cannot be read, or a mod that would be refused.
Where several apply: 4 before 3 before 1.`,
		Example: `  modrunner check main.lua
  modrunner check mymod
  modrunner check testdata/mods`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want a Lua file, " + modWanted)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			end := allWell
			for _, arg := range args {
				end = max(end, c.check(cmd.Context(), arg))
				if i := interruptedBy(cmd.Context()); i != nil {
					c.interrupted(i.Error())
					return &exitError{i.status()}
				}
			}
			if end == allWell {
				return nil
			}
			return &exitError{end}
		},
	}
}

// check checks one argument of the command.
func (c *console) check(ctx context.Context, arg string) status {
	if arg == "-" || strings.HasSuffix(arg, ".lua") {
		return c.checkFile(ctx, arg)
	}
	paths, err := findMods(arg)
	if err != nil {
		c.refused(err)
		return notRun
	}
	end := allWell
	for _, p := range paths {
		end = max(end, c.checkMod(p))
	}
	return end
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

// checkMod checks all of one mod, and reports as many problems as it can.
func (c *console) checkMod(folder string) status {
	b, err := bundle.OpenPath(folder, bundle.Limits{})
	if err != nil {
		return c.checkFailed(folder, err)
	}
	end, files := allWell, 0
	m, err := manifest.Parse(bundle.ManifestName, b.Manifest())
	if err != nil {
		end = c.checkFailed(folder, err)
	} else if _, err := b.ReadFile(m.Entry); err != nil {
		end = c.checkFailed(folder, m.Problem(fmt.Sprintf("there is no file %q in the mod", m.Entry), "mod", "entry"))
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
	if end == allWell {
		c.passed(folder, fmt.Sprintf("%s %s, %s", m.ID, m.Version, plural(files, "Lua file")))
	}
	return end
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
