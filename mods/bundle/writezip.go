package bundle

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"time"
)

// WriteZip writes the bundle, with what is attached, as a zip archive that
// [OpenZip] accepts under the same limits and that has the same digest.
//
// The bytes depend on the files and attachments alone, on every machine and with
// every release of Go: the attachments and then the files, each sorted by path,
// stored without compression, with one fixed time, no modes and no folders. An
// archive of these bytes is canonical; see [Bundle.Canonical].
//
// The error is that of w, or an [*Error] with [TooMany] or [TooBig] for what the
// format cannot hold, which is more than the default limits allow.
func (b *Bundle) WriteZip(w io.Writer) error {
	entries := slices.Concat(b.attachments, b.files)
	if len(entries) >= math.MaxUint16 {
		return &Error{Reason: TooMany, Detail: fmt.Sprintf("a zip archive has at most %d entries", math.MaxUint16-1)}
	}
	var directory []byte
	offset := int64(0)
	for _, f := range entries {
		text, ok := b.attached[f.Path]
		if !ok {
			text = b.content[f.Path]
		}
		header := entryHeader(f.Path, text)
		at := offset
		offset += int64(localSize + len(f.Path) + len(text))
		if offset > math.MaxInt32 {
			return &Error{Path: f.Path, Reason: TooBig, Detail: "a zip archive of this form has at most 2 GiB"}
		}
		local := binary.LittleEndian.AppendUint32(make([]byte, 0, localSize+len(f.Path)), localSignature)
		local = append(append(local, header...), f.Path...)
		directory = appendCentral(directory, header, f.Path, uint32(at))
		if _, err := w.Write(local); err != nil {
			return err
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	_, err := w.Write(appendEnd(directory, len(entries), uint32(offset)))
	return err
}

// zipVersion is 2.0, for the version needed to read an entry and the one that made it.
const zipVersion = 20

// dosEpoch is 1980-01-01, the first date the format knows.
const dosEpoch = uint16(0<<9 | int(time.January)<<5 | 1)

// entryHeader is what the local and the central header have in common, APPNOTE 4.3.7:
// from the version needed to the length of the extra field.
func entryHeader(path, text string) []byte {
	flags := uint16(0)
	if !ascii(path) {
		flags = flagUTF8
	}
	le := binary.LittleEndian
	h := le.AppendUint16(make([]byte, 0, localSize-4), zipVersion)
	h = le.AppendUint16(h, flags)
	h = le.AppendUint16(h, methodStore)
	h = le.AppendUint16(h, 0) // time of day
	h = le.AppendUint16(h, dosEpoch)
	h = le.AppendUint32(h, crc32.ChecksumIEEE([]byte(text)))
	h = le.AppendUint32(h, uint32(len(text))) // compressed
	h = le.AppendUint32(h, uint32(len(text)))
	h = le.AppendUint16(h, uint16(len(path)))
	return le.AppendUint16(h, 0) // extra field
}

// appendCentral appends the header of the central directory, APPNOTE 4.3.12.
func appendCentral(directory, header []byte, path string, offset uint32) []byte {
	le := binary.LittleEndian
	directory = le.AppendUint32(directory, centralSignature)
	directory = le.AppendUint16(directory, zipVersion)
	directory = append(directory, header...)
	directory = append(directory, make([]byte, 2+2+2+4)...) // comment, disk, attributes inside and outside
	directory = le.AppendUint32(directory, offset)
	return append(directory, path...)
}

// appendEnd appends the end record, APPNOTE 4.3.16.
func appendEnd(directory []byte, entries int, start uint32) []byte {
	le := binary.LittleEndian
	size := uint32(len(directory))
	directory = le.AppendUint32(directory, endSignature)
	directory = le.AppendUint32(directory, 0) // disks
	directory = le.AppendUint16(directory, uint16(entries))
	directory = le.AppendUint16(directory, uint16(entries))
	directory = le.AppendUint32(directory, size)
	directory = le.AppendUint32(directory, start)
	return le.AppendUint16(directory, 0) // comment
}

// Archived reports whether the bundle was read from an archive, by [OpenZip], and was
// not changed since.
func (b *Bundle) Archived() bool { return b.archived }

// Canonical reports whether the bundle is [Bundle.Archived], from exactly the bytes that
// [Bundle.WriteZip] writes for it. Then the archive holds
// nothing but the files and attachments: no other order, time, name of a folder,
// hidden file, comment or compression.
func (b *Bundle) Canonical() bool { return b.canonical }

// writes reports whether WriteZip writes these bytes.
func (b *Bundle) writes(data []byte) bool {
	rest := expected(data)
	return b.WriteZip(&rest) == nil && len(rest) == 0
}

// expected is a writer that takes these bytes and no others.
type expected []byte

func (e *expected) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(*e, p) {
		return 0, io.ErrShortWrite
	}
	*e = (*e)[len(p):]
	return len(p), nil
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
