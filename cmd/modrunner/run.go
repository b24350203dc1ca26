package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/health"
)

// runOptions are the flags of run.
type runOptions struct {
	limitFlags
	hostFlags
	playerFlags
	replayFlags
	gateFlags
	ticks  int64
	json   bool
	data   string
	allow  []string
	chosen bool     // allow was given
	hosts  []string // that mods may ask; none: they have no http
	chat   string
	noChat bool
	seed   uint64
	real   bool // mods see the real time

	watch   bool // go on in real time, and take changes of the mods
	endless bool // until interrupted
	verbose bool
}

// defaultTicks is how many ticks a run has unless told otherwise.
const defaultTicks = 50

func newRun(c *console) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run [flags] [MOD|FOLDER...]",
		Short: "Run mods through some ticks of a game and report on each",
		Long: `Load mods (a folder with mod.toml, a .zip file, or a folder of those), run them
together through some ticks of a game, and report on each. A mod that is refused,
or quarantined for what it does, does not disturb the others.

Without a MOD the installed ones are run (see "modrunner install"): those of the
installation's mods.lock, to the byte, with what was approved, and nothing if anything
is not as it was locked. Mods that are named may do all that their manifests ask for,
unless --policy has other rules; with --locked they have to be those of mods.lock.

With --refresh the installed mods run in real time until interrupted, or for the ticks
that --ticks says; a mod whose key was revoked, of which an advisory warns, or that was
frozen or taken back since, is quarantined within that time.

The mods share the instructions of each tick. What a mod does not finish in one
goes on in the next; the first tick loads the mods, and what takes long to load
is there some ticks later. A mod that passes a limit, or fails again and again, is
quarantined: nothing of it runs for 30 seconds of game time, and longer each time
it happens again.

What mods log and print goes to standard output, each line behind the id of its
mod, and after it a table. Between them stand the lines that players said in the
chat: a few of ours, unless --chat names a file of lines such as
  5 alice !roll 2d6
(the tick, the player, the text). No mod can write a line that is not behind its
own id. What is said while mods are loaded is heard when they are.

With --watch the game goes on in real time until it is interrupted, or for the
ticks that --ticks says, and follows what happens to the files: a mod that was
changed is reloaded, with its state if it has the hooks on_save and on_load; one
that does not work leaves the old one running. Mods that appear in a folder of
mods are loaded, those that are removed are unloaded.

Mods get the capabilities that their manifests ask for; with --allow those that it
names and no others, and a mod that asks for more is refused. "modrunner api" lists
them. What mods store is forgotten at the end, unless --data names a folder for it;
with one there are files, too, which are below DIR/files. There is no network,
unless --http names the hosts that mods may ask: api.example.org, or *.example.org
for all below it, by https. While mods wait for a disk or a server, each tick takes
its time; all others are as fast as they can be.

--set and --language are what a player chooses in a menu.

With --record the run is written to a file, with which --replay repeats it later, or
elsewhere, bit for bit: the same mods and flags, and nothing else comes from outside.
It names the first call, or figure, that is not the same; then the exit status is 1,
and 0 if all is the same, whatever the mods do. Mods that were changed since are
refused, unless --replay-changed compares what they call.

With --json standard output has one JSON document and nothing else, and what mods
log and print goes to standard error.
  {"ticks": N, "time_ns": N (of the game), "frame": N, "budget": N (less than frame
     where ticks took longer than --guard),
   "mods": [
    {"id", "version", "name", "digest", "source", "reason",
     "state": "stopped" (ended well), "loaded", "paused" (waits for a mod that it
       needs), "quarantined" or "disabled" (stopped for a limit or errors) or
       "refused" (never ran),
     "libraries": [{"id", "version", "digest"}], "warnings": [texts] (advisories),
     "instructions": N, "memory_bytes": N, "memory_peak_bytes": N,
     "allocated_bytes": N, "wall_ms": N, "calls": N, "host_calls": N,
     "output_bytes": N, "log_lines": N, "log_dropped": N, "events_dropped": N,
     "share": 0 to 1 (of what it would have if it were not throttled),
     "waiting": N, "parked": N (calls that wait to begin, or for an answer),
     "health": {"state", "points": N, "quarantines": N, "since": ns, "until": ns},
     "quarantines": N, "violation_count": N, "violations_omitted": N,
     "violations": [{"kind", "limit", "used": N, "max": N, "during", "where",
       "message", "tick", "time_ns", "traceback"}] (the first and the last ones)}],
   "replay": {"result": "identical", "diverged", "cut off" or "failed", "ticks": N,
     "calls": N, "divergence": {"tick", "mod", "function", "call", "where", "what",
     "recorded", "now"}} (with --replay),
   "error": why there was no run at all, if there was none}

Exit status: 0 all well; 1 a mod failed, or what mods store, the audit log, the
recording or the metrics could not be written; 2 wrong usage; 3 a mod hit a limit; 4 a mod was refused; 128 and the signal's
number if interrupted. Where several apply: 4 before 3 before 1.`,
		Example: `  modrunner run testdata/mods
  modrunner run --watch mymod
  modrunner run --home server/mods --ticks 600
  modrunner run --locked --home server/mods bundles/*.zip
  modrunner run --policy server.cedar --trust keys.toml --environment server othermod.zip
  modrunner run --ticks 600 --data saves mymod
  modrunner run --http api.example.org --data saves --audit audit.jsonl othermod.zip
  modrunner run --set weather.rain=true --language pt-BR mymod
  modrunner run --allow log,events --instructions 100000 mymod othermod.zip
  modrunner run --frame 200000 --priority weather=high --audit audit.jsonl testdata/mods
  modrunner run --json testdata/mods 2>mods.log | jq '.mods[] | [.id, .state]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 && !o.gateFlags.installed() {
				return fmt.Errorf("nothing was named, and there is no installation in %s; want %s", oneLine(o.gateFlags.home.path()), modWanted)
			}
			if len(args) > 0 && o.refresh > 0 {
				return errors.New("--refresh is for what is installed; name no mods")
			}
			if len(args) == 0 && o.watch {
				return errors.New("--watch: what is installed does not change; name the mods")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.chosen = cmd.Flags().Changed("allow")
			if o.ticks < 0 {
				return fmt.Errorf("--ticks %d: want a number from 0 on", o.ticks)
			}
			if err := o.hostFlags.check(); err != nil {
				return err
			}
			if err := o.replayFlags.check(); err != nil {
				return err
			}
			if err := checkOffer(o.allow, o.data, o.hosts); err != nil {
				return err
			}
			o.endless = (o.watch || o.refresh > 0) && !cmd.Flags().Changed("ticks")
			return c.run(cmd.Context(), o, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Int64Var(&o.ticks, "ticks", defaultTicks, "how many ticks to run; with --watch until interrupted, if not given")
	flags.BoolVar(&o.watch, "watch", false, "go on in real time until interrupted, and reload mods whose files change")
	flags.BoolVar(&o.json, "json", false, "write one JSON document to standard output")
	flags.StringSliceVar(&o.allow, "allow", nil, "allow these capabilities and no others (default all that there are)")
	flags.StringVar(&o.data, "data", "", "keep what mods store in the folder `DIR` (default: forget it), and let\nthem have files there")
	flags.Var(&hostsValue{to: &o.hosts}, "http", "let mods ask these hosts (default none); *.example.org for all below\nexample.org, HOST:PORT for another port")
	flags.StringVar(&o.chat, "chat", "", "read what players say from `FILE`, - for standard input")
	flags.BoolVar(&o.noChat, "no-chat", false, "let no player say anything")
	flags.Uint64Var(&o.seed, "seed", 0, "begin of the random numbers; the same seed, the same run")
	flags.BoolVar(&o.real, "real-clock", false, "show mods the real time (default: one that begins with the year 2000\nand moves with the ticks)")
	flags.BoolVar(&o.verbose, "verbose", false, "show every change of a mod's state")
	o.playerFlags.register(cmd)
	o.hostFlags.register(cmd)
	o.gateFlags.register(cmd)
	o.replayFlags.register(cmd)
	o.limitFlags.register(cmd, "per call of a mod", limits.Defaults().With(limits.Instructions, mods.DefaultCallInstructions))
	cmd.MarkFlagsMutuallyExclusive("chat", "no-chat")
	_ = cmd.MarkFlagDirname("data")
	_ = cmd.RegisterFlagCompletionFunc("http", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("allow", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return offeredNames(), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// runReport is the JSON document of run.
type runReport struct {
	Ticks  int64         `json:"ticks"`   // that were run
	Time   time.Duration `json:"time_ns"` // of the simulation
	Frame  int64         `json:"frame"`   // instructions of all mods in a tick
	Budget int64         `json:"budget"`  // what the next tick would have of it
	Mods   []modReport   `json:"mods"`
	Replay *replayReport `json:"replay,omitempty"`
	Error  string        `json:"error,omitempty"` // why there was no run at all
}

// modReport is one mod in it.
type modReport struct {
	ID      string     `json:"id"`
	Version string     `json:"version"`
	Name    string     `json:"name"`
	Digest  string     `json:"digest"`
	State   mods.State `json:"state"`
	Reason  string     `json:"reason"`
	Source  string     `json:"source"`

	Libraries []mods.LibraryReport `json:"libraries"`
	Warnings  []string             `json:"warnings"`
	spent
	Calls             int64            `json:"calls"`
	HostCalls         int64            `json:"host_calls"`
	OutputBytes       int64            `json:"output_bytes"`
	LogLines          int64            `json:"log_lines"`
	LogDropped        int64            `json:"log_dropped"`
	EventsDropped     int64            `json:"events_dropped"`
	Share             float64          `json:"share"`
	Waiting           int              `json:"waiting"`
	Parked            int              `json:"parked"`
	Health            health.Status    `json:"health"`
	Quarantines       int64            `json:"quarantines"`
	ViolationCount    int64            `json:"violation_count"`
	Violations        []mods.Violation `json:"violations"`
	ViolationsOmitted int64            `json:"violations_omitted"`
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
	g := &game{console: c, options: o, chat: lines, log: &modLog{to: to.modLines(), verbose: o.verbose}, told: map[*mods.Mod]bool{},
		tape: &tape{flags: o.replayFlags}, paths: args}
	if err := g.open(ctx); err != nil {
		if config, ok := errors.AsType[*mods.ConfigError](err); ok && config.Field == "Policy.Allow" {
			return fmt.Errorf("--allow: %w", config.Err)
		}
		return c.noRun(o, fmt.Errorf("%w%s", err, flagOf(err)))
	}
	defer g.close()
	if err := g.play(ctx); err != nil {
		if wrong, ok := errors.AsType[*choiceError](err); ok {
			return wrong
		}
		return c.noRun(o, err)
	}
	end := g.status()
	if g.ended != nil {
		c.refused(g.ended)
		end = max(end, scriptFailed)
	}
	if unsaved := g.close(); unsaved > allWell {
		end = max(end, unsaved)
	}
	report := g.report()
	report.Replay = g.tape.report()
	if o.json {
		c.writeJSON(report)
	} else {
		c.table(report)
	}
	end = g.closeTape(end)
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
	end := g.log.status()
	for _, m := range g.mods() {
		if m.State() == mods.Refused {
			end = max(end, notRun)
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
	status := g.host.Status()
	report := runReport{Ticks: g.ticks, Time: status.Time, Frame: status.Configured, Budget: status.Budget, Mods: []modReport{}}
	for _, m := range g.mods() {
		r := m.Report()
		if r.Violations == nil {
			r.Violations = []mods.Violation{}
		}
		report.Mods = append(report.Mods, modReport{
			Libraries: append([]mods.LibraryReport{}, r.Libraries...), Warnings: append([]string{}, r.Warnings...),
			ID: r.ID, Version: r.Version, Name: r.Name, Digest: r.Digest, State: r.State, Reason: why(m), Source: r.Source,
			spent: spent{
				Instructions:    r.Instructions,
				MemoryBytes:     r.MemoryBytes,
				MemoryPeakBytes: r.MemoryPeakBytes,
				AllocatedBytes:  r.AllocatedBytes,
				WallMS:          int64(r.WallMS),
			},
			Calls: r.Calls, HostCalls: r.HostCalls, OutputBytes: r.OutputBytes,
			LogLines: r.LogLines, LogDropped: r.LogDropped, EventsDropped: r.EventsDropped,
			Share: r.Share, Waiting: r.Waiting, Parked: r.Parked, Health: r.Health,
			Quarantines: r.Quarantines, ViolationCount: r.ViolationCount,
			Violations: r.Violations, ViolationsOmitted: r.ViolationsOmitted,
		})
	}
	return report
}
