package files

// Limits bound what is in a folder. A zero field means the default; negative
// ones are refused with [BadLimits].
type Limits struct {
	Bytes     int64 // of all files together: 16 MiB
	FileBytes int64 // of one file: 1 MiB
	Files     int   // how many files: 256. Folders are there only for the files in them.
	Depth     int   // parts of a path: 4; at most 16
}

// The defaults of [Limits].
const (
	DefaultBytes     = 16 << 20
	DefaultFileBytes = 1 << 20
	DefaultFiles     = 256
	DefaultDepth     = 4
)

// mostDepth is what package bundle accepts.
const mostDepth = 16

func (l Limits) resolve() (Limits, error) {
	bad := func(detail string) error { return &Error{Op: "limit a folder", Reason: BadLimits, Detail: detail} }
	if l.Bytes < 0 || l.FileBytes < 0 || l.Files < 0 || l.Depth < 0 {
		return l, bad("a limit is negative; zero stands for the default")
	}
	if l.Depth > mostDepth {
		return l, bad("Depth is at most 16")
	}
	if l.Bytes == 0 {
		l.Bytes = DefaultBytes
	}
	if l.FileBytes == 0 {
		l.FileBytes = DefaultFileBytes
	}
	if l.Files == 0 {
		l.Files = DefaultFiles
	}
	if l.Depth == 0 {
		l.Depth = DefaultDepth
	}
	if l.Files > 1<<20 {
		return l, bad("Files is at most 1048576")
	}
	l.FileBytes = min(l.FileBytes, l.Bytes, 1<<30)
	return l, nil
}
