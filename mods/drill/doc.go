// Package drill injects faults into a host with real mods and reports what became of
// them: whether each was detected and after how long, whether it was contained,
// whether other mods noticed, and whether all was as before in the end.
//
//	report, err := drill.Run(ctx, drill.Options{})
//	for _, r := range report.Results {
//		fmt.Println(r.Name, r.Passed, r.Problems)
//	}
//
// Each drill runs twice, with the fault and without it, with mods that have nothing
// to do with it: the bystanders. What these do in each tick has to be the same in both
// runs. Where mods share what the fault is about, as a frame that is cut, a bound is
// stated instead ([Others]).
//
// Everything is measured in ticks and simulation time; no real clock decides whether a
// drill has passed. The drills bring mods of their own, whose ids begin with "drill-",
// and a capability "drill".
//
// A game runs the drills against its own limits, capabilities and mods with
// [Options].Open, Bystanders and Step. A drill takes nothing that it could not give
// back: a mod that is to use up all memory stops half as much beyond the limit, so that
// a host without limits fails the drill, and not the machine.
package drill
