// Package bundle reads a mod, a folder or a zip archive, exactly once into
// verified bytes in memory.
//
// Nothing is ever extracted to disk. Whatever a [Bundle] hands out later, its
// files, its digest and its file system, comes from the bytes that were
// checked, so a file that changes after Open cannot change the mod.
//
// The author of the mod is assumed to control every byte: names, sizes,
// counts, link targets and the layout of the archive. Each refusal is an
// [*Error] that names the path and the [Reason].
//
// Files and folders whose name begins with a dot (".git", ".DS_Store") are no
// part of a bundle: they are left out, in folders and in archives alike. The folder
// ".pack" at the top is the exception: it holds what others say of the mod, such as
// signatures; see [ContentsName].
package bundle

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"
)

// ManifestName is the path of the manifest, which every bundle has.
const ManifestName = "mod.toml"

// Limits bounds what a bundle may hold. A zero field means the default, which
// is also the value documented here; a negative field is refused with
// [BadLimits]. What is attached is not counted here: see [MaxAttachments].
type Limits struct {
	// Files is the largest number of files: 1,000. Folders are counted too,
	// against the same number a second time.
	Files int
	// TotalBytes is the largest sum of the sizes of all files: 16 MiB.
	TotalBytes int64
	// FileBytes is the largest size of one file: 4 MiB.
	FileBytes int64
	// Ratio is how many times larger than its compressed form a file in an
	// archive may be: 200. It is not applied to files of at most 64 KiB.
	Ratio int64
}

// The defaults of [Limits].
const (
	DefaultFiles      = 1000
	DefaultTotalBytes = 16 << 20
	DefaultFileBytes  = 4 << 20
	DefaultRatio      = 200
)

// resolve replaces zero fields by their defaults.
func (l Limits) resolve() (Limits, error) {
	if l.Files < 0 || l.TotalBytes < 0 || l.FileBytes < 0 || l.Ratio < 0 {
		return l, &Error{Reason: BadLimits, Detail: "a limit is negative; zero stands for the default"}
	}
	if l.Files == 0 {
		l.Files = DefaultFiles
	}
	if l.TotalBytes == 0 {
		l.TotalBytes = DefaultTotalBytes
	}
	if l.FileBytes == 0 {
		l.FileBytes = DefaultFileBytes
	}
	if l.Ratio == 0 {
		l.Ratio = DefaultRatio
	}
	return l, nil
}

// Bundle is the verified content of one mod. It is immutable, and safe for use
// by several goroutines.
type Bundle struct {
	content     map[string]string // clean slash path -> bytes
	files       []File            // sorted by path
	digest      string
	attached    map[string]string // path -> bytes; apart from content
	attachments []File            // sorted by path
	archived    bool              // by OpenZip
	canonical   bool
}

// File describes one file of a bundle.
type File struct {
	Path   string // slash-separated, relative, clean
	Size   int64
	SHA256 [sha256.Size]byte
}

// Files lists the files of the bundle, sorted by path. The slice is the
// caller's.
func (b *Bundle) Files() []File { return slices.Clone(b.files) }

// ReadFile returns a copy of the content of the file with that path. The error
// is a [*fs.PathError] that wraps [fs.ErrNotExist] or [fs.ErrInvalid].
func (b *Bundle) ReadFile(name string) ([]byte, error) {
	s, ok := b.content[name]
	if !ok {
		err := fs.ErrNotExist
		if !fs.ValidPath(name) {
			err = fs.ErrInvalid
		}
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return []byte(s), nil
}

// Manifest returns a copy of the content of the file [ManifestName].
func (b *Bundle) Manifest() []byte { return []byte(b.content[ManifestName]) }

// Digest is a hash over the sorted paths and the contents, in the form that Go
// modules use ("h1:" and base64; golang.org/x/mod/sumdb/dirhash). A folder and
// an archive of the same content have the same digest; times, modes, order,
// compression and attachments have no part in it.
func (b *Bundle) Digest() string { return b.digest }

// finish checks that there is a manifest, and computes what is derived from
// the contents.
func finish(of *halves) (*Bundle, error) {
	content, attached := of.files.content, of.attached.content
	b := &Bundle{content: content, files: list(content), attached: attached, attachments: list(attached)}
	if _, ok := content[ManifestName]; !ok {
		return nil, noManifest(b.files)
	}
	paths := make([]string, len(b.files))
	for i, f := range b.files {
		paths[i] = f.Path
	}
	digest, err := dirhash.Hash1(paths, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content[name])), nil
	})
	if err != nil {
		return nil, &Error{Reason: BadName, Detail: "the digest cannot be computed", Err: err}
	}
	b.digest = digest
	return b, nil
}

// noManifest says where a manifest was found instead, if one was.
func noManifest(files []File) error {
	e := &Error{Path: ManifestName, Reason: NoManifest, Detail: "a mod has a file " + ManifestName + " at its top"}
	for _, f := range files {
		dir, base, nested := strings.Cut(f.Path, "/")
		switch {
		case nested && base == ManifestName:
			e.Detail = "found " + f.Path + ": open the folder " + dir + ", or pack what is in it and not the folder itself"
			return e
		case !nested && strings.EqualFold(f.Path, ManifestName):
			e.Detail = "found " + f.Path + ": the name is written in small letters"
			return e
		}
	}
	return e
}
