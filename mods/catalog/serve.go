package catalog

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Handler serves the files of a catalogue in a folder: those that a catalogue can have,
// by their names, to GET and HEAD, with ranges. There are no listings, no redirects, and
// nothing is ever run or rendered. No link leads out of the folder. It is for trying a
// catalogue out, and for who has no other server: what is served is signed, so that any
// server of files will do.
//
// It is safe for use by several goroutines; the root stays the caller's.
func Handler(root *os.Root) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if !Published(name) {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		file, info, err := bundle.OpenIn(root, name, os.O_RDONLY)
		if err != nil {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		defer file.Close()
		if !info.Mode().IsRegular() {
			http.Error(w, "not found", http.StatusNotFound)
			return
		}
		serveFile(w, r, name, file, info)
	})
}

func serveFile(w http.ResponseWriter, r *http.Request, name string, file *os.File, info fs.FileInfo) {
	h := w.Header()
	if path.Ext(name) == bundleSuffix {
		h.Set("Content-Type", "application/zip")
		h.Set("Content-Disposition", "attachment")
	} else {
		h.Set("Content-Type", "application/json")
	}
	modified := info.ModTime()
	if name == metadataPath(roleTimestamp, 0) {
		h.Set("Cache-Control", "no-cache")
		// It is replaced within a second, and times on disks are not finer than that
		// everywhere: without a time nobody is told that it has not changed.
		modified = time.Time{}
	} else {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", modified, file)
}

// Serve serves the catalogue in a folder at an address, such as 127.0.0.1:0, until ctx
// ends, and calls ready with its URL. The error is nil at the end of ctx, an [*Error] if
// it did not begin.
func Serve(ctx context.Context, address, dir string, ready func(url string)) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return &Error{Reason: Unreachable, Name: dir, Err: bare(err)}
	}
	defer root.Close()
	if _, err := root.Stat(metadataFolder); err != nil {
		return &Error{Reason: Missing, Name: dir, Detail: "there is no catalogue in the folder; want init first"}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return &Error{Reason: Unreachable, Name: address, Err: err}
	}
	server := &http.Server{
		Handler:           Handler(root),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Hour,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	ready("http://" + listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return &Error{Reason: Unreachable, Name: address, Err: err}
	}
	return nil
}
