// Command modrunner runs Lua mods, and single Lua files, where they can do no
// harm, and says what they did.
//
// Its exit statuses and JSON documents are a contract; "modrunner help" tells
// them, and the scripts in testdata/script hold them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// status is what the process exits with. 128 and the number of the signal if it
// was interrupted.
type status int

const (
	allWell      status = 0
	scriptFailed status = 1 // a script failed, or its output could not be written
	wrongUsage   status = 2
	limitHit     status = 3
	notRun       status = 4 // refused before anything ran
)

// exitError carries the status of a command that has said all there is to say.
type exitError struct{ status status }

// Error is never shown.
func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// interruption is why a context ended that a signal ended.
type interruption struct{ signal syscall.Signal }

// Error names the signal.
func (e *interruption) Error() string { return "interrupted (" + e.signal.String() + ")" }

func (e *interruption) status() status { return 128 + status(e.signal) }

func main() {
	os.Exit(int(run(os.Args[1:], newConsole(os.Stdin, os.Stdout, os.Stderr))))
}

// run executes a command line.
func run(args []string, c *console) (end status) {
	defer func() {
		if p := recover(); p != nil {
			c.internalError(whereToReport(p))
			end = scriptFailed
		}
		end = c.finish(end)
	}()
	ctx, stop := onSignal(context.Background())
	defer stop()

	root := newRoot(c)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return allWell
	case errors.As(err, &exit):
		return exit.status
	}
	c.usageError(command.CommandPath(), usageProblem(err))
	return wrongUsage
}

// onSignal returns a context that an interrupt from the keyboard, or a request
// to terminate, ends. A second one ends the process.
func onSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal)
			cancel(&interruption{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// interruptedBy returns the interruption that ended ctx, or nil.
func interruptedBy(ctx context.Context) *interruption {
	i, _ := errors.AsType[*interruption](context.Cause(ctx))
	return i
}

// whereToReport tells what a panic was, to who asks for it by the environment
// variable MODRUNNER_PANIC. Its text may hold a script's.
func whereToReport(p any) string {
	if os.Getenv("MODRUNNER_PANIC") == "" {
		return "\nset MODRUNNER_PANIC=1 to see where, and report it"
	}
	return fmt.Sprintf(": %v\n%s", p, debug.Stack())
}

// usageProblem words an error of the flag parser or of cobra.
func usageProblem(err error) string {
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Sprintf("--%s %q: %v", bad.GetFlag().Name, bad.GetValue(), bad.Unwrap())
	}
	return err.Error()
}

// newRoot returns the command with all its subcommands.
func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "modrunner",
		Short: "Run Lua mods where they can do no harm",
		Long: `Run Lua mods, and single Lua files, where they can do no harm: in a sandbox
that has no processes, no network and no files, unless you let mods have these two,
that counts every instruction and every byte, and that stops what takes too much.

Exit status:
  0  all well
  1  a script failed: an error, or a syntax error
  2  wrong usage
  3  a limit was hit
  4  refused before running: a manifest, permission, dependency or file
  130, 143  interrupted by a signal (128 and its number)
Where several apply to the mods of one run: refused before limit before failed.`,
		Example: `  modrunner run testdata/mods
  modrunner exec hello.lua
  modrunner check mymod`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,

		SuggestionsMinimumDistance: 2,

		RunE: func(cmd *cobra.Command, args []string) error {
			cmd.SetOut(c.err)
			_ = cmd.Help() // a stream takes everything
			return &exitError{wrongUsage}
		},
	}
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetVersionTemplate("modrunner {{.Version}}\n")
	root.AddCommand(newExec(c), newRun(c), newCheck(c), newAPI(c), newAudit(c), newDrill(c), newDrillChild(c), newVersion(), newLimitsTopic())
	root.AddCommand(newPack(c), newVerify(c))
	root.AddCommand(newInspect(c))
	root.AddCommand(newPolicy(c))
	root.AddCommand(newIncident(c))
	root.AddCommand(newKey(c), newSign(c))
	root.AddCommand(newCatalog(c), newSearch(c), newInfo(c))
	root.AddCommand(newInstall(c), newUninstall(c), newApprove(c), newDeny(c), newRevoke(c), newUpdate(c), newOutdated(c), newList(c))
	return root
}

// unknownCommand refuses a command that there is not, and guesses what was meant.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return errors.New(text + "; did you mean " + near[0] + "?")
	}
	if strings.HasSuffix(args[0], ".lua") {
		return errors.New(text + "; to run a file: modrunner exec " + args[0])
	}
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		return errors.New(text + "; to run mods: modrunner run " + args[0])
	}
	return errors.New(text)
}

// finish sends what is buffered, and makes output that was lost a failure.
func (c *console) finish(end status) status {
	c.progress.clear()
	c.out.Flush()
	if c.out.failed != nil {
		c.unwritten("standard output", c.out.failed)
		end = max(end, scriptFailed)
	}
	c.err.Flush()
	return end
}
