package files

import (
	"fmt"
	"strings"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Bounds on paths, so that with the folder's own path they stay below what the
// systems take.
const (
	maxPathBytes = 200
	maxPartBytes = 100
)

// temporary is the name of the file that is written before it takes the place of
// another. No path of a mod's can be it: they have no parts that begin with a dot.
const temporary = ".modrunner-write"

// CheckPath accepts the paths that a mod may use for its data: up to 200 bytes
// in at most depth parts of up to 100, separated by "/". A part consists of ASCII
// letters, digits, '_', '-', '.' and spaces, begins with none of the last three
// and ends with neither dot nor space, and is not the name of a device on
// Windows. So a path means the same file on every system, or none.
//
// The error is an [*Error] with [BadName].
func CheckPath(path string, depth int) error {
	if err := checkPath(path, depth); err != nil {
		return err
	}
	return nil
}

func checkPath(path string, depth int) *Error {
	bad := func(format string, args ...any) *Error {
		return &Error{Op: "use", Path: path, Reason: BadName, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case path == "":
		return bad("the path is empty")
	case len(path) > maxPathBytes:
		return bad("%d bytes; a path has at most %d", len(path), maxPathBytes)
	case path[0] == '/':
		return bad("paths are relative to the mod's folder")
	}
	for i := range len(path) {
		if !allowed(path[i]) {
			return bad(`the byte %#02x; want letters a to z and A to Z, digits, "_", "-", ".", " ", and "/" between names`, path[i])
		}
	}
	parts := 0
	for part := range strings.SplitSeq(path, "/") {
		parts++
		switch {
		case part == "":
			return bad("an empty name between slashes")
		case part == "." || part == "..":
			return bad("%q; paths are clean and stay in the mod's folder", part)
		case len(part) > maxPartBytes:
			return bad("a name of %d bytes; at most %d", len(part), maxPartBytes)
		case strings.IndexByte(".- ", part[0]) >= 0:
			return bad("a name begins with a letter, a digit or \"_\"")
		case parts > depth:
			return bad("more than %d levels deep", depth)
		}
	}
	if err := bundle.CheckPath(path); err != nil {
		return bad("%s", err.(*bundle.Error).Detail)
	}
	return nil
}

func allowed(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("_-. /", c) >= 0
}

// key is equal for paths of ASCII that some file system takes for the same.
func key(path string) string {
	for i := range len(path) {
		if 'A' <= path[i] && path[i] <= 'Z' {
			lower := []byte(path)
			for ; i < len(lower); i++ {
				if 'A' <= lower[i] && lower[i] <= 'Z' {
					lower[i] |= 0x20
				}
			}
			return string(lower)
		}
	}
	return path
}

// parent returns the folder that a path is in, "" for the top.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}
