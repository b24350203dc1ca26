package bundle

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"strings"
	"unicode/utf8"
)

// OpenZip reads a zip archive of the given size, once and as a whole. It
// accepts the part of the format that ordinary tools write for small archives
// (PKWARE APPNOTE 6.3: one disk, stored or deflated, no zip64, no encryption),
// and only archives in which every byte has exactly one meaning: the entries
// follow each other from the first byte, local and central headers agree, and
// the central directory and its end record close the file.
//
// All errors are of type [*Error].
func OpenZip(r io.ReaderAt, size int64, limits Limits) (*Bundle, error) {
	limits, err := limits.resolve()
	if err != nil {
		return nil, err
	}
	if size < endSize {
		return nil, corrupt("", "%d bytes are too few for a zip archive", size)
	}
	if most := maxArchive(limits); size > most {
		return nil, &Error{Reason: TooBig, Detail: fmt.Sprintf("an archive of %d bytes; at most %d", size, most)}
	}
	data, err := readAll(r, size)
	if err != nil {
		return nil, err
	}
	return openArchive(data, limits)
}

// Sizes and signatures of the records, APPNOTE 4.3.
const (
	localSize   = 30
	centralSize = 46
	endSize     = 22

	localSignature      = 0x04034b50
	centralSignature    = 0x02014b50
	endSignature        = 0x06054b50
	descriptorSignature = 0x08074b50
	zip64Signature      = 0x07064b50

	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagUTF8       = 1 << 11
	// Deflate's speed hints (bits 1 and 2) say nothing to a reader. All other
	// flags change how the archive is to be read.
	flagsKnown = flagDescriptor | flagUTF8 | 1<<1 | 1<<2

	methodStore   = 0
	methodDeflate = 8

	// ratioFloor is the size up to which a file cannot be a bomb.
	ratioFloor = 64 << 10
)

// maxArchive bounds the archive itself: incompressible contents, and two
// headers with long names and extra fields for each entry.
func maxArchive(limits Limits) int64 {
	const perEntry = localSize + centralSize + 4*maxPathBytes
	entries := 2 * min(int64(limits.Files), math.MaxUint16)
	if limits.TotalBytes > math.MaxInt32 {
		return math.MaxInt32 // what the format holds without zip64
	}
	attached := int64(MaxAttachmentTotalBytes + maxAttachmentEntries*perEntry)
	return limits.TotalBytes + attached + entries*perEntry + math.MaxUint16 + endSize
}

// record is one entry of the central directory.
type record struct {
	name       string
	path       string // name without a final slash
	dir        bool
	flags      uint16
	method     uint16
	crc        uint32
	compressed uint32
	size       uint32
	offset     uint32 // of the local header
}

func openArchive(data []byte, limits Limits) (*Bundle, error) {
	records, directory, err := readDirectory(data, limits)
	if err != nil {
		return nil, err
	}
	bodies, err := readLocals(data[:directory], records)
	if err != nil {
		return nil, err
	}
	// Everything that is declared is checked before anything is inflated.
	paths := newTree(limits)
	halves := newHalves(limits)
	for _, rec := range records {
		if err := checkRecord(rec, halves.of(rec.path)); err != nil {
			return nil, err
		}
		if err := paths.add(rec.path, rec.dir); err != nil {
			return nil, err
		}
	}
	for i, rec := range records {
		if rec.dir || hidden(rec.path) && !attachment(rec.path) {
			continue
		}
		text, err := inflate(rec, bodies[i])
		if err != nil {
			return nil, err
		}
		halves.of(rec.path).content[rec.path] = text
	}
	b, err := finish(halves)
	if err != nil {
		return nil, err
	}
	b.archived, b.canonical = true, b.writes(data)
	return b, nil
}

// readDirectory finds and reads the central directory and returns its offset.
// The number of records it allocates is bounded by limits.
func readDirectory(data []byte, limits Limits) ([]record, int, error) {
	end, err := findEnd(data)
	if err != nil {
		return nil, 0, err
	}
	tail := data[end:]
	var (
		disks   = binary.LittleEndian.Uint32(tail[4:])
		here    = binary.LittleEndian.Uint16(tail[8:])
		entries = binary.LittleEndian.Uint16(tail[10:])
		size    = binary.LittleEndian.Uint32(tail[12:])
		start   = binary.LittleEndian.Uint32(tail[16:])
	)
	switch {
	case end >= 20 && binary.LittleEndian.Uint32(data[end-20:]) == zip64Signature,
		entries == math.MaxUint16, size == math.MaxUint32, start == math.MaxUint32:
		return nil, 0, corrupt("", "zip64 is not accepted; a mod is smaller than that")
	case disks != 0 || here != entries:
		return nil, 0, corrupt("", "one part of an archive in several parts")
	case (int(entries)-maxAttachmentEntries+1)/2 > limits.Files:
		return nil, 0, &Error{Reason: TooMany, Detail: fmt.Sprintf("%d entries; at most %d files and as many folders", entries, limits.Files)}
	case uint64(start)+uint64(size) != uint64(end):
		return nil, 0, corrupt("", "the central directory does not end where its end record begins")
	}
	records := make([]record, 0, entries)
	rest := data[start:end]
	for range entries {
		rec, n, err := readRecord(rest)
		if err != nil {
			return nil, 0, err
		}
		records = append(records, rec)
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, 0, corrupt("", "the central directory holds more than the %d entries it declares", entries)
	}
	return records, int(start), nil
}

// findEnd returns the offset of the end record. There must be exactly one
// place where it can be.
func findEnd(data []byte) (int, error) {
	found := -1
	for at := len(data) - endSize; at >= 0 && at >= len(data)-endSize-math.MaxUint16; at-- {
		if binary.LittleEndian.Uint32(data[at:]) != endSignature {
			continue
		}
		comment := int(binary.LittleEndian.Uint16(data[at+20:]))
		if at+endSize+comment != len(data) {
			if found < 0 {
				return 0, corrupt("", "bytes after the end record")
			}
			continue // four bytes in a compressed body may look like this
		}
		if found >= 0 {
			return 0, corrupt("", "two end records")
		}
		found = at
	}
	if found < 0 {
		return 0, corrupt("", "no end record: not a zip archive, or cut short")
	}
	return found, nil
}

func readRecord(data []byte) (record, int, error) {
	if len(data) < centralSize || binary.LittleEndian.Uint32(data) != centralSignature {
		return record{}, 0, corrupt("", "the central directory is cut short")
	}
	u16 := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	nameEnd := centralSize + u16(28)
	extraEnd := nameEnd + u16(30)
	total := extraEnd + u16(32)
	if total > len(data) {
		return record{}, 0, corrupt("", "the central directory is cut short")
	}
	rec := record{
		name:       string(data[centralSize:nameEnd]),
		flags:      uint16(u16(8)),
		method:     uint16(u16(10)),
		crc:        u32(16),
		compressed: u32(20),
		size:       u32(24),
		offset:     u32(42),
	}
	rec.path, rec.dir = strings.CutSuffix(rec.name, "/")
	if u16(34) != 0 {
		return rec, 0, corrupt(rec.name, "on another part of an archive in several parts")
	}
	if err := checkExtra(rec.name, data[nameEnd:extraEnd]); err != nil {
		return rec, 0, err
	}
	return rec, total, checkMode(rec, u16(4)>>8, u32(38))
}

// checkMode refuses what is neither a file nor a folder. The upper half of the
// external attributes is a Unix mode if the entry was made on Unix or macOS.
func checkMode(rec record, system int, attributes uint32) error {
	const (
		unix, macOS = 3, 19
		dosVolume   = 0x08
		dosDevice   = 0x40
		dosReparse  = 0x400
	)
	if system != unix && system != macOS {
		if attributes&(dosVolume|dosDevice|dosReparse) != 0 {
			return notRegular(rec.name, fs.ModeIrregular)
		}
		return nil
	}
	const format, regular, folder = 0o170000, 0o100000, 0o040000
	mode := attributes >> 16 & format
	switch {
	case mode == 0, mode == regular && !rec.dir, mode == folder && rec.dir:
		return nil
	case mode == folder || mode == regular:
		return &Error{Path: rec.name, Reason: PathConflict, Detail: "its mode and its name disagree on whether it is a folder"}
	}
	kinds := map[uint32]fs.FileMode{
		0o120000: fs.ModeSymlink, 0o010000: fs.ModeNamedPipe, 0o140000: fs.ModeSocket,
		0o060000: fs.ModeDevice, 0o020000: fs.ModeDevice,
	}
	return notRegular(rec.name, kinds[mode])
}

// Extra fields (APPNOTE 4.5 and 4.6) that give an entry another name, size,
// content or meaning.
const (
	extraZip64       = 0x0001
	extraUnixLink    = 0x000d
	extraEncryption  = 0x0017
	extraUnicodePath = 0x7075
	extraAES         = 0x9901
)

func checkExtra(name string, extra []byte) error {
	for len(extra) > 0 {
		if len(extra) < 4 {
			return corrupt(name, "an extra field is cut short")
		}
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if size > len(extra)-4 {
			return corrupt(name, "an extra field is cut short")
		}
		body := extra[4 : 4+size]
		extra = extra[4+size:]
		switch id {
		case extraZip64:
			return corrupt(name, "zip64 is not accepted; a mod is smaller than that")
		case extraEncryption, extraAES:
			return &Error{Path: name, Reason: Encrypted}
		case extraUnixLink:
			if size > 12 {
				return notRegular(name, fs.ModeSymlink)
			}
		case extraUnicodePath:
			if size < 5 || string(body[5:]) != name {
				return &Error{Path: name, Reason: BadName, Detail: "an extra field gives it another name"}
			}
		}
	}
	return nil
}

// checkRecord checks what one entry declares of itself, and counts it in its part.
func checkRecord(rec record, part *part) error {
	if err := CheckPath(rec.path); err != nil {
		return err
	}
	if err := checkAttachment(rec.path, rec.dir); err != nil {
		return err
	}
	switch {
	case rec.flags&flagEncrypted != 0:
		return &Error{Path: rec.name, Reason: Encrypted}
	case rec.flags&^flagsKnown != 0:
		return corrupt(rec.name, "flags %#x are not accepted", rec.flags)
	case rec.method != methodStore && rec.method != methodDeflate:
		return &Error{Path: rec.name, Reason: Method, Detail: fmt.Sprintf("method %d; store (0) and deflate (8) are accepted", rec.method)}
	case rec.flags&flagUTF8 == 0 && strings.IndexFunc(rec.name, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		return &Error{Path: rec.name, Reason: BadName, Detail: "not marked as UTF-8, so tools disagree on what it is; use ASCII, or pack with a tool that marks it"}
	case rec.dir && rec.size != 0:
		return &Error{Path: rec.name, Reason: PathConflict, Detail: "a folder with content"}
	case rec.method == methodStore && rec.size != rec.compressed:
		return corrupt(rec.name, "stored, but its two sizes differ")
	}
	if err := part.take(rec.path, int64(rec.size)); err != nil {
		return err
	}
	if rec.size > ratioFloor && int64(rec.size)/max(int64(rec.compressed), 1) >= part.limits.Ratio {
		return &Error{Path: rec.path, Reason: Bomb, Detail: fmt.Sprintf("%d bytes packed into %d; at most %d times as many are accepted", rec.size, rec.compressed, part.limits.Ratio)}
	}
	return nil
}

// inflate returns the content of an entry. It produces at most the declared
// size, which has been checked, and one byte more.
func inflate(rec record, body []byte) (string, error) {
	text := body
	if rec.method == methodDeflate {
		packed := bytes.NewReader(body) // flate takes single bytes from it and never reads ahead
		unpacked := flate.NewReader(packed)
		text = make([]byte, rec.size)
		if n, err := io.ReadFull(unpacked, text); err != nil && rec.size > 0 {
			if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
				return "", corrupt(rec.name, "holds fewer bytes than the %d it declares (%d)", rec.size, n)
			}
			return "", &Error{Path: rec.name, Reason: Corrupt, Err: err}
		}
		var more [1]byte
		switch n, err := io.ReadFull(unpacked, more[:]); {
		case n > 0:
			return "", &Error{Path: rec.name, Reason: Bomb, Detail: fmt.Sprintf("holds more bytes than the %d it declares", rec.size)}
		case err != io.EOF:
			return "", &Error{Path: rec.name, Reason: Corrupt, Err: err}
		case packed.Len() > 0:
			return "", corrupt(rec.name, "%d bytes after its compressed content", packed.Len())
		}
	}
	if sum := crc32.ChecksumIEEE(text); sum != rec.crc {
		return "", corrupt(rec.name, "checksum %08x instead of %08x", sum, rec.crc)
	}
	return string(text), nil
}

func corrupt(path, format string, args ...any) error {
	return &Error{Path: path, Reason: Corrupt, Detail: fmt.Sprintf(format, args...)}
}
