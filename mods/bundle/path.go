package bundle

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/module"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds on names, chosen so that every accepted bundle can be unpacked on
// every common file system.
const (
	maxPathBytes    = 512
	maxElementBytes = 255
	maxDepth        = 16 // elements in a path
)

// CheckPath accepts the relative, clean, slash-separated paths that mean the
// same thing on every system: of at most 512 bytes, with 255 between slashes, and
// 16 levels. The characters are those of [module.CheckFilePath]: Unicode letters,
// ASCII digits, spaces and some ASCII punctuation; names of Windows' devices, and
// those that end in a dot, are refused. The error is an [*Error] with [BadName].
func CheckPath(path string) error {
	bad := func(format string, args ...any) error {
		return &Error{Path: path, Reason: BadName, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case path == "":
		return bad("the name is empty")
	case len(path) > maxPathBytes:
		return bad("%d bytes; a path has at most %d", len(path), maxPathBytes)
	case !utf8.ValidString(path):
		return bad("not valid UTF-8")
	case strings.Contains(path, `\`):
		return bad(`contains a backslash; write "/" between names`)
	case path[0] == '/':
		return bad("absolute; paths are relative to the mod")
	case strings.Contains(path, ":"):
		return bad("contains a colon, as in a drive letter or a stream name")
	case strings.Count(path, "/") >= maxDepth:
		return bad("more than %d levels deep", maxDepth)
	}
	for _, r := range path {
		if !unicode.IsPrint(r) {
			return bad("contains the character %U, which cannot be printed", r)
		}
	}
	for element := range strings.SplitSeq(path, "/") {
		switch {
		case element == "":
			return bad("has an empty name between slashes")
		case element == "." || element == "..":
			return bad("contains %q; paths are clean and stay inside the mod", element)
		case len(element) > maxElementBytes:
			return bad("a name of %d bytes; at most %d", len(element), maxElementBytes)
		case strings.TrimSpace(element) != element:
			return bad("a name begins or ends with a space")
		case reservedOnWindows(element):
			return bad("%q is the name of a device on Windows", element)
		}
	}
	if err := module.CheckFilePath(path); err != nil {
		bare := err
		if invalid, ok := err.(*module.InvalidPathError); ok {
			bare = invalid.Err
		}
		return bad("%v", bare)
	}
	return nil
}

// reservedOnWindows adds to the names that [module.CheckFilePath] refuses the
// consoles, and names whose stem is followed by spaces, which Windows drops.
// See "Naming Files, Paths, and Namespaces" in the Windows documentation.
func reservedOnWindows(element string) bool {
	stem, _, _ := strings.Cut(element, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "COM0", "LPT0":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && '1' <= stem[3] && stem[3] <= '9'
}

// hidden reports whether any element of the path begins with a dot.
func hidden(path string) bool {
	return strings.HasPrefix(path, ".") || strings.Contains(path, "/.")
}

// tree holds the paths accepted so far, by their case-folded and normalized
// form, and bounds their number.
type tree struct {
	max      int // files, and folders
	files    int
	dirs     int
	attached int // apart from files; their folders are two
	nodes    map[string]node
	folder   cases.Caser
}

type node struct {
	path     string // as it was spelled first
	dir      bool
	declared bool // for a folder: it has an entry of its own
}

func newTree(limits Limits) *tree {
	return &tree{max: limits.Files, nodes: map[string]node{}, folder: cases.Fold()}
}

// key is equal for paths that some file system takes for the same: case
// folding (Unicode's full folding, which also covers the simple one) and
// canonical equivalence.
func (t *tree) key(path string) string {
	return norm.NFC.String(t.folder.String(norm.NFD.String(path)))
}

// add records a path and the folders above it. The path has passed CheckPath.
func (t *tree) add(path string, dir bool) error {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if err := t.put(path[:i], true, false); err != nil {
				return err
			}
		}
	}
	return t.put(path, dir, true)
}

func (t *tree) put(path string, dir, declared bool) error {
	key := t.key(path)
	old, seen := t.nodes[key]
	if !seen {
		count := &t.files
		if dir {
			count = &t.dirs
		}
		if attachment(path) {
			if !dir {
				t.attached++
			}
			if t.attached > MaxAttachments {
				return tooManyAttachments(path)
			}
		} else if *count++; *count > t.max {
			return &Error{Path: path, Reason: TooMany, Detail: fmt.Sprintf("at most %d files and %d folders", t.max, t.max)}
		}
		t.nodes[key] = node{path: path, dir: dir, declared: declared}
		return nil
	}
	switch {
	case old.path != path:
		return &Error{Path: path, Reason: CaseCollision, Detail: fmt.Sprintf("on some systems it is the same as %q", old.path)}
	case old.dir != dir:
		return &Error{Path: path, Reason: PathConflict, Detail: "one name stands for a file and for a folder"}
	case declared && old.declared:
		return &Error{Path: path, Reason: Duplicate}
	case declared:
		old.declared = true
		t.nodes[key] = old
	}
	return nil
}
