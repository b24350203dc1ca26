// Package incident collects what is known of a mod that did harm, so that people can
// find out what happened when the mod, its author or its key is long gone.
//
// A [Case] names a [Subject]: a mod, some of its versions, one digest, or whatever one
// key has signed. [Collect] goes through audit logs, approvals and bundles and keeps
// what is about it: the lines of the logs as they are, with the heads that prove them;
// who approved what, and by which rules; the bundles themselves. [Evidence] is a set of
// files with a list of their hashes (SHA256SUMS, which sha256sum -c reads), written as
// a folder or as one archive, and a post-mortem to be filled in, in which the timeline
// is there already. [Export] makes an archive of the folder when it has been.
//
// Whatever a mod's author chose, names and messages, is escaped before it gets into
// text that people read. Nothing is run, nothing of a bundle is unpacked.
//
// All values are plain data. The same inputs give the same files.
package incident
