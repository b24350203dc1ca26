// Command bench runs the programs of the folder programs on the sandbox and on the
// other engines that there are, side by side, and prints how their times compare.
//
//	go run .                    all programs, all engines
//	go run . -programs sieve,fib -engines lua5.1,luasandbox -rounds 9
//	go run . -write ../../README.md
//
// Each run is a process of its own, which times itself: the processor time of all
// its threads while the program runs, without the start of the process and without
// compiling the program's own text. The engines take turns within each round, and
// the fastest round counts, so that a machine that gets slower or busier for a
// while does not favour one of them. All engines have to agree on what a program
// returns.
package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed programs
var programs embed.FS

const prefix = "bench: " // of error messages

// One run may take mostProcessor seconds of the processor's time and longest by the
// clock, which on a busy machine goes faster.
const (
	mostProcessor = 20.0
	longest       = 5 * time.Minute
)

func main() {
	var (
		only    = flag.String("programs", "", "the programs to run, with commas between them (default all)")
		peers   = flag.String("engines", "", "the engines to run (default all that are installed)")
		rounds  = flag.Int("rounds", 5, "how often each engine runs each program")
		size    = flag.Int("size", 0, "the programs' size (default each program's own)")
		write   = flag.String("write", "", "write the table into this file, between its markers")
		profile = flag.String("cpuprofile", "", "with -child: write a profile of the processor's time to this file")
		child   = flag.Bool("child", false, "run one program on one engine of this binary, and print its time and result")
		costly  = flag.Bool("costs", false, "measure only what a sandbox, a call and a pause cost")
	)
	flag.Parse()
	var err error
	if *child && *costly {
		err = runCosts()
	} else if *child {
		err = runChild(flag.Arg(0), flag.Arg(1), *size, *profile)
	} else {
		err = compare(split(*only), split(*peers), *rounds, *size, *costly, *write)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, prefix+err.Error())
		os.Exit(1)
	}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// compare runs the programs and engines named, or all of them, and prints the table.
// With costsOnly it measures the costs alone, which it otherwise prints with all
// programs and engines.
func compare(names, peers []string, rounds, size int, costsOnly bool, write string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	whole := len(names) == 0 && len(peers) == 0
	if write != "" && (!whole || costsOnly || size != 0) {
		return errors.New("-write is for all programs at their own sizes and all engines")
	}
	var tail string
	if whole {
		c, err := measureCosts(self, rounds)
		if err != nil {
			return err
		}
		tail = "\n" + c.markdown()
	}
	if costsOnly {
		fmt.Print(tail)
		return nil
	}
	all, err := programNames()
	if err != nil {
		return err
	}
	names, err = choose("program", names, all)
	if err != nil {
		return err
	}
	installed := slices.DeleteFunc(slices.Clone(engines), func(e engine) bool { return !e.installed() })
	labels := make([]string, len(installed))
	for i, e := range installed {
		labels[i] = e.name
	}
	labels, err = choose("engine", peers, labels)
	if err != nil {
		return err
	}
	installed = slices.DeleteFunc(installed, func(e engine) bool { return !slices.Contains(labels, e.name) })

	t := newTable(installed)
	for _, name := range names {
		runs := make([]measured, len(installed))
		for round := range rounds {
			for i, e := range installed {
				if runs[i].failure != "" || runs[i].missing {
					continue
				}
				runs[i].add(runOnce(self, e, name, size), round == 0)
			}
		}
		t.add(name, runs)
		fmt.Fprintln(os.Stderr, t.progress())
	}
	text := t.markdown(rounds) + tail
	fmt.Print(text)
	if err := t.wrong(); err != nil {
		return err
	}
	if write != "" {
		return replaceBetweenMarkers(write, text)
	}
	return nil
}

// choose returns all if no names are given, else the names, each of which must be
// one of all.
func choose(what string, names, all []string) ([]string, error) {
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("there is no %s %q; there are %s", what, name, strings.Join(all, ", "))
		}
	}
	return names, nil
}

func programNames() ([]string, error) {
	entries, err := programs.ReadDir("programs")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".lua"); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// source returns the text of a program, and whether there is one in the language.
func source(program, suffix string) (string, bool) {
	text, err := programs.ReadFile(path.Join("programs", program+suffix))
	return string(text), err == nil
}

// run is what one process said.
type run struct {
	seconds float64
	result  string
	failure string // why there is no result
}

func runOnce(self string, e engine, program string, size int) *run {
	text, ok := source(program, e.suffix)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	var cmd *exec.Cmd
	if e.run != nil {
		cmd = exec.CommandContext(ctx, self, "-child", "-size", strconv.Itoa(size), e.name, program)
	} else {
		cmd = exec.CommandContext(ctx, e.command[0], append(slices.Clone(e.command[1:]), "-e", selfTiming(program, size))...)
		cmd.Stdin = strings.NewReader(text)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return &run{failure: fmt.Sprintf("not done after %v", longest)}
		}
		line, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(stderr.String()), prefix), "\n")
		return &run{failure: line}
	}
	seconds, result, _ := strings.Cut(strings.TrimSuffix(string(out), "\n"), "\t")
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return &run{failure: fmt.Sprintf("printed %q", out)}
	}
	return &run{seconds: s, result: result}
}

// selfTiming is a Lua program that reads another one from standard input, runs it
// and prints the processor time that it took and what it returned.
func selfTiming(name string, size int) string {
	arg := ""
	if size != 0 {
		arg = strconv.Itoa(size)
	}
	return fmt.Sprintf(`local program = assert(loadstring(io.read("*a"), "=%s"))
local start = os.clock()
local result = program(%s)
io.write(string.format("%%.6f\t%%s\n", os.clock() - start, result))`, name, arg)
}
