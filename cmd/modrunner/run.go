package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods"
)

// runOptions are the flags of run.
type runOptions struct {
	limitFlags
	ticks  int64
	json   bool
	data   string
	allow  []string
	chosen bool // allow was given
	chat   string
	noChat bool
	seed   uint64
	real   bool // mods see the real time
}

// defaultTicks is how many ticks a run has unless told otherwise.
const defaultTicks = 50

func newRun(c *console) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] MOD|FOLDER...",
		Short: "Run mods through some ticks of a game and report on each",
		Long: `Load mods (a folder with mod.toml, a .zip file, or a folder of those), run them
together through some ticks of a game, and report on each. A mod that is refused,
or stopped for what it does, does not disturb the others.

What mods log and print goes to standard output, each line behind the id of its
mod, and after it a table. Between them stand the lines that players said in the
chat: a few of ours, unless --chat names a file of lines such as
  5 alice !roll 2d6
(the tick, the player, the text). No mod can write a line that is not behind its
own id.

Mods get the capabilities that their manifests ask for; with --allow those that it
names and no others, and a mod that asks for more is refused. What they store is
forgotten at the end, unless --data names a folder for it.

With --json standard output has one JSON document and nothing else, and what mods
log and print goes to standard error.
  {"ticks": N, "mods": [
    {"id", "version", "state": "stopped" (ended well), "quarantined" (stopped for a
       limit or an error) or "refused" (never ran), "reason", "source",
     "instructions": N, "memory_bytes": N, "memory_peak_bytes": N,
     "allocated_bytes": N, "wall_ms": N, "calls": N, "host_calls": N,
     "output_bytes": N,
     "violations": [{"kind", "limit", "during", "message", "tick", "traceback"}]}],
   "error": why there was no run at all, if there was none}

Exit status: 0 all well; 1 a mod failed, or what mods store could not be saved;
2 wrong usage; 3 a mod hit a limit; 4 a mod was refused; 128 and the signal's
number if interrupted. Where several apply: 4 before 3 before 1.`,
		Example: `  modrunner run testdata/mods
  modrunner run --ticks 600 --data saves mymod
  modrunner run --allow log,events --instructions 100000 mymod othermod.zip
  modrunner run --json testdata/mods 2>mods.log | jq '.mods[] | [.id, .state]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("nothing was named; want " + modWanted)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.chosen = cmd.Flags().Changed("allow")
			if o.ticks < 0 {
				return fmt.Errorf("--ticks %d: want a number from 0 on", o.ticks)
			}
			return c.run(cmd.Context(), o, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Int64Var(&o.ticks, "ticks", defaultTicks, "how many ticks to run")
	flags.BoolVar(&o.json, "json", false, "write one JSON document to standard output")
	flags.StringSliceVar(&o.allow, "allow", nil, "allow these capabilities and no others (default all that are built in)")
	flags.StringVar(&o.data, "data", "", "keep what mods store in the folder `DIR` (default: forget it)")
	flags.StringVar(&o.chat, "chat", "", "read what players say from `FILE`, - for standard input")
	flags.BoolVar(&o.noChat, "no-chat", false, "let no player say anything")
	flags.Uint64Var(&o.seed, "seed", 0, "begin of the random numbers; the same seed, the same run")
	flags.BoolVar(&o.real, "real-clock", false, "show mods the real time (default: one that begins with the year 2000\nand moves with the ticks)")
	o.register(cmd, "per call of a mod")
	cmd.MarkFlagsMutuallyExclusive("chat", "no-chat")
	return cmd
}

// runReport is the JSON document of run.
type runReport struct {
	Ticks int64       `json:"ticks"` // that were run
	Mods  []modReport `json:"mods"`
	Error string      `json:"error,omitempty"` // why there was no run at all
}

// modReport is one mod in it.
type modReport struct {
	ID      string     `json:"id"`
	Version string     `json:"version"`
	State   mods.State `json:"state"`
	Reason  string     `json:"reason"`
	Source  string     `json:"source"`
	spent
	Calls       int64            `json:"calls"`
	HostCalls   int64            `json:"host_calls"`
	OutputBytes int64            `json:"output_bytes"`
	Violations  []mods.Violation `json:"violations"` // the first ones
	omitted     int64            // how many more there were
}

// run is the command. It returns an *exitError, a usage error, or nil.
func (c *console) run(ctx context.Context, o runOptions, args []string) error {
	lines, err := c.chatLines(ctx, o)
	if err != nil {
		return c.noRun(o, err)
	}
	to := c.out
	if o.json {
		to = c.err
	}
	g := &game{console: c, options: o, chat: lines, lines: to.modLines(), told: map[*mods.Mod]bool{}}
	if err := g.open(); err != nil {
		if config, ok := errors.AsType[*mods.ConfigError](err); ok && config.Field == "Policy.Allow" {
			return fmt.Errorf("--allow: %w", config.Err)
		}
		return c.noRun(o, err)
	}
	defer g.host.Close()
	g.add(args)
	saved := g.play(ctx)

	end := g.status()
	if saved != nil {
		c.unsaved(saved)
		end = max(end, scriptFailed)
	}
	report := g.report()
	if o.json {
		c.writeJSON(report)
	} else {
		c.table(report)
	}
	if i := interruptedBy(ctx); i != nil {
		c.interrupted(i.Error())
		end = i.status()
	}
	if end == allWell {
		return nil
	}
	return &exitError{end}
}

// noRun reports what kept mods from being run at all.
func (c *console) noRun(o runOptions, err error) error {
	c.refused(err)
	if o.json {
		c.writeJSON(runReport{Mods: []modReport{}, Error: jsonText(err.Error())})
	}
	return &exitError{notRun}
}

// status returns the worst that the mods did.
func (g *game) status() status {
	end := allWell
	for _, m := range g.host.Mods() {
		r := m.Report()
		if r.State == mods.Refused {
			end = max(end, notRun)
		}
		for _, v := range r.Violations {
			switch v.Kind {
			case mods.LimitViolation, mods.FloodViolation:
				end = max(end, limitHit)
			default:
				end = max(end, scriptFailed)
			}
		}
	}
	return end
}

// why returns the reason of a mod's state in one line, "" if all is well.
func why(m *mods.Mod) string {
	if err := m.Err(); err != nil && m.State() == mods.Refused {
		line, _, _ := strings.Cut(reasonOf(err), "\n")
		return oneLine(line)
	}
	return m.Report().Reason
}

// report collects what the host knows of the mods.
func (g *game) report() runReport {
	report := runReport{Ticks: g.ticks, Mods: []modReport{}}
	for _, m := range g.host.Mods() {
		r := m.Report()
		if r.Violations == nil {
			r.Violations = []mods.Violation{}
		}
		report.Mods = append(report.Mods, modReport{
			ID: r.ID, Version: r.Version, State: r.State, Reason: why(m), Source: r.Source,
			spent: spent{
				Instructions:    r.Instructions,
				MemoryBytes:     r.MemoryBytes,
				MemoryPeakBytes: r.MemoryPeakBytes,
				AllocatedBytes:  r.AllocatedBytes,
				WallMS:          int64(r.WallMS),
			},
			Calls: r.Calls, HostCalls: r.HostCalls, OutputBytes: r.OutputBytes,
			Violations: r.Violations, omitted: r.ViolationsOmitted,
		})
	}
	return report
}
