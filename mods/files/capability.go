package files

import (
	"context"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods"
)

// Options say where mods have their data, and how much.
type Options struct {
	// Dir is the folder in which each mod has one of its own. It is made when
	// the first mod uses its own. One host at a time uses it.
	Dir string
	// Limits are the most that a mod may have. Its manifest can ask for less.
	Limits Limits
}

// What a mod has that asks for nothing else.
const (
	DefaultQuota = 1 << 20  // option "quota", if the host allows as much
	DefaultRead  = 64 << 10 // bytes, the second argument of files.read
)

// What the functions cost in instructions: beginning something that happens on
// another goroutine; and one entry of a list.
const (
	diskCost  = 1000
	entryCost = 2 * limits.AllocObject
)

// Capability returns "files", a folder of data for each mod:
//
//   - read(path [, max]) -> text. A file of more than max bytes is an error; max is
//     64 KiB if not said, and is what the I/O account pays.
//   - write(path, text), append(path, text)
//   - delete(path) -> whether there was one
//   - rename(from, to)
//   - list([folder]) -> {{name =, size =, folder =}, ...}, in the order of names
//   - stat(path) -> {name =, size =, folder =} or nil; exists(path) -> boolean
//   - usage() -> bytes used, quota, files, most files
//
// Each of them makes the script wait while the game goes on, and is done in the
// order of the calls. Options: quota, a size; max_files, a count. What is wrong with
// a path or a quota is an error that the script sees; why a disk failed is for the
// host's log.
//
// The mods of one value share nothing. Two values must not have the same Dir.
func Capability(o Options) mods.Capability {
	most, err := o.Limits.resolve()
	const doc = "Keep files in a folder of its own on this computer, apart from all other mods' and from everything else."
	if err != nil { // which Open reports
		return mods.Capability{Name: "files", Doc: doc, Grant: func(*mods.Grantee) ([]luasandbox.Member, error) { return nil, err }}
	}
	shelf := &shelf{dir: o.Dir, boxes: map[string]*box{}}
	return mods.Capability{
		Name: "files", Doc: doc, Risk: mods.RiskLow,
		Options: []mods.Option{
			{Name: "quota", Type: mods.SizeOption, Default: min(DefaultQuota, most.Bytes), Min: 1, Max: float64(most.Bytes),
				Doc: "how many bytes all files together may have"},
			{Name: "max_files", Type: mods.CountOption, Default: int64(most.Files), Min: 1, Max: float64(most.Files),
				Doc: "how many files there may be"},
		},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			mine := most
			mine.Bytes, mine.Files = g.Options().Int("quota"), int(g.Options().Int("max_files"))
			mine, err := mine.resolve()
			if err != nil {
				return nil, err
			}
			if g.ID() == "" { // only to be described
				_, err := NewFolder(o.Dir, "nobody", mine)
				return (&granted{}).members(), err
			}
			box, release, err := shelf.open(g.ID(), mine)
			if err != nil {
				return nil, err
			}
			g.OnEnd(release)
			return (&granted{g: g, box: box, limits: mine}).members(), nil
		},
	}
}

// shelf has one box for each mod that is granted files: also while a mod is
// granted them twice, as during a reload.
type shelf struct {
	dir   string
	mu    sync.Mutex
	boxes map[string]*box
}

// box is a folder in use.
type box struct {
	folder *Folder
	order  *order
	grants []*Limits // those that are held, the newest last: it counts
}

// open returns a mod's box, and what gives it back.
func (s *shelf) open(id string, limits Limits) (*box, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.boxes[id]
	if b == nil {
		folder, err := NewFolder(s.dir, id, limits)
		if err != nil {
			return nil, nil, err
		}
		b = &box{folder: folder, order: newOrder()}
		s.boxes[id] = b
	}
	mine := &limits
	b.grants = append(b.grants, mine)
	b.folder.setLimits(limits)
	return b, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, l := range b.grants {
			if l == mine {
				b.grants = append(b.grants[:i:i], b.grants[i+1:]...)
				break
			}
		}
		if n := len(b.grants); n > 0 {
			b.folder.setLimits(*b.grants[n-1])
			return
		}
		if s.boxes[id] == b {
			delete(s.boxes, id)
			_ = b.folder.Close() // an operation may still be using it: then it closes later
		}
	}, nil
}

// granted is one grant of files.
type granted struct {
	g      *mods.Grantee
	box    *box
	limits Limits
}

// later has do done, after what was asked for before, and pays for it first.
func (m *granted) later(bytes int64, do func(f *Folder) ([]any, error)) (*luasandbox.Pending, error) {
	if err := m.g.Spend(1, bytes); err != nil {
		return nil, err
	}
	folder := m.box.folder
	op := newOperation(func() ([]any, error) {
		values, err := do(folder)
		return values, scriptError("files", err)
	})
	pending, err := m.g.Later(func(ctx context.Context) ([]any, error) { return m.box.order.run(ctx, op) })
	if err != nil {
		return nil, err
	}
	m.box.order.add(op) // not before it is certain that it will be done
	return pending, nil
}

// path has do done if the path can be one.
func (m *granted) path(op, path string, bytes int64, do func(f *Folder) ([]any, error)) (*luasandbox.Pending, error) {
	if problem := checkPath(path, m.limits.Depth); problem != nil {
		problem.Op = op
		return nil, scriptError("files", problem)
	}
	return m.later(bytes, do)
}

func (m *granted) read(path string, most *int64) (*luasandbox.Pending, error) {
	n := int64(DefaultRead)
	if most != nil {
		n = *most
	}
	if n < 0 {
		return nil, luasandbox.Errorf("files.read: bad argument #2 (want the most bytes to read)")
	}
	n = min(n, m.limits.FileBytes)
	return m.path("read", path, n, func(f *Folder) ([]any, error) {
		text, err := f.Read(path, n)
		return []any{text}, err
	})
}

func (m *granted) members() []luasandbox.Member {
	// Each waits for the disk, and so takes place elsewhere.
	disk := func(name string, fn any, opts ...luasandbox.FuncOption) luasandbox.Member {
		return luasandbox.Func(name, fn, append(opts, luasandbox.Cost(diskCost))...)
	}
	type answer = *luasandbox.Pending
	return []luasandbox.Member{
		disk("read", m.read, luasandbox.Params("path", "max"), luasandbox.Returns("text"),
			luasandbox.Doc("Returns the content of a file of at most max bytes; 64 KiB if max is nil.")),
		disk("write", func(path, text string) (answer, error) {
			return m.path("write", path, int64(len(text)), func(f *Folder) ([]any, error) { return nil, f.Write(path, text) })
		}, luasandbox.Params("path", "text"),
			luasandbox.Doc("Makes text the content of a file. All of it is saved, or, with an error, nothing.")),
		disk("append", func(path, text string) (answer, error) {
			return m.path("append to", path, int64(len(text)), func(f *Folder) ([]any, error) { return nil, f.Append(path, text) })
		}, luasandbox.Params("path", "text"),
			luasandbox.Doc("Adds text to the end of a file, or makes one.")),
		disk("delete", func(path string) (answer, error) {
			return m.path("delete", path, 0, func(f *Folder) ([]any, error) {
				there, err := f.Delete(path)
				return []any{there}, err
			})
		}, luasandbox.Params("path"), luasandbox.Returns("deleted"),
			luasandbox.Doc("Removes a file, and folders that have no more files. It returns whether there was one.")),
		disk("rename", func(from, to string) (answer, error) {
			return m.path("rename", from, 0, func(f *Folder) ([]any, error) { return nil, f.Rename(from, to) })
		}, luasandbox.Params("from", "to"),
			luasandbox.Doc("Gives a file a path that no file has.")),
		disk("list", func(folder *string) (answer, error) {
			list := func(path string) func(f *Folder) ([]any, error) {
				return func(f *Folder) ([]any, error) {
					entries, err := f.List(path)
					return []any{tables(entries)}, err
				}
			}
			if folder == nil || *folder == "" {
				return m.later(0, list(""))
			}
			return m.path("list", *folder, 0, list(*folder))
		}, luasandbox.Params("folder"), luasandbox.Returns("entries"),
			luasandbox.Doc("Returns what is in a folder, or in the mod's whole folder: a list of tables with name, size, and folder, which is true for folders.")),
		disk("stat", func(path string) (answer, error) {
			return m.path("look at", path, 0, func(f *Folder) ([]any, error) {
				entry, there, err := f.Stat(path)
				if !there {
					return []any{nil}, err
				}
				return []any{table(entry)}, err
			})
		}, luasandbox.Params("path"), luasandbox.Returns("entry"),
			luasandbox.Doc("Returns the name and size of a file or folder, nil if there is none.")),
		disk("exists", func(path string) (answer, error) {
			return m.path("look at", path, 0, func(f *Folder) ([]any, error) {
				_, there, err := f.Stat(path)
				return []any{there}, err
			})
		}, luasandbox.Params("path"), luasandbox.Returns("there"),
			luasandbox.Doc("Returns whether there is a file or folder.")),
		disk("usage", func() (answer, error) {
			return m.later(0, func(f *Folder) ([]any, error) {
				u, err := f.Usage()
				return []any{u.Bytes, u.MaxBytes, u.Files, u.MaxFiles}, err
			})
		}, luasandbox.Returns("bytes", "quota", "files", "max_files"),
			luasandbox.Doc("Returns how many bytes are used and how many there are, and the same of files.")),
	}
}

// Assets returns "assets", the files that a mod came with:
//
//   - read(path) -> bytes; text(path) -> the same in UTF-8 with "\n" at the ends of
//     lines, or an error
//   - list([folder]), stat(path), exists(path), as of files
//
// They answer at once.
func Assets() mods.Capability {
	return mods.Capability{
		Name: "assets", Risk: mods.RiskNone,
		Doc: "Read the files that the mod came with.",
		IO:  mods.IOLimits{BytesPerTick: 16 << 20},
		Grant: func(g *mods.Grantee) ([]luasandbox.Member, error) {
			if g.ID() == "" {
				return assetMembers(g, nil), nil
			}
			assets, err := NewContents(g.Files())
			return assetMembers(g, assets), err
		},
	}
}

func assetMembers(g *mods.Grantee, a *Contents) []luasandbox.Member {
	// A file is paid for before it is copied: so many times.
	reader := func(copies int64, read func(path string) (string, error)) func(ctx context.Context, path string) (string, error) {
		return func(ctx context.Context, path string) (string, error) {
			entry, _ := a.Stat(path)
			if !entry.Folder {
				if err := g.Spend(1, entry.Size); err != nil {
					return "", err
				}
				if err := luasandbox.Charge(ctx, copies*entry.Size/limits.AllocBytesPerUnit, copies*entry.Size); err != nil {
					return "", err
				}
			}
			text, err := read(path)
			return text, scriptError("assets", err)
		}
	}
	return []luasandbox.Member{
		luasandbox.Func("read", reader(2, func(path string) (string, error) { return a.Read(path) }),
			luasandbox.Params("path"), luasandbox.Returns("bytes"),
			luasandbox.Doc("Returns the content of a file.")),
		luasandbox.Func("text", reader(4, func(path string) (string, error) { return a.Text(path) }),
			luasandbox.Params("path"), luasandbox.Returns("text"),
			luasandbox.Doc(`Returns the content of a file that is text, without a byte order mark, with "\n" at the ends of lines.`)),
		luasandbox.Func("list", func(ctx context.Context, folder *string) (any, error) {
			path := ""
			if folder != nil {
				path = *folder
			}
			if n := int64(a.tree.size(path)); n > 0 {
				if err := luasandbox.Charge(ctx, n*entryCost, n*entryBytes); err != nil {
					return nil, err
				}
			}
			entries, err := a.List(path)
			return tables(entries), scriptError("assets", err)
		}, luasandbox.Params("folder"), luasandbox.Returns("entries"),
			luasandbox.Doc("Returns what is in a folder, or at the top: a list of tables with name, size, and folder, which is true for folders.")),
		luasandbox.Func("stat", func(path string) any {
			entry, there := a.Stat(path)
			if !there {
				return nil
			}
			return table(entry)
		}, luasandbox.Params("path"), luasandbox.Returns("entry"),
			luasandbox.Doc("Returns the name and size of a file or folder, nil if there is none.")),
		luasandbox.Func("exists", func(path string) bool {
			_, there := a.Stat(path)
			return there
		}, luasandbox.Params("path"), luasandbox.Returns("there"),
			luasandbox.Doc("Returns whether there is a file or folder.")),
	}
}

// entryBytes is the memory of the Go side for one entry of a list: a map of three.
const entryBytes = 512

// table is an entry as scripts see it.
func table(e Entry) map[string]any {
	return map[string]any{"name": e.Name, "size": e.Size, "folder": e.Folder}
}

func tables(entries []Entry) []any {
	list := make([]any, len(entries))
	for i, e := range entries {
		list[i] = table(e)
	}
	return list
}

// scriptError makes an error one that the script sees. What a disk says is not for
// scripts.
func scriptError(capability string, err error) error {
	problem, ok := err.(*Error)
	if !ok || problem.Reason == Disk {
		return err
	}
	return luasandbox.Errorf("%s: %s", capability, problem.Public())
}
