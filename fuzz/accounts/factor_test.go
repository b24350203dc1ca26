package accounts

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// worstFactor is the promise: a million instructions take at most this many times as
// long as a million plain ones, where the memory that they work on is in the
// processor's caches. BenchmarkFactor measures by how much it is kept.
const worstFactor = 8

// factor is what one workload takes for what it is charged.
type factor struct {
	w     workload
	n     int
	ns    float64 // for an instruction, in the round of the median
	times float64 // of a plain instruction in the same round, the median
}

// BenchmarkFactor measures what an instruction of each workload takes, in plain ones
// measured right before it: processor time of the whole process, the collector's
// included. It prints the worst first and reports the worst of all. -benchtime 7x
// takes the median of seven rounds. Set ACCOUNTS to measure archives or workloads
// whose names contain it.
func BenchmarkFactor(b *testing.B) {
	plain := workload{archive: "machine", name: "plain", work: "local s = 0 for i = 1, n do s = s + i end"}
	var all []factor
	for _, archive := range archives {
		for _, w := range read(b, archive) {
			if !strings.Contains(w.String(), os.Getenv("ACCOUNTS")) {
				continue
			}
			var grown []int
			w.each(b, func(n int, tr trial) account {
				a := tr.do(b)
				if a.instructions >= little {
					grown = append(grown, n)
				}
				return a
			})
			for _, n := range last(grown, 2) {
				var rounds []factor
				for range b.N {
					base := instructionTime(b, plain, 50_000)
					ns := instructionTime(b, w, n)
					rounds = append(rounds, factor{w, n, ns, ns / base})
				}
				slices.SortFunc(rounds, func(x, y factor) int { return cmp.Compare(x.times, y.times) })
				all = append(all, rounds[len(rounds)/2])
				if f := all[len(all)-1]; testing.Verbose() {
					fmt.Printf("%5.1f %6.1f %6d %s\n", f.times, f.ns, f.n, f.w)
				}
			}
		}
	}
	if len(all) == 0 {
		b.Fatal("nothing to measure")
	}
	slices.SortFunc(all, func(x, y factor) int { return cmp.Compare(y.times, x.times) })
	fmt.Println("\nplain     ns     n  workload")
	above := 0
	for _, f := range all {
		mark := ""
		if f.times > worstFactor {
			mark = "  above the promise, unless it waits for memory"
			above++
		}
		fmt.Printf("%5.1f %6.1f %6d %s%s\n", f.times, f.ns, f.n, f.w, mark)
	}
	b.ReportMetric(float64(above), "above")
	b.ReportMetric(all[0].times, "worst/plain")
	b.ReportMetric(all[len(all)/2].times, "median/plain")
}

// instructionTime returns how many nanoseconds an instruction of w takes. Trials are
// prepared first and then done all together, as many as make the clock's steps small.
func instructionTime(b *testing.B, w workload, n int) float64 {
	first := prepare(b, w, n)
	repeats := int(min(1+800_000/max(first.do(b).instructions, 1), 64))
	var trials []trial
	for len(trials) < repeats {
		trials = append(trials, prepare(b, w, n))
	}
	first.close()
	runtime.GC()
	var spent int64
	start := processorTime()
	for _, tr := range trials {
		spent += tr.do(b).instructions
	}
	took := processorTime() - start
	for _, tr := range trials {
		tr.close()
	}
	return float64(took.Nanoseconds()) / float64(spent)
}

// little is how many instructions a call has to be charged to be measured: what a
// call from the host itself takes is not the script's.
const little = 4000

func last[T any](list []T, n int) []T { return list[max(len(list)-n, 0):] }

var began = time.Now()
