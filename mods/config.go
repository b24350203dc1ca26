package mods

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/storage"
)

// APIVersion is the version of what this package itself offers to mods: the
// hooks and the built-in capabilities.
const APIVersion = "1.0.0"

// The values that zero fields of [HostConfig] and [Policy] stand for.
const (
	DefaultTickLength   = 50 * time.Millisecond
	DefaultSaveEvery    = 20
	DefaultStorageQuota = 64 << 10
)

// HostConfig says what a host lets mods do. The zero HostConfig allows nothing
// beyond computing: no capability, default limits, no output, a clock that
// stands still, no file.
type HostConfig struct {
	// Limits are the most that any mod gets. What a mod's [limits] ask for can
	// only be less.
	Limits limits.Limits
	// Policy says which capabilities mods may have.
	Policy Policy
	// Capabilities are the engine's own, beside the built-in ones. Being here
	// allows nothing: that is for Policy to say.
	Capabilities []Capability
	// APIVersion is the version of what the host offers to mods, a semantic
	// version that [mod].api is compared with. Empty: [APIVersion].
	APIVersion string

	// DataDir is the folder that OpenStore is given. Empty, and without
	// OpenStore, storage lasts as long as the host.
	DataDir string
	// OpenStore opens the store of the capability "storage", when the host is
	// made; boltstore.Open is one. The host closes the store. Nil: a store in
	// memory; with a DataDir that is an error, since somebody expects files.
	OpenStore func(dataDir string) (storage.Store, error)
	// SaveEvery is the number of ticks after which changed values go to the
	// store: what a crash of the process can lose. They also go there at the
	// end of Start, in Stop and in Close. 0: [DefaultSaveEvery], a second.
	SaveEvery int

	// Output takes what mods print: one Write for each line, "[id] text\n", the
	// text escaped. Its errors are ignored. Nil: dropped.
	Output io.Writer
	// Logger takes what mods log, under the message "mod log" with the
	// attributes mod, text and fields, all escaped; and the host's own
	// messages, internal errors among them. Nil: dropped.
	Logger *slog.Logger

	// Now is the clock of clock.now and os.time. Nil: always the beginning of
	// the year 2000, UTC.
	Now func() time.Time
	// Seed is what all randomness begins with, different for each mod's id.
	Seed uint64
	// TickLength is the game time of one tick. 0: [DefaultTickLength].
	TickLength time.Duration
}

// Policy says which capabilities mods may have. A mod that asks for one that is
// not allowed is refused as a whole. The zero Policy allows none.
type Policy struct {
	// Allow names capabilities. A name that the host does not know is an error.
	Allow []string
	// All allows every capability that the host has.
	All bool
	// StorageQuota is the most that a mod may ask for as quota of the
	// capability "storage", in bytes. 0: [DefaultStorageQuota].
	StorageQuota int64
}

// PolicyAll allows every capability that the host has.
var PolicyAll = Policy{All: true}

func (p Policy) allows(name string) bool { return p.All || slices.Contains(p.Allow, name) }

// ConfigError is a HostConfig that [NewHost] cannot use.
type ConfigError struct {
	Field string // of HostConfig, as "Policy.Allow"
	Err   error  // what is wrong and what would be right
}

// Error names the field and what is wrong.
func (e *ConfigError) Error() string { return fmt.Sprintf("host config: %s: %v", e.Field, e.Err) }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

const maxTickLength = time.Hour

// resolve checks the config and fills in defaults.
func (c HostConfig) resolve() (HostConfig, *semver.Version, error) {
	fail := func(field, format string, args ...any) (HostConfig, *semver.Version, error) {
		return c, nil, &ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
	}
	if err := c.Limits.Validate(); err != nil {
		return c, nil, &ConfigError{Field: "Limits", Err: err}
	}
	if c.APIVersion == "" {
		c.APIVersion = APIVersion
	}
	api, err := semver.StrictNewVersion(c.APIVersion)
	if err != nil {
		return fail("APIVersion", `%q is not a semantic version such as "1.0.0": %w`, c.APIVersion, err)
	}
	if c.DataDir != "" && c.OpenStore == nil {
		return fail("OpenStore", "there is a DataDir and nothing that opens a store in it, such as boltstore.Open")
	}
	if c.SaveEvery < 0 {
		return fail("SaveEvery", "%d ticks; want 1 or more, or 0 for %d", c.SaveEvery, DefaultSaveEvery)
	}
	if c.SaveEvery == 0 {
		c.SaveEvery = DefaultSaveEvery
	}
	if c.TickLength < 0 || c.TickLength > maxTickLength {
		return fail("TickLength", "%v; want more than 0 and at most %v, or 0 for %v", c.TickLength, maxTickLength, DefaultTickLength)
	}
	if c.TickLength == 0 {
		c.TickLength = DefaultTickLength
	}
	if c.Policy.StorageQuota < 0 || c.Policy.StorageQuota > math.MaxInt32 {
		return fail("Policy.StorageQuota", "%d bytes; want 1 to %d, or 0 for %d", c.Policy.StorageQuota, math.MaxInt32, DefaultStorageQuota)
	}
	if c.Policy.StorageQuota == 0 {
		c.Policy.StorageQuota = DefaultStorageQuota
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = fixedNow
	}
	return c, api, nil
}

func fixedNow() time.Time { return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC) }

// collect returns the host's capabilities by name, and checks the policy's
// names.
func collect(cfg HostConfig, builtin []Capability) (map[string]Capability, error) {
	byName := map[string]Capability{}
	for _, c := range append(slices.Clone(builtin), cfg.Capabilities...) {
		if c == nil {
			return nil, &ConfigError{Field: "Capabilities", Err: errors.New("one of them is nil")}
		}
		name := c.Name()
		switch {
		case !capabilityName.MatchString(name) || len(name) > 64:
			return nil, &ConfigError{Field: "Capabilities", Err: fmt.Errorf("%q cannot be a capability's name: small letters, digits and '_', in parts joined by '.', at most 64 characters", name)}
		case byName[name] != nil:
			return nil, &ConfigError{Field: "Capabilities", Err: fmt.Errorf("there are two capabilities %q", name)}
		}
		byName[name] = c
	}
	names := sortedNames(byName)
	for _, name := range cfg.Policy.Allow {
		if byName[name] == nil {
			hint := "there are: " + strings.Join(names, ", ")
			if near := manifest.Nearest(name, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			return nil, &ConfigError{Field: "Policy.Allow", Err: fmt.Errorf("no capability %q; %s", name, hint)}
		}
	}
	return byName, nil
}
