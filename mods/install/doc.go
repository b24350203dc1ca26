// Package install keeps an installation of mods, the home: a folder with the bundles,
// what was said of each of them, and by whom.
//
//	mods.lock         the mods that are installed (package lockfile)
//	approvals.json    what was said of which bundle, and what waits ([Approvals])
//	bundles/          the bundles, each under the name of its digest
//	feed.json         what a catalogue said of mods and keys ([Home.TakeFeed])
//	freezes.toml      what the operator stopped (package advisory)
//	audit.jsonl       each decision and each change (package audit)
//	trust.toml        whom the operator trusts (package trust)
//	policy.cedar      the operator's rules (package policy/cedar)
//	advisories/       published warnings (package advisory)
//	transaction.json  a change that is made, and not in all files yet
//	home.lock         held by whoever changes the home
//
// The operator writes trust.toml, policy.cedar and advisories; this package only reads
// them.
//
// # What is promised
//
//   - A change is all there or not at all: for whoever reads the home through this
//     package, at any moment, also while another process writes it, and after a process
//     was killed or the machine went down between any two steps.
//   - One process at a time changes a home; others wait for a bounded time. Readers wait
//     for nobody.
//   - What cannot be written, on a full disk say, leaves the old state, and the error
//     says so. If the new state is there and not all of it could be written to its
//     files, the error is an [*UnfinishedError]; whoever comes next finishes it.
//   - Nothing is installed that was not decided about, by package policy, with the
//     operator's rules, and no decision is without a record in the audit log. A record
//     may be there twice, with the same number of a change, after a process was killed.
//   - A bundle that is read back is the one with the digest that was approved, to the
//     byte.
//   - What was said last counts, in the order of the changes; no clock has a part in it.
//   - Nothing in the folder leads out of it: links and pipes in the place of its files
//     are refused.
//
// # What is not
//
// Who can write the folder can write another state, and approvals that nobody gave. Only
// the audit log would tell, if its head was kept elsewhere. Programs that read the files
// by themselves may find mods.lock of one change and approvals.json of the next, while
// transaction.json is there.
package install
