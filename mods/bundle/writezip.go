package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"hash/crc32"
	"io"
	"time"
)

// WriteZip writes the bundle as a zip archive that [OpenZip] accepts under the
// same limits and that has the same digest. The bytes depend on the content
// alone (files sorted by path, one fixed time, no modes, no folders), and on
// the Go release, whose compressor may change.
//
// The error is that of w.
func (b *Bundle) WriteZip(w io.Writer) error {
	out := zip.NewWriter(w)
	for _, f := range b.files {
		text := b.content[f.Path]
		body, err := deflate(text)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{
			Name:               f.Path,
			Method:             zip.Deflate,
			CRC32:              crc32.ChecksumIEEE([]byte(text)),
			CompressedSize64:   uint64(len(body)),
			UncompressedSize64: uint64(len(text)),
			CreatorVersion:     20,
			ReaderVersion:      20,
			//lint:ignore SA1019 CreateRaw writes this field and does not look at Modified
			ModifiedDate: dosEpoch,
		}
		if !ascii(f.Path) {
			header.Flags |= flagUTF8
		}
		// Compression that gains nothing is not used, nor one so good that
		// the reader would take it for a bomb.
		if len(body) >= len(text) || len(text)/len(body) >= DefaultRatio/2 {
			header.Method, body = zip.Store, []byte(text)
			header.CompressedSize64 = header.UncompressedSize64
		}
		entry, err := out.CreateRaw(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(body); err != nil {
			return err
		}
	}
	return out.Close()
}

// dosEpoch is 1980-01-01, the first date the format knows.
const dosEpoch = uint16(0<<9 | int(time.January)<<5 | 1)

func deflate(text string) ([]byte, error) {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
