// Package recording is the file in which a run of a host is recorded so that it can
// be repeated: what came from outside, and what is compared. It reads and writes the
// file; what is done with it is package mods' business.
//
// A recording begins with the line "modrunner recording 1\n". Blocks follow, each of
// them its length (a varint), so many bytes, and their CRC-32 (Castagnoli, little
// endian). The first block is the [Header], every other one a [Frame]; one of the
// kind [Close] is the last. A file that ends before that was cut off, such as by a
// crash of the process that wrote it: what it has can be used.
//
// Whole numbers are varints as of encoding/binary, of those that can be negative in
// zigzag. Short texts that come again and again (ids, functions, files of a script)
// are written once and then called by their number.
//
// A recording is not trusted. Reading one takes memory in proportion to what is read,
// at most some 30 times the size of a block, which is bounded ([MaxBlock]), and
// nothing of the file is believed before its block's CRC was compared. That is a
// guard against damage, not against forgery: what a recording says is only what
// somebody says.
package recording
