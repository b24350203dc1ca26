package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/internal/filelock"
	"github.com/luasandbox/modrunner/mods/internal/hardlinks"
)

// maxAttempts is how many times a download is taken up again, each time only if the last
// one brought something.
const maxAttempts = 5

// Fetch returns the bundle of an entry, from the cache or else from the catalogue. It is
// found by its digest, and must have the entry's id and version, as the catalogue has
// them now. What was begun before, by whichever client of the cache, is gone on with;
// progress, if it is not nil, hears of it: done bytes of total, on this goroutine.
//
// No byte is read that is not expected, and nothing of the bytes is used before all of
// them are verified: their length and SHA-256, which the catalogue signed, the digest,
// and everything else that the catalogue says of the bundle.
//
// The errors: [*ExpiredError] if the catalogue's time is over; [*ClaimError];
// [*bundle.Error]; [*manifest.Error]; [*Error]; the cause of the end of ctx, alone or in
// an [*Error].
func (c *Client) Fetch(ctx context.Context, e Entry, progress func(done, total int64)) (*bundle.Bundle, error) {
	v := c.now()
	if v.bundles == nil {
		return nil, &Error{Reason: NotLoaded, Detail: "refresh first"}
	}
	is, ok := v.bundles[e.Digest]
	if !ok || is.ID != e.ID || is.Version != e.Version {
		return nil, &Error{Reason: NotListed, Name: e.String(), Detail: "with the digest " + quoted(e.Digest)}
	}
	if err := c.current(v); err != nil {
		return nil, err
	}
	if is.target.length > c.o.MaxBundle {
		return nil, &Error{Reason: TooBig, Name: is.target.name, Detail: fmt.Sprintf("%d bytes; at most %d", is.target.length, c.o.MaxBundle)}
	}
	name, err := bundle.DigestName(is.Digest)
	if err != nil {
		return nil, err
	}
	cached := "bundles/" + name + bundleSuffix
	if data, err := c.disk().read(ctx, cached, is.target.length); err == nil && is.target.check(data) == nil {
		if progress != nil {
			progress(is.target.length, is.target.length)
		}
		return c.verify(is.Entry, data)
	}
	if c.o.Offline {
		return nil, &Error{Reason: NotCached, Name: is.target.name, Detail: "it was never fetched here"}
	}
	d := download{target: is.target, source: c.source, disk: c.disk(), progress: progress}
	return d.run(ctx, func(data []byte) (*bundle.Bundle, error) {
		b, err := c.verify(is.Entry, data)
		if err != nil {
			return nil, err
		}
		return b, c.disk().write(cached, data)
	})
}

// current refuses what is out of date by now: a client may run for long.
func (c *Client) current(v *view) error {
	now := c.o.Now()
	if err := timely(now, v.state.SignedAt, v.state.Refreshed); err != nil {
		return err
	}
	if now.After(v.state.Expires) && !c.o.AllowExpired {
		return &ExpiredError{Role: v.state.Role, Expires: v.state.Expires, Now: now}
	}
	return nil
}

// verify opens an archive whose bytes the catalogue signed.
func (c *Client) verify(e Entry, data []byte) (*bundle.Bundle, error) {
	b, err := bundle.OpenZip(bytes.NewReader(data), int64(len(data)), c.o.Bundle)
	if err != nil {
		return nil, err
	}
	if err := e.compare(b); err != nil {
		return nil, err
	}
	return b, nil
}

// download is one file on its way, through a partial file named for its content.
type download struct {
	target   target
	source   source
	disk     remembered
	progress func(done, total int64)
}

// run fetches the file, and gives its verified bytes to use. The partial file stays if
// the download can be gone on with later.
func (d *download) run(ctx context.Context, use func([]byte) (*bundle.Bundle, error)) (*bundle.Bundle, error) {
	path := d.disk.at("partial/" + hexOf(d.target.sum[:]))
	held, err := filelock.Lock(ctx, path+".lock")
	if err != nil {
		return nil, &Error{Reason: Unreachable, Name: path, Err: bare(err)}
	}
	defer held.Close()
	file, err := d.disk.partial(path)
	if err != nil {
		return nil, &Error{Reason: Unreachable, Name: path, Err: bare(err)}
	}
	defer file.Close()
	data, err := d.complete(ctx, file)
	if err != nil {
		return nil, err
	}
	b, err := use(data)
	if err != nil {
		return nil, err
	}
	_ = file.Close() // Windows removes no open files
	_ = os.Remove(path)
	return b, nil
}

// partial opens a partial file, or makes it. It is written to, so nothing is followed to
// it, and it has no other name.
func (r remembered) partial(path string) (*os.File, error) {
	root, err := os.OpenRoot(filepath.Dir(path)) // a folder: see Open
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name := filepath.Base(path)
	file, info, err := bundle.OpenIn(root, name, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
	}
	if err != nil {
		return nil, err
	}
	names, err := hardlinks.Count(file, info)
	if err == nil && (!info.Mode().IsRegular() || names > 1) {
		err = errNotRegular
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

var errNotRegular = errors.New("not a regular file with one name; remove it")

// complete makes the partial file whole, and returns what is in it. A beginning that
// was there and turns out to be wrong is fetched anew, once.
func (d *download) complete(ctx context.Context, file *os.File) ([]byte, error) {
	resumed, err := d.begin(file)
	if err != nil {
		return nil, err
	}
	for {
		data, err := d.fill(ctx, file)
		if err == nil {
			err = d.target.check(data)
		}
		if err == nil {
			return data, nil
		}
		if errors.Is(err, wrongHash) || errors.Is(err, wrongLength) {
			if err := d.reset(file); err != nil {
				return nil, err
			}
			if resumed {
				resumed = false
				continue
			}
		}
		return nil, err
	}
}

var (
	wrongHash   error = &Error{Reason: WrongHash}
	wrongLength error = &Error{Reason: WrongLength}
)

// begin reports whether there is something to go on with.
func (d *download) begin(file *os.File) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, d.disk.failed(file, err)
	}
	if !info.Mode().IsRegular() || info.Size() > d.target.length {
		return false, d.reset(file)
	}
	return info.Size() > 0, nil
}

func (d *download) reset(file *os.File) error { return d.disk.failed(file, file.Truncate(0)) }

func (r remembered) failed(file *os.File, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Reason: Unreachable, Name: file.Name(), Err: bare(err)}
}

// fill fetches what is missing, and returns the whole.
func (d *download) fill(ctx context.Context, file *os.File) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		info, err := file.Stat()
		if err != nil {
			return nil, d.disk.failed(file, err)
		}
		have := info.Size()
		if have == d.target.length {
			break
		}
		got, err := d.more(ctx, file, have)
		if err == nil {
			break
		}
		again := got > 0 && attempt < maxAttempts && errors.Is(err, unreachable) && ctx.Err() == nil
		if !again {
			return nil, err
		}
	}
	data := make([]byte, d.target.length)
	if _, err := file.ReadAt(data, 0); err != nil {
		return nil, d.disk.failed(file, err)
	}
	return data, nil
}

var unreachable error = &Error{Reason: Unreachable}

// more asks for the rest once, and returns how many bytes came. It reads one byte beyond
// what there should be, and writes none.
func (d *download) more(ctx context.Context, file *os.File, have int64) (int64, error) {
	name := d.target.path()
	body, start, err := d.source.open(ctx, name, have, d.target.length)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if start != have { // the whole file comes
		if err := d.reset(file); err != nil {
			return 0, err
		}
	}
	left := d.target.length - start
	to := &counted{file: file, at: start, total: d.target.length, progress: d.progress}
	got, err := io.Copy(to, io.LimitReader(body, left))
	if err != nil {
		return got, err
	}
	if got < left { // and it says that this is all
		return got, &Error{Reason: WrongLength, Name: name, Detail: fmt.Sprintf("it ended after %d bytes; the catalogue says %d", start+got, d.target.length)}
	}
	var extra [1]byte
	if n, _ := io.ReadFull(body, extra[:]); n > 0 {
		if err := d.reset(file); err != nil {
			return got, err
		}
		return got, &Error{Reason: WrongLength, Name: name, Detail: fmt.Sprintf("more than the %d bytes that the catalogue says", d.target.length)}
	}
	return got, nil
}

// counted writes a file from a place on, and tells how far it is.
type counted struct {
	file      *os.File
	at, total int64
	progress  func(done, total int64)
}

func (w *counted) Write(p []byte) (int, error) {
	n, err := w.file.WriteAt(p, w.at)
	w.at += int64(n)
	if err == nil && w.progress != nil {
		w.progress(w.at, w.total)
	}
	return n, err
}
