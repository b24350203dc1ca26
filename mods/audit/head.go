package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

const (
	headSuffix = ".head"
	maxHead    = 1 << 10 // bytes of a head file that are read; it has fewer
	filePerm   = 0o600
)

// headFile is what the file beside a log holds.
type headFile struct {
	Format string `json:"format"`
	Head
	// Size is the number of bytes in the log up to the end of the line. It is where
	// to look, not what to believe.
	Size int64 `json:"size"`
}

// readHead reads the head file of the log at path; nil if there is none. The
// error is a [*VerifyError] if it is not a head file.
func readHead(path string) (*headFile, error) {
	name := path + headSuffix
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxHead))
	if err != nil {
		return nil, err
	}
	bad := &VerifyError{Path: name, Reason: BadHead, Want: "one as the log writes it"}
	var h headFile
	if json.Unmarshal(text, &h) != nil || !bytes.Equal(text, h.encode()) {
		return nil, bad
	}
	last, ok := parseHash(h.Hash)
	if !ok || h.Format != format || h.Seq > maxSeq || h.Size < 0 || (h.Seq == 0) != (last == hash{}) || (h.Seq == 0) != (h.Size == 0) {
		return nil, bad
	}
	return &h, nil
}

// encode returns the one way to write a head.
func (h *headFile) encode() []byte {
	b := appendString([]byte(`{"format":`), h.Format)
	b = strconv.AppendUint(append(b, `,"seq":`...), h.Seq, 10)
	b = appendString(append(b, `,"hash":`...), h.Hash)
	b = strconv.AppendInt(append(b, `,"size":`...), h.Size, 10)
	return append(b, "}\n"...)
}

// writeHead replaces the head file of the log at path: whoever reads it, now or
// after a crash, finds the old one or the new one, whole.
func writeHead(path string, seq uint64, last hash, size int64) error {
	h := headFile{format, Head{seq, last.String()}, size}
	name := path + headSuffix
	temp := name + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, filePerm)
	if err != nil {
		return err
	}
	_, err = f.Write(h.encode())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return syncDir(filepath.Dir(path))
}
