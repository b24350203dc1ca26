// Package audit keeps an append-only log of what mods were granted and denied,
// did wrong, and called that is worth a record: JSON lines, each with a hash of
// itself and of the line before, so that a line that is altered, removed,
// inserted or moved is found; and beside the log a head file with the hash of the
// last line, so that lines removed at the end are.
//
//	{"seq":7,"time":"2026-02-03T04:05:06Z","sim":350000000,"kind":"grant",
//	 "mod":"weather","version":"1.2.0","attrs":{"capability":"http"},"hash":"c29a…"}
//
// (on one line). The hash is SHA-256 over the 32 bytes of the hash before, 32
// zeros at the beginning, and the bytes of the line up to `,"hash":"`. A line is
// written in one way only, in printable ASCII: what [Verify] accepts is byte for
// byte what a log writes. The first line of each file is of the kind audit.begin
// and names the hash that it follows. Other records of the log's own are
// audit.repaired, for a torn line that was removed, and audit.lost, for records
// that could not be written.
//
// # What is promised
//
//   - A record for which [Log.Append] returned nil is in the log, and stays there
//     if the process is killed. If the whole system ends, what came after the last
//     sync may be gone, and nothing before it is. See [Options].
//   - A write that fails, on a full disk say, harms neither lines before nor after.
//     Append returns a [*WriteError]; the log says itself how many records are
//     missing where.
//   - The head is never ahead of the log: the log is made durable first. It may be
//     behind, by what was not synced yet.
//   - One process at a time writes a log; another gets a [*LockedError].
//   - What is read back, log and head, is not trusted: bounded memory, typed
//     errors.
//
// # What is not
//
// Who can write the files can write a whole new log, with a head that fits it.
// Whoever wants to find that has to keep a head ([Log.Head]) where this somebody
// cannot write: on paper, in another system's log, in a chat. [Verify] then finds
// whether the line with this hash is in the log, and so all lines before it are
// as they were. In the same way lines behind the last head can be removed without
// a trace: there is nothing that knows of them.
//
// The log hides nothing: what mods are and do is there to be read by whoever can
// read the file, which is its owner alone (mode 0600).
package audit
