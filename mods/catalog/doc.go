// Package catalog is a catalogue of mods: a folder of static files that anyone can host,
// protected as The Update Framework has it (TUF specification 1.0.31), so that who hosts
// it, or stands in between, need not be trusted.
//
// A [Client] searches a catalogue and fetches bundles from it. All its trust comes from
// the first root, which it is given some other way; all its memory is in a cache on disk.
// What it promises against a mirror that is in the wrong hands:
//
//   - nothing is taken that the catalogue's keys have not signed, with as many of them as
//     the root says, and a bundle is what the catalogue says of it, down to its
//     permissions and requirements;
//   - nothing older than what was seen before, nothing put together from different times,
//     and nothing whose time is over: who holds back a revocation can do so for a day,
//     the life of a timestamp, and is found out then;
//   - no more bytes are read than there may be, from no other host, and for no longer than
//     the client wants to wait.
//
// What it does not promise: that a mod is harmless. Who signed a bundle, what it may do
// and whether it runs is decided elsewhere, with the bundle at hand. A mirror can always
// refuse to answer, sees who asks for what, and the keys of the catalogue can publish
// anything that their threshold agrees on.
//
// A [Publisher] makes the catalogue: [Init], [Publisher.Add], [Publisher.Publish]. What it
// changes is a draft until it is signed. [Handler] and [Serve] serve the folder; so does
// any other server of files.
package catalog
