package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// execOptions are the flags of exec.
type execOptions struct {
	limitFlags
	seed  uint64
	json  bool
	stats bool
}

func newExec(c *console) *cobra.Command {
	var o execOptions
	cmd := &cobra.Command{
		Use:   "exec [flags] FILE.lua [ARG...]",
		Short: "Run one Lua file in a fresh sandbox",
		Long: `Run one Lua 5.1 file in a fresh sandbox with the safe library and print.
FILE may be - for standard input. What follows it belongs to the script: in "..."
and in the global table arg, where arg[0] is FILE. A first line that begins with #
is skipped.

What the script prints goes to standard output: as it is to a pipe or a file;
with control characters made visible to a terminal, and where standard error goes
to the same place. Messages go to standard error.

With --json standard output has one JSON document and nothing else, and what the
script prints goes to standard error. A command line that cannot be understood
(status 2) has no document.
  {"status": "ok", "error", "limit" or "refused",
   "limit": the name of the limit that was hit, or "",
   "error": the message, or "", "traceback": of an error, or "",
   "results": what the script returned, each as tostring shows it,
   "instructions": N, "memory_bytes": N, "memory_peak_bytes": N,
   "allocated_bytes": N, "wall_ms": N}
Bytes that are not UTF-8 stand there as \xff. The results together are cut at as
many bytes as the script may print (--limit output=SIZE), the message and the
traceback at 64 KiB each, with or without --json. The text then says so, and the
document has one more field, "omitted_bytes": N.

Exit status: 0 all well; 1 the script failed; 2 wrong usage; 3 a limit was hit;
4 refused before running; 128 and the signal's number if interrupted. A call depth
or string size that was too much is an error that a script can catch: status 1,
with its "limit" named.`,
		Example: `  modrunner exec hello.lua world
  modrunner exec --instructions 1000000 --memory 4MiB --time 500ms untrusted.lua
  modrunner exec --json --limit output=64KiB job.lua | jq .results
  echo 'print(_VERSION)' | modrunner exec -`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no file was named; want FILE.lua, or - for standard input")
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return []string{"lua"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.exec(cmd.Context(), o, args[0], args[1:])
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false)
	flags.SortFlags = false
	o.register(cmd, "in all", limits.Defaults())
	flags.Uint64Var(&o.seed, "seed", 0, "begin of the random numbers; the same seed, the same numbers")
	flags.BoolVar(&o.json, "json", false, "write one JSON document to standard output")
	flags.BoolVar(&o.stats, "stats", false, "say at the end what the script used")
	return cmd
}

// spent is what a script used, in every JSON document alike.
type spent struct {
	Instructions    int64 `json:"instructions"`
	MemoryBytes     int64 `json:"memory_bytes"`
	MemoryPeakBytes int64 `json:"memory_peak_bytes"`
	AllocatedBytes  int64 `json:"allocated_bytes"`
	WallMS          int64 `json:"wall_ms"`
}

// execReport is the JSON document of exec: the fields of ending, "results", and
// those of account. Its texts are the script's own, cut to their bounds.
type execReport struct {
	ending
	Results []string
	account
}

// ending is how a script ended.
type ending struct {
	Status    string `json:"status"` // "ok", "error", "limit", "refused"
	Limit     string `json:"limit"`
	Error     string `json:"error"`
	Traceback string `json:"traceback"`
}

// account is the numbers of a script's end.
type account struct {
	spent
	OmittedBytes int64 `json:"omitted_bytes,omitempty"` // of the texts
}

// exec is the command. It returns an *exitError, or nil.
func (c *console) exec(ctx context.Context, o execOptions, path string, args []string) error {
	report := execReport{ending: ending{Status: "ok"}, Results: []string{}}
	err := c.execute(ctx, o, path, args, &report)
	end := report.fail(err)
	if i := interruptedBy(ctx); i != nil && end != allWell {
		end, report.Error = i.status(), i.Error()
	}
	if o.json {
		report.Error, report.Traceback = jsonText(report.Error), jsonText(report.Traceback)
		c.writeDocument(&report)
	} else {
		c.tell(&report, err, end)
		if o.stats {
			c.used(report.spent)
		}
	}
	if end == allWell {
		return nil
	}
	return &exitError{end}
}

// execute runs the file and fills in what the report can know of it.
func (c *console) execute(ctx context.Context, o execOptions, path string, args []string, report *execReport) error {
	source, err := readSource(ctx, path, luaFileWanted, c.in, o.limits)
	if err != nil {
		return err
	}
	name := path
	if path == "-" {
		name = "stdin"
	}
	program, err := compile(name, skipFirstLine(source), o.limits)
	if err != nil {
		return err
	}

	to := c.out
	if o.json {
		to = c.err
	}
	output, end := to.scriptOutput()
	defer end()
	began := time.Now()
	sandbox, err := luasandbox.New(luasandbox.Config{
		Name:   name,
		Limits: o.limits,
		Output: output,
		Now:    time.Now,
		Clock:  func() time.Duration { return time.Since(began) },
		Seed:   o.seed,
	})
	if err != nil {
		return err
	}
	defer sandbox.Close()
	global, values := map[any]any{0: path}, make([]any, len(args))
	for i, a := range args {
		global[i+1], values[i] = a, a
	}
	if err := sandbox.SetGlobal("arg", global); err != nil {
		return err
	}
	results, err := sandbox.LoadText(ctx, program, values...)
	usage := sandbox.Usage()
	report.spent = spent{
		Instructions:    sandbox.LastCall().Instructions, // without what making the sandbox took
		MemoryBytes:     usage.Memory,
		MemoryPeakBytes: usage.MemoryPeak,
		AllocatedBytes:  usage.Allocated,
		WallMS:          usage.Wall.Milliseconds(),
	}
	var omitted int64
	report.Results, omitted = within(results, o.limits.WithDefaults().Output)
	report.OmittedBytes += omitted
	return err
}

// compile compiles a file's text. The errors are those of luasandbox.Compile, and
// *notLua around one of them.
func compile(name, source string, l limits.Limits) (*luasandbox.Program, error) {
	program, err := luasandbox.Compile(name, source, l)
	if err != nil {
		if reason := notText(source); reason != "" {
			err = &notLua{name: name, reason: reason, err: err}
		}
	}
	return program, err
}

// notLua is a syntax error of a text that is not Lua at all.
type notLua struct {
	name, reason string
	err          error
}

// Error says what the text is instead.
func (e *notLua) Error() string { return e.name + ": " + e.reason }

// Unwrap returns the syntax error.
func (e *notLua) Unwrap() error { return e.err }

// fail records how the script ended, and returns the status of the process.
func (r *execReport) fail(err error) status {
	if err == nil {
		return allWell
	}
	r.Error = r.bounded(err.Error())
	end := scriptFailed
	r.Status = "error"
	limit, _ := errors.AsType[*limits.Error](err)
	if limit != nil {
		r.Limit = limit.Kind.String()
	}
	if script, ok := errors.AsType[*luasandbox.ScriptError](err); ok {
		r.Traceback = r.bounded(stackOf(script))
		return end
	}
	if _, ok := errors.AsType[*refusal](err); ok {
		r.Status = "refused"
		return notRun
	}
	if limit != nil && !catchable(err, limit) {
		r.Status, r.Error = "limit", limitReached(limit)
		return limitHit
	}
	return end
}

// bounded cuts a message or a traceback.
func (r *execReport) bounded(text string) string {
	text, omitted := cut(text, maxMessage)
	r.OmittedBytes += omitted
	return text
}

// stackOf returns the traceback without the message that it begins with.
func stackOf(e *luasandbox.ScriptError) string {
	rest, found := strings.CutPrefix(e.Traceback, e.Message+"\n")
	if !found {
		return e.Traceback
	}
	return rest
}

// catchable reports whether the limit only made an error of an ordinary kind:
// nesting is one of syntax.
func catchable(err error, limit *limits.Error) bool {
	_, syntax := errors.AsType[*luasandbox.SyntaxError](err)
	return syntax && limit.Kind == limits.Nesting
}

// tell says how the script ended, to a person.
func (c *console) tell(r *execReport, err error, end status) {
	limit, _ := errors.AsType[*limits.Error](err)
	switch {
	case end == allWell:
	case end > notRun:
		c.interrupted(r.Error)
	case end == limitHit:
		c.stopped(limit)
	case end == notRun:
		c.refused(err)
	default:
		c.scriptFailed(r.Error, r.Traceback)
		if limit != nil {
			c.limitHint(limit)
		}
	}
}

// used says what a script used.
func (c *console) used(s spent) {
	c.say(faint, fmt.Sprintf("%s instructions, %s of memory at most, %s allocated, %d ms",
		grouped(s.Instructions), size(s.MemoryPeakBytes), size(s.AllocatedBytes), s.WallMS))
}
