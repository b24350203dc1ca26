// Package files lets mods have files: a [Folder] of data that a mod reads and
// writes, and [Contents], the files that it came with. [Capability] and [Assets]
// are the capabilities that mods ask for.
//
// # Folder
//
// A folder is on the disk of whoever runs the mod. The mod controls every path
// and every byte that it passes; somebody else may have put anything into the
// folder before. What a folder promises:
//
//   - Nothing outside it is read, changed or found out about. It is opened as an
//     [os.Root]; the names that may be used are an allow-list ([CheckPath]) that
//     means the same on every system; links, pipes and devices are never opened,
//     nor files that have a second name (hard links).
//   - It holds no more than its [Limits] say: bytes, files, levels. While a file is
//     being written, its old content may be there too, and up to FileBytes for it.
//   - When the process is killed, each file has the content that it had, or that
//     it was to have: Write and Rename leave nothing between. Append may leave
//     a beginning of what was to be appended.
//   - What is left of an interrupted Write is removed when the folder is used next.
//
// What it does not promise: that the content is safe from somebody who may write
// to the folder, or from another program that uses the same folder at the same
// time; a file that is changed meanwhile is found out and not handed out in
// halves. Bind mounts inside the folder are followed, as os.Root follows them.
// On systems other than Unix and Windows hard links are not told from files.
//
// All operations of a folder may wait for a disk, so a host calls them where
// waiting holds nobody up. They may be called from any goroutine; one is done at a
// time.
//
// # Contents
//
// They are in memory already, as the verified bytes of the mod's bundle.
package files
