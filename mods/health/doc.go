// Package health is the state machine of one mod: what it may do now, after what
// it did before. It runs no Lua, reads no clock and starts nothing; whoever runs
// the mod tells the machine what happened and at what simulation time, and does
// what the state says.
//
//	                Started
//	      loaded -----------> active <---> throttled
//	        ^  ^                 ^  \________/
//	        |  | Reloaded        |      |
//	        |  +------------- failing <-+ points        paused: from and to
//	        |                    |                      each of these four
//	        |                    | more points,
//	Advance |                    v a hard limit, any on probation
//	        +-------------- quarantined
//	        |                    |
//	 Enable |                    v one too many; Disable, from everywhere
//	        +--------------- disabled
//
// All transitions, with the methods that make them:
//
//	loaded -> active: Started
//	loaded -> paused: Pause, Started
//	loaded -> throttled: Started
//	loaded -> failing: Started
//	loaded -> quarantined: Violation, Withdraw
//	loaded -> disabled: Disable, Violation
//	active -> loaded: Reloaded
//	active -> paused: Pause
//	active -> throttled: Throttle
//	active -> failing: Violation
//	active -> quarantined: Violation, Withdraw
//	active -> disabled: Disable, Violation
//	paused -> loaded: Reloaded, Resume
//	paused -> active: Resume
//	paused -> throttled: Resume, Throttle
//	paused -> failing: Resume, Violation
//	paused -> quarantined: Violation, Withdraw
//	paused -> disabled: Disable, Violation
//	throttled -> loaded: Reloaded
//	throttled -> active: Throttle
//	throttled -> paused: Pause, Throttle
//	throttled -> failing: Violation
//	throttled -> quarantined: Violation, Withdraw
//	throttled -> disabled: Disable, Violation
//	failing -> loaded: Reloaded
//	failing -> active: Advance
//	failing -> paused: Advance, Pause
//	failing -> throttled: Advance
//	failing -> quarantined: Violation, Withdraw
//	failing -> disabled: Disable, Violation
//	quarantined -> loaded: Advance, Enable, Readmit
//	quarantined -> paused: Advance, Enable, Readmit
//	quarantined -> disabled: Disable
//	disabled -> quarantined: Enable
//	disabled -> loaded: Enable
//	disabled -> paused: Enable
//
// Several things can hold of a mod at a time: it is throttled, and a handler of
// it goes on in a later frame, and the operator paused it. What is seen is the
// first that holds of: disabled; quarantined; paused by the game, the operator or
// a dependency; loaded; failing; throttled; paused by the frame; active. The
// others are not forgotten: when the operator resumes the mod, it is throttled.
//
// A mod that became known as bad (a revoked key, an advisory, an operator's freeze) is
// withdrawn: quarantined until [Machine.Readmit], whatever it does or did.
//
// # What a host does
//
// It calls [Machine.Violation] for every error, trip and panic of the mod. When a
// [Change] leads to a state that does not run ([State.Runs]), it drops the mod's
// Lua state, and pauses those that depend on the mod with [Dependency]. When one
// leads from such a state to loaded or paused, it loads the mod anew, and calls
// [Machine.Started] when the main file has run. It keeps the mods in a heap by
// [Machine.Next] and calls [Machine.Advance] when that time has come: an idle mod
// costs nothing.
package health
