// Package cedar reads an operator's policy: one file in the policy language Cedar,
// which says what mods may be loaded and which capabilities they are granted.
//
// A rule is a permit or a forbid. Rules about the mod as a whole have the action
// Action::"load", rules about one capability Action::"grant"; a rule without an action
// is about both:
//
//	@id("only-signed")
//	@message("sign it, or ask its author to")
//	forbid (principal, action == Action::"load", resource)
//	when { context.signature != "trusted" };
//
//	@id("small-storage")
//	@clamp("quota=64KiB")
//	permit (principal, action == Action::"grant", resource == Capability::"storage");
//
// What rules may look at is in REFERENCE.md, all of it. Annotations say what else a
// rule means:
//
//   - @id("..."), which each rule has, names it in records and messages.
//   - @message("...") says why, to the person who reads the decision.
//   - @ask("...") makes a permit one that a person has to confirm.
//   - @clamp("memory=16MiB, time=50ms") makes a permit one with less than was asked for:
//     of limits where the rule is about mods, of options where it is about capabilities.
//
// Of all rules that match, the strictest holds: forbid before @ask before @clamp before
// a plain permit. Where none matches, the answer is no.
//
// A policy is loaded whole or not at all. It takes the part of Cedar that rules about
// mods need, and everything in that part is checked when it is loaded: names, types,
// the values that an attribute can have, conditions that exclude each other. What is
// left to go wrong when a rule is evaluated denies. RATIONALE.md of package policy says
// why it is Cedar.
//
// [Default] holds where there is no file. [Ready] has policies to begin from.
package cedar
