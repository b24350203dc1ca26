package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// source is where the files of a catalogue are: a folder, or a server. Nothing of it is
// trusted. Names are those of [Published].
type source interface {
	// read returns a whole file of at most that many bytes, and reads no more. The
	// error is an [*Error]: Missing if there is no such file.
	read(ctx context.Context, name string, most int64) ([]byte, error)
	// open returns what follows the first offset bytes of a file of that size, or the
	// whole of it if start is 0. Who reads has to count.
	open(ctx context.Context, name string, offset, size int64) (body io.ReadCloser, start int64, err error)
}

// newSource takes an address or the path of a folder.
func newSource(where string, o Options) (source, error) {
	if where == "" {
		return nil, &Error{Reason: BadOptions, Detail: "no catalogue named; want an address that begins with https://, or a folder"}
	}
	if !isAddress(where) {
		return folder{where}, nil
	}
	u, err := url.Parse(where)
	if err != nil {
		return nil, &Error{Reason: BadOptions, Name: where, Err: errors.Unwrap(err)}
	}
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || u.Host == "":
		return nil, &Error{Reason: BadOptions, Name: u.Redacted(), Detail: "an address is a scheme, a host and a path, and nothing else"}
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, &Error{Reason: BadOptions, Name: u.Redacted(), Detail: "want https://, or http:// to this machine itself, or a folder"}
	}
	return newServer(u, o), nil
}

// isAddress reports whether a text is meant as an address, and not as a folder.
func isAddress(where string) bool { return strings.Contains(where, "://") }

// loopback reports whether a host is this machine. The name localhost is taken for it
// (RFC 6761, section 6.3).
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// folder is a catalogue on a disk. No link leads out of it, and nothing in it is waited
// for.
type folder struct{ path string }

func (f folder) open(ctx context.Context, name string, offset, _ int64) (io.ReadCloser, int64, error) {
	file, err := f.file(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		file.Close()
		return nil, 0, &Error{Reason: Unreachable, Name: name, Err: bare(err)}
	}
	return file, offset, nil
}

func (f folder) read(ctx context.Context, name string, most int64) ([]byte, error) {
	file, err := f.file(ctx, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAtMost(file, name, most)
}

func (f folder) file(ctx context.Context, name string) (*os.File, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	info, err := os.Stat(f.path)
	if err == nil && !info.IsDir() { // to open a pipe would be to wait for it
		err = errors.New("not a folder")
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(f.path)
	}
	if err != nil {
		return nil, &Error{Reason: Unreachable, Name: f.path, Err: bare(err)}
	}
	defer root.Close()
	file, info, err := bundle.OpenIn(root, name, os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Reason: Missing, Name: name}
	case err != nil:
		return nil, &Error{Reason: Unreachable, Name: name, Err: bare(err)}
	case !info.Mode().IsRegular():
		file.Close()
		return nil, &Error{Reason: Unreachable, Name: name, Detail: "it is no regular file"}
	}
	return file, nil
}

// readAtMost reads all of r, and no more than one byte beyond most.
func readAtMost(r io.Reader, name string, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, &Error{Reason: Unreachable, Name: name, Err: bare(err)}
	}
	if int64(len(data)) > most {
		return nil, tooLong(name, most)
	}
	return data, nil
}

func tooLong(name string, most int64) *Error {
	return &Error{Reason: TooLong, Name: name, Detail: fmt.Sprintf("more than the %d bytes that it may have", most)}
}

// bare returns what the system said, without the operation and path that package os
// adds.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
