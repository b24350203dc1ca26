// Package gate is the static check of mods: it reads what a mod's author wrote, and
// says, before anything of it runs, what a reviewer should know. Capabilities that are
// used and not asked for, or asked for and not used; functions and globals that there
// are not; code that is made of strings or hard to read; loops that cannot end.
// RULES.md, made from the table of rules, tells all of them, with examples.
//
// [Check] runs all rules over a bundle. What the host offers is known from its API
// document ([ReadAPI]); without one, rules that need it find nothing.
//
// The author controls every byte, and the manifest's [exceptions] too. The gate is no
// boundary: an author who wants it to find nothing can write so that it finds nothing.
// What holds a mod is the sandbox. What the gate promises is about itself: it runs
// nothing of the mod; the tree that it looks at is the one that the machine compiles
// (luasandbox.Parse); it never recurses on the tree; time, memory and the number of
// findings are bounded whatever the text is; and the same bundle has the same findings.
//
// Package gate/sarif writes findings for code hosts and editors.
package gate
