package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods"
	"github.com/luasandbox/modrunner/mods/drill"
)

// drillOptions are the flags of drill.
type drillOptions struct {
	only []string
	list bool
	json bool
}

func newDrill(c *console) *cobra.Command {
	var o drillOptions
	cmd := &cobra.Command{
		Use:   "drill [flags] [MOD|FOLDER...]",
		Short: "Inject faults into a host of mods and report what became of them",
		Long: `Inject faults into a host of mods, one after the other, and report on each: whether
it was detected and after how long, whether it was contained and how, whether other
mods noticed, and after how long all was as before.

The others are a few small mods of ours, or those that are named. Each drill runs
twice, with the fault and without it, and compares in every tick what they do:
instructions, calls, events, what they print and log. They have to be well by
themselves, and not to use up their shares of the ticks. Where mods share what the
fault is about, they may be late by a few ticks; the report says how many.

Ticks and times are those of the simulation: nothing depends on how fast the machine
is. DETECTED and RECOVERED count from the tick in which the fault began, and from the
one in which it was contained or ended.

With --json standard output has one JSON document and nothing else.
  {"passed": true or false,
   "drills": [{"name", "doc", "passed", "skipped": why it was not run, if so,
     "detected": {"ticks": N, "time_ns": N} or null, "contained": how, or "",
     "recovered": as detected,
     "others": {"mods": N, "affected": N, "late_ticks": N, "bound_ticks": N (at most
       allowed), "exempt": [ids of those that take part in the fault]},
     "wall_ns": N (which decides nothing), "problems": [why it did not pass]}],
   "error": why there were no drills at all, if there were none}

Exit status: 0 all passed; 1 one did not; 2 wrong usage; 4 a mod that was named
cannot be used; 128 and the signal's number if interrupted.`,
		Example: `  modrunner drill
  modrunner drill testdata/mods/weather testdata/mods/economy
  modrunner drill --list
  modrunner drill --only runaway-loop,kill-restart
  modrunner drill --json | jq '.drills[] | [.name, .passed]'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.drill(cmd.Context(), o, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&o.only, "only", nil, "run these drills and no others, such as clock-jump,event-storm")
	flags.BoolVar(&o.list, "list", false, "list the drills and run none")
	flags.BoolVar(&o.json, "json", false, "write one JSON document to standard output")
	cmd.MarkFlagsMutuallyExclusive("list", "only")
	_ = cmd.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		for _, d := range drill.All() {
			names = append(names, d.Name)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}) // the flag is there
	return cmd
}

// drillChild is the hidden command that a drill starts, and kills.
const drillChild = "drill-child"

func newDrillChild(c *console) *cobra.Command {
	return &cobra.Command{
		Use:    drillChild + " FOLDER",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c.refused(drill.Child(args[0], os.Stdout)) // at once, and not when a buffer is full
			return &exitError{scriptFailed}
		},
	}
}

// drillReport is the JSON document of drill.
type drillReport struct {
	drill.Report
	Error string `json:"error,omitempty"`
}

// drill is the command. It returns an *exitError, a usage error, or nil.
func (c *console) drill(ctx context.Context, o drillOptions, args []string) error {
	if o.list {
		c.drillList(o.json)
		return nil
	}
	chat, err := parseChat("chat", ourChat)
	if err != nil {
		return err
	}
	options := drill.Options{
		Only:    o.only,
		Restart: restartSelf,
		Open: func(cfg mods.Config) (*mods.Host, error) {
			cfg.Events = append(cfg.Events, gameEvents...)
			return mods.Open(cfg)
		},
		Step: func(h *mods.Host, tick int64) {
			for _, line := range chat {
				if line.tick == tick {
					_ = h.Emit("chat", map[string]any{"player": line.player, "text": line.text}) // who is closed hears nothing
				}
			}
		},
		Progress: func(name string, done, all int) { c.progress.show("%s (%d of %d)", name, done+1, all) },
	}
	if len(args) > 0 {
		options.Bystanders, _ = equipAll(sources(args))
	}
	report, err := drill.Run(ctx, options)
	c.progress.clear()
	if unknown, ok := errors.AsType[*drill.NameError](err); ok {
		return fmt.Errorf("--only: %w", unknown)
	}
	if i := interruptedBy(ctx); i != nil {
		c.drillResult(o, drillReport{Report: report, Error: i.Error()})
		c.interrupted(i.Error())
		return &exitError{i.status()}
	}
	if err != nil {
		c.noDrill(err)
		c.drillResult(o, drillReport{Report: report, Error: jsonText(err.Error())})
		return &exitError{notRun}
	}
	c.drillResult(o, drillReport{Report: report})
	if !report.Passed {
		return &exitError{scriptFailed}
	}
	return nil
}

// restartSelf returns the command that starts this program as the one to be killed.
func restartSelf(ctx context.Context, folder string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self, drillChild, folder)
	cmd.Args[0] = os.Args[0]
	return cmd
}

// drillResult writes the report.
func (c *console) drillResult(o drillOptions, r drillReport) {
	switch {
	case o.json:
		if r.Results == nil {
			r.Results = []drill.Result{}
		}
		c.writeJSON(r)
	case len(r.Results) > 0:
		c.drillTable(r.Results)
	}
}

// drillList writes what drills there are.
func (c *console) drillList(asJSON bool) {
	all := drill.All()
	if asJSON {
		c.writeJSON(all)
		return
	}
	var rows [][]string
	for _, d := range all {
		rows = append(rows, []string{d.Name, d.Doc})
	}
	width := widths(rows)[0]
	for _, row := range rows {
		fmt.Fprintln(c.out, c.out.fit(row[0]+strings.Repeat(" ", width-len(row[0]))+"  "+row[1]))
	}
}

// drillTable writes the report for people: a line for each drill, and then in words
// why some did not pass.
func (c *console) drillTable(results []drill.Result) {
	rows := [][]string{{"DRILL", "RESULT", "DETECTED", "CONTAINED", "OTHERS", "RECOVERED", "WALL"}}
	for _, r := range results {
		if r.Skipped != "" {
			rows = append(rows, []string{r.Name, "skipped", "-", "-", "-", "-", "-"})
			continue
		}
		result := "passed"
		if !r.Passed {
			result = "FAILED"
		}
		rows = append(rows, []string{
			r.Name, result, ticksOf(r.Detected), orDash(r.Contained), othersOf(r.Others), timeOf(r.Recovered),
			fmt.Sprintf("%.2fs", r.Wall.Seconds()),
		})
	}
	c.columns(rows, 1, func(column int) bool { return column == 2 || column >= 5 },
		func(row int) string { return drillColours[rows[row][1]] })
	fmt.Fprintln(c.out)
	count := map[bool]int{}
	for _, r := range results {
		count[r.Passed]++
		for _, p := range r.Problems {
			fmt.Fprintln(c.out, c.out.fit(r.Name+": "+oneLine(p)))
		}
		if r.Skipped != "" {
			fmt.Fprintln(c.out, c.out.fit(r.Name+": skipped: "+oneLine(r.Skipped)))
		}
	}
	summary := fmt.Sprintf("%s, %d passed", plural(len(results), "drill"), count[true])
	if count[false] > 0 {
		summary += fmt.Sprintf(", %d failed", count[false])
	}
	fmt.Fprintln(c.out, summary)
}

// drillColours are those of the results.
var drillColours = map[string]string{"passed": green, "FAILED": red, "skipped": yellow}

// ticksOf is a span for the table, in ticks.
func ticksOf(s *drill.Span) string {
	switch {
	case s == nil:
		return "never"
	case s.Ticks == 0:
		return "same tick"
	}
	return plural(int(s.Ticks), "tick")
}

// timeOf is a span for the table, in simulation time.
func timeOf(s *drill.Span) string {
	switch {
	case s == nil:
		return "never"
	case s.Ticks == 0:
		return "same tick"
	}
	return fmt.Sprintf("%.2fs", s.Time.Seconds())
}

// othersOf says what the bystanders noticed.
func othersOf(o drill.Others) string {
	switch {
	case o.Affected == 0:
		return "unaffected"
	case o.Late <= o.Bound && o.Bound > 0:
		return "late " + plural(int(o.Late), "tick")
	}
	return plural(o.Affected, "mod") + " affected"
}
