package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/recording"
)

// replayFlags are the flags by which a run is recorded and repeated.
type replayFlags struct {
	record  string // a file; "": the run is not recorded
	replay  string // a file; "": a run of its own
	changed bool
}

// register adds the flags.
func (f *replayFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.record, "record", "", "record the run in `FILE`, so that it can be repeated; mods have no\nlimit by time then")
	set.StringVar(&f.replay, "replay", "", "repeat the run that was recorded in `FILE`, with the same mods and flags,\nand name the first difference")
	set.BoolVar(&f.changed, "replay-changed", false, "repeat it with mods that were changed since, and compare what they call")
	for _, other := range []string{"record", "watch", "chat", "no-chat", "set", "ticks", "tick", "real-clock"} {
		cmd.MarkFlagsMutuallyExclusive("replay", other)
	}
}

// check finds what the flag parser cannot. The error is one of usage.
func (f *replayFlags) check() error {
	if f.changed && f.replay == "" {
		return errors.New("--replay-changed: want --replay FILE beside it")
	}
	return nil
}

// tape is the file of a run that is recorded or repeated.
type tape struct {
	flags    replayFlags
	file     *os.File
	failed   error // the first that writing it returned
	diverged *mods.DivergenceError
	ended    error // why it was not repeated to its end
	done     mods.Replayed
}

// replayReport is what became of a replay, in the JSON document.
type replayReport struct {
	Result     string            `json:"result"` // "identical", "cut off" or "diverged"
	Ticks      int64             `json:"ticks"`
	Calls      int64             `json:"calls"`
	Divergence *divergenceReport `json:"divergence,omitempty"`
}

type divergenceReport struct {
	Tick     int64  `json:"tick"`
	Mod      string `json:"mod"`
	Function string `json:"function"`
	Call     int64  `json:"call"`
	Where    string `json:"where"`
	What     string `json:"what"`
	Want     string `json:"recorded"`
	Got      string `json:"now"`
}

// open opens the file, if there is to be one, and tells the host's configuration of it,
// and of the mods that a recording may be of.
func (t *tape) open(cfg *mods.Config, all []mods.Source) error {
	var err error
	switch f := t.flags; {
	case f.record != "":
		if t.file, err = os.OpenFile(f.record, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err == nil {
			cfg.Record = t
		}
	case f.replay != "":
		if t.file, err = os.Open(f.replay); err == nil {
			cfg.Replay = &mods.Replay{Recording: t.file, Sources: all, Changed: f.changed}
		}
	}
	if err != nil {
		return &refusal{What: t.flags.record + t.flags.replay, Reason: bare(err).Error(), Err: err}
	}
	return nil
}

func (t *tape) replays() bool { return t.flags.replay != "" }

// Write writes to the recording.
func (t *tape) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	if t.failed == nil {
		t.failed = err
	}
	return n, err
}

// close closes the file. The error says why the recording is not whole.
func (t *tape) close() error {
	if t.file == nil {
		return nil
	}
	err := errors.Join(t.failed, t.file.Close())
	t.file = nil
	if t.replays() {
		return nil
	}
	return err
}

// repeat runs a replay to its end, or to where it differs.
func (g *game) repeat(ctx context.Context) {
	for ctx.Err() == nil {
		err := g.host.Tick(ctx, 0)
		g.ticks = g.host.Replayed().Ticks
		g.log.settle()
		g.tellRefused()
		if diverged, ok := errors.AsType[*mods.DivergenceError](err); ok {
			g.tape.diverged = diverged
			break
		}
		if err != nil {
			if !errors.Is(err, mods.ErrReplayed) && ctx.Err() == nil {
				g.tape.ended = err
			}
			break
		}
		if g.console.progress.due() {
			g.console.progress.show("tick %s of %s", grouped(g.ticks), g.tape.flags.replay)
		}
	}
	g.stop(ctx)
	if diverged, ok := errors.AsType[*mods.DivergenceError](g.unsaved); ok && g.tape.diverged == nil {
		g.tape.diverged = diverged
	}
	g.tape.done = g.host.Replayed()
}

// closeTape closes the file of a run that was recorded or repeated, when the host is
// closed, and says what is to be said of it. worst is the status that the mods mean:
// of a replay, whatever the mods do is well if it is the same.
func (g *game) closeTape(worst status) status {
	if err := g.tape.close(); err != nil {
		g.console.unrecorded(g.tape.flags.record, err)
		worst = max(worst, scriptFailed)
	}
	if g.tape.replays() {
		return g.verdict()
	}
	return worst
}

// verdict says what became of a replay, and returns the status that this means.
func (g *game) verdict() status {
	t := g.tape
	name := oneLine(t.flags.replay)
	ran := plural(int(t.done.Ticks), "tick") + ", " + plural(int(t.done.Calls), "call")
	damaged, isDamaged := errors.AsType[*recording.Error](t.ended)
	switch {
	case t.diverged != nil:
		g.console.say(red, name+": "+oneLine(t.diverged.Error()))
		return scriptFailed
	case isDamaged && errors.Is(damaged, recording.ErrCutOff):
		g.console.say(yellow, fmt.Sprintf("%s: cut off after %s; until there the run is repeated", name, plural(int(damaged.Frame), "frame")))
	case t.ended != nil:
		g.console.say(red, name+": "+oneLine(t.ended.Error())+flagOf(t.ended))
		return notRun
	}
	if !g.options.json {
		fmt.Fprintf(g.console.out, "repeated: %s, identical\n", ran)
	}
	return allWell
}

// report is the verdict in the JSON document, nil without a replay.
func (t *tape) report() *replayReport {
	if !t.replays() {
		return nil
	}
	r := &replayReport{Result: "identical", Ticks: t.done.Ticks, Calls: t.done.Calls}
	switch d := t.diverged; {
	case d != nil:
		r.Result = "diverged"
		r.Divergence = &divergenceReport{d.Tick, jsonText(d.Mod), jsonText(d.Function), d.Call, jsonText(d.Where), jsonText(d.What), jsonText(d.Want), jsonText(d.Got)}
	case errors.Is(t.ended, recording.ErrCutOff):
		r.Result = "cut off"
	case t.ended != nil:
		r.Result = "failed"
	}
	return r
}

// replayFieldFlags are the flags that fields of a recording's header come from.
var replayFieldFlags = map[string]string{
	"Seed": "--seed", "Limits": "the flags of the limits", "Frame.Instructions": "--frame", "Frame.Workers": "--workers",
	"Priorities": "--priority", "Policy": "--allow", "Capabilities": "--data and --http", "Language": "--language", "mod": "--replay-changed",
}

// flagOf names the flag by which a recording can be made to fit, if there is one.
func flagOf(err error) string {
	if e, ok := errors.AsType[*mods.ReplayError](err); ok && replayFieldFlags[e.Field] != "" {
		return " (see " + replayFieldFlags[e.Field] + ")"
	}
	return ""
}

// unrecorded says that a recording is not whole.
func (c *console) unrecorded(path string, err error) {
	c.say(red, oneLine(path)+": the recording is not whole: "+oneLine(bare(err).Error()))
}
