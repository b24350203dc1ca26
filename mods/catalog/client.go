package catalog

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/luasandbox/modrunner/mods/bundle"
)

// Options say which catalogue is meant, whom to trust for it, and how much to take.
type Options struct {
	// URL is the address of a catalogue, https://..., or http:// to this machine
	// itself, or the path of a folder.
	URL string
	// Root is the first root: the bytes of N.root.json that came another way than the
	// catalogue does, such as with the game. All trust begins with it.
	Root []byte
	// Cache is a folder for what was seen and fetched, made if it is not there. It has
	// to outlive the process: what was seen before is what guards against going back.
	// One folder serves one catalogue, and any number of processes.
	Cache string

	// Now is the time; nil is time.Now.
	Now func() time.Time
	// Client makes the requests; nil is one of its own. Its Transport is used, and
	// nothing else of it.
	Client *http.Client
	// Timeout is how long to wait for metadata, and for the next bytes of a bundle; 0
	// is 30 seconds.
	Timeout time.Duration
	// MaxBundle is the largest archive to fetch, in bytes; 0 is 24 MiB. Bundle bounds
	// what is in it.
	MaxBundle int64
	Bundle    bundle.Limits

	// Offline asks nobody: Refresh loads what the cache has, and Fetch has what was
	// fetched before.
	Offline bool
	// AllowExpired, of a client that is Offline, takes the last good catalogue although
	// its time is over. What it says may be out of date: a revocation may have been
	// published since. It is for going on with mods that are installed.
	AllowExpired bool
}

// The defaults of [Options].
const (
	DefaultTimeout   = 30 * time.Second
	DefaultMaxBundle = 24 << 20
)

// Client is one user of a catalogue. It is safe for use by several goroutines, and
// several clients, of several processes, may share a cache.
type Client struct {
	o      Options
	source source // nil if offline
	view   viewHolder
}

// viewHolder has the last view that was taken.
type viewHolder struct {
	mu sync.RWMutex
	v  *view
}

// listed is an entry, and where its bundle is.
type listed struct {
	Entry
	target target
}

// view is a catalogue at one moment, verified. It is immutable.
type view struct {
	entries     map[string][]Entry // by id, the newest first
	bundles     map[string]listed  // by digest
	advisories  []Advisory
	revocations []Revocation
	stamp       int64 // version of the timestamp
	state       State
}

// State says how old a catalogue is.
type State struct {
	Version   int64     // of the snapshot, which counts publications
	Root      int64     // version of the root
	SignedAt  time.Time // when the timestamp was made; zero if it does not say
	Expires   time.Time // when the first part of it expires
	Role      string    // which part that is
	Refreshed time.Time // when it was last found to be the newest
	Expired   bool      // its time was over when it was loaded: see Options.AllowExpired
}

// Open makes a client. It reads and asks for nothing yet: call [Client.Refresh].
//
// The error is an [*Error], with BadOptions or BadRoot.
func Open(o Options) (*Client, error) {
	if o.Cache == "" {
		return nil, &Error{Reason: BadOptions, Detail: "a catalogue needs a folder to remember what it saw"}
	}
	if o.MaxBundle < 0 || o.Timeout < 0 {
		return nil, &Error{Reason: BadOptions, Detail: "a limit is negative; zero stands for the default"}
	}
	if o.AllowExpired && !o.Offline {
		return nil, &Error{Reason: BadOptions, Detail: "AllowExpired is for clients that are Offline"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.MaxBundle = cmp.Or(o.MaxBundle, DefaultMaxBundle)
	o.Root = slices.Clone(o.Root)
	if _, err := newTrusted(o.Root, time.Time{}); err != nil {
		return nil, err
	}
	c := &Client{o: o}
	if o.Offline {
		return c, nil
	}
	var err error
	if c.source, err = newSource(o.URL, o); err != nil {
		return nil, err
	}
	for _, sub := range []string{metadataFolder, targetsFolder, "bundles", "partial"} {
		path := filepath.Join(o.Cache, sub)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, &Error{Reason: BadOptions, Name: o.Cache, Err: bare(err)}
		}
		if info, err := os.Lstat(path); err != nil || !info.IsDir() { // what is written there stays there
			return nil, &Error{Reason: BadOptions, Name: path, Detail: "not a folder, but a link or a file in the place of one", Err: err}
		}
	}
	return c, nil
}

// Refresh makes the client see what the catalogue says now, or offline what it said
// last. If it fails, the client goes on with what it saw before.
//
// The errors: [*ExpiredError]; [*Error]; the cause of the end of ctx, alone or in an
// [*Error].
func (c *Client) Refresh(ctx context.Context) error {
	v, err := c.refresh(ctx)
	if err != nil {
		return err
	}
	c.view.mu.Lock()
	defer c.view.mu.Unlock()
	if old := c.view.v; old == nil || old.state.Version <= v.state.Version {
		c.view.v = v
	}
	return nil
}

// now returns the view that the client has; it is empty before the first Refresh.
func (c *Client) now() *view {
	c.view.mu.RLock()
	defer c.view.mu.RUnlock()
	if c.view.v == nil {
		return &view{}
	}
	return c.view.v
}

// State says how old what the client sees is; it is zero before the first Refresh.
func (c *Client) State() State { return c.now().state }

// Search returns the newest versions, that were not yanked, of the mods whose id, name,
// authors or description have all words of the text in them, in small letters or
// capitals. Those whose id or name has them come first. No text finds all mods.
func (c *Client) Search(text string) []Entry {
	v := c.now()
	words := strings.Fields(strings.ToLower(text))
	type hit struct {
		Entry
		rank int
	}
	var hits []hit
	for _, all := range v.entries {
		i := slices.IndexFunc(all, func(e Entry) bool { return e.Yanked == nil })
		if i < 0 {
			continue
		}
		e := all[i]
		title := strings.ToLower(e.ID + "\n" + e.Name)
		whole := title + "\n" + strings.ToLower(e.Description+"\n"+strings.Join(e.Authors, "\n"))
		rank := 0
		for _, w := range words {
			switch {
			case !strings.Contains(whole, w):
				rank = -1
			case rank >= 0 && !strings.Contains(title, w):
				rank++
			}
			if rank < 0 {
				break
			}
		}
		if rank >= 0 {
			hits = append(hits, hit{e, rank})
		}
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.ID, b.ID))
	})
	out := make([]Entry, len(hits))
	for i, h := range hits {
		out[i] = h.Entry
	}
	return out
}

// Info returns all versions of a mod, the newest first, with those that were yanked.
func (c *Client) Info(id string) []Entry { return slices.Clone(c.now().entries[id]) }

// Lookup returns the entry with that digest.
func (c *Client) Lookup(digest string) (Entry, bool) {
	l, ok := c.now().bundles[digest]
	return l.Entry, ok
}

// Advisories returns the published warnings, sorted by id. The data is the caller's to
// read and not to change.
func (c *Client) Advisories() []Advisory { return slices.Clone(c.now().advisories) }

// Revocations returns the keys that were revoked, sorted.
func (c *Client) Revocations() []Revocation { return slices.Clone(c.now().revocations) }
