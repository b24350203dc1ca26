// Package review collects what is known of a mod before anything of it runs, and says
// it in words: for the person who decides, for programs, and for the rules of package
// policy.
//
// [Of] makes a [Review] of a bundle: what its manifest says, who signed it (package
// trust), what the static check found (package gate), what was published against it
// (package advisory), where it says that it comes from (package provenance). All else
// follows from that, and from nothing else:
//
//   - [Review.Risk] is a score of 0 to 100, the sum of the points of a fixed table, which
//     the file RISK.md shows. More is never less: who asks for more never scores lower.
//   - [Review.Brief] is a screen of words, as text or as a page that can be printed.
//   - [Review.Document] is the same for programs.
//   - [Review.Request] is what policy.Decide decides about, and a [Gatekeeper] asks it for
//     a host.
//   - [Compare], and Review.Since, say what changed from one version to another, and
//     whether it asks for more. What is not surely less, or the same, is more.
//
// A review holds an author's texts as they are. A Brief does not: in it they are
// shortened, and what cannot be seen, or changes how text is shown, is escaped. Letters
// that look like others stay, and so do those of scripts that run from right to left.
//
// Nothing here reads a file or a clock, and all values may be used by several goroutines
// as long as nobody changes them.
package review
