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
	"github.com/luasandbox/modrunner/mods/audit"
	"github.com/luasandbox/modrunner/mods/health"
	"github.com/luasandbox/modrunner/mods/manifest"
	"github.com/luasandbox/modrunner/mods/schedule"
	"github.com/luasandbox/modrunner/mods/storage"
	"github.com/luasandbox/modrunner/mods/texts"
)

// APIVersion is the version of what this package itself offers to mods: the hooks
// and the built-in capabilities.
const APIVersion = "1.1.0"

// The values that zero fields of [Config], [Frame] and [Policy] stand for.
const (
	DefaultFrameInstructions = 2_000_000 // some 5 ms
	DefaultGuard             = 8 * time.Millisecond
	DefaultCallInstructions  = 20_000_000 // for one call of a mod: ten whole frames
	DefaultMemory            = 4 << 30    // bytes
	DefaultSaveEvery         = 20
	DefaultStorageQuota      = 64 << 10
)

// Config says what a host lets mods do. The zero Config allows nothing beyond
// computing: no capability, default limits, no output, a clock that stands still,
// no file.
type Config struct {
	// Limits are the most that any mod gets. What a mod's [limits] ask for can only
	// be less. A zero Instructions is DefaultCallInstructions; the other zero fields
	// are the defaults of package limits.
	Limits limits.Limits
	// Memory is the most that the memory limits of all mods may be in all, in bytes:
	// a mod that does not fit is refused ([*CapacityError]), so that no mod can use up
	// what another was promised. 0: [DefaultMemory], or Limits.Memory
	// if that is more; [limits.Unlimited]: no limit.
	Memory int64
	// Frame is what all mods together may use in one Tick.
	Frame Frame
	// Priorities say by id how mods share the frame; one that is not named has
	// [schedule.Normal] and a weight of 100.
	Priorities map[string]Priority
	// Health says when a mod that misbehaves is quarantined, for how long, and when
	// for good.
	Health health.Config
	// Policy says which capabilities mods may have.
	Policy Policy
	// Gatekeeper decides for the operator: which mods may be loaded, and which of the
	// capabilities that Policy allows each gets. Nil: all, by Policy alone, whoever
	// signed them.
	Gatekeeper Gatekeeper
	// Capabilities are the engine's own, beside the built-in ones. Being here
	// allows nothing: that is for Policy to say.
	Capabilities []Capability
	// Events are those that the engine sends. It can send no others.
	Events []Event
	// Flags turns feature flags on: by mod id, the names (Capability.Flag).
	Flags map[string][]string
	// APIVersion is the version of what the host offers to mods, a semantic version
	// that [mod].api is compared with. Empty: [APIVersion].
	APIVersion string

	// DataDir is the folder that OpenStore is given. Empty, and without OpenStore,
	// storage lasts as long as the host.
	DataDir string
	// OpenStore opens the store of the capability "storage", when the host is
	// made; boltstore.Open is one. The host closes the store. Nil: a store in
	// memory; with a DataDir that is an error, since somebody expects files.
	OpenStore func(dataDir string) (storage.Store, error)
	// SaveEvery is the number of ticks after which changed values go to the store:
	// what a crash of the process can lose. They also go there in Stop, Save and
	// Close. 0: [DefaultSaveEvery].
	SaveEvery int

	// Output takes what mods print: one Write for each line, "[id] text\n", the
	// text escaped. Its errors are ignored. Nil: dropped.
	Output io.Writer
	// Logger takes what mods log, under the message "mod log" with the attributes
	// mod, text and fields, all escaped; and the host's own messages: one record
	// for each violation and change of state, and internal errors. Nil: dropped.
	Logger *slog.Logger
	// Audit takes one record for each grant, refusal, violation, change of state
	// and sensitive call; an *audit.Log is one. Nil: dropped.
	Audit Auditor
	// Metrics takes figures. Nil: none are taken.
	Metrics Metrics

	// Record takes a recording of the run, with which it can be repeated: a Write for
	// each frame. A frame that was written is not lost by a crash of the process. Where
	// something cannot be written, the run goes on, and Logger and [Host.Close] tell.
	// Mods have no limit by time then: see Frame.Guard. Nil: nothing is recorded.
	Record io.Writer
	// Replay, if not nil, is a run that is repeated: see [Replay]. The configuration
	// has to be that of the recording, as far as mods can notice it.
	Replay *Replay

	// Language is the player's, a tag of BCP 47 such as "pt-BR", for the capability
	// "i18n"; [Host.SetLanguage] changes it. Empty: [DefaultLanguage].
	Language string

	// Now is the clock of clock.now and os.time; it is read once in a tick. Nil:
	// always the beginning of the year 2000, UTC.
	Now func() time.Time
	// Elapsed is the clock of Frame.Guard, which never goes backwards. Nil: the
	// process's.
	Elapsed func() time.Duration
	// Seed is what all randomness begins with, different for each mod's id.
	Seed uint64
}

// Frame is what all mods of a host together may use in one [Host.Tick].
type Frame struct {
	// Instructions is the budget. 0: [DefaultFrameInstructions].
	Instructions int64
	// Guard is the wall-clock time after which a frame ends whatever is left of its
	// budget. 0: [DefaultGuard]; [limits.UnlimitedTime]: none, and then what
	// happens in a frame does not depend on the machine's speed.
	Guard time.Duration
	// Workers, if not 0, lets mods run on so many goroutines. The engine's functions
	// are still called one at a time, on the goroutine of Tick, and the outcome is
	// the same for any number of workers from 1 on.
	Workers int
}

// Priority is how a mod shares a frame with others.
type Priority struct {
	Class  schedule.Class
	Weight int // 1 to 1,000, against the others' of its class; 0: 100
}

// Auditor takes records for an audit log. It is called from one goroutine at a
// time.
type Auditor interface{ Append(audit.Record) error }

// Policy says which capabilities mods may have. A mod that asks for one that is
// not allowed is refused as a whole. The zero Policy allows none.
type Policy struct {
	// Allow names capabilities. A name that the host does not know is an error.
	Allow []string
	// All allows every capability that the host has.
	All bool
	// StorageQuota is the most that a mod may ask for as quota of the capability
	// "storage", in bytes. 0: [DefaultStorageQuota].
	StorageQuota int64
}

// PolicyAll allows every capability that the host has.
var PolicyAll = Policy{All: true}

func (p Policy) allows(name string) bool { return p.All || slices.Contains(p.Allow, name) }

// ConfigError is a Config that [Open] cannot use.
type ConfigError struct {
	Field string // of Config, as "Policy.Allow"
	Err   error  // what is wrong and what would be right
}

// Error names the field and what is wrong.
func (e *ConfigError) Error() string { return fmt.Sprintf("host config: %s: %v", e.Field, e.Err) }

// Unwrap returns what is wrong.
func (e *ConfigError) Unwrap() error { return e.Err }

// resolve checks the config and fills in defaults.
func (c Config) resolve() (Config, *semver.Version, error) {
	fail := func(field, format string, args ...any) (Config, *semver.Version, error) {
		return c, nil, &ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
	}
	if err := c.Limits.Validate(); err != nil {
		return c, nil, &ConfigError{Field: "Limits", Err: err}
	}
	if c.Limits.Instructions == 0 {
		c.Limits.Instructions = DefaultCallInstructions
	}
	switch {
	case c.Memory < 0:
		return fail("Memory", "%d bytes; want 1 or more, 0 for %d, or limits.Unlimited", c.Memory, int64(DefaultMemory))
	case c.Frame.Instructions < 0:
		return fail("Frame.Instructions", "%d; want 1 or more, or 0 for %d", c.Frame.Instructions, DefaultFrameInstructions)
	case c.Frame.Guard < 0:
		return fail("Frame.Guard", "%v; want more than 0, 0 for %v, or limits.UnlimitedTime", c.Frame.Guard, DefaultGuard)
	case c.Frame.Workers < 0 || c.Frame.Workers > 256:
		return fail("Frame.Workers", "%d; want 0 to 256", c.Frame.Workers)
	}
	if c.Memory == 0 { // one mod at least has to fit
		c.Memory = max(DefaultMemory, c.Limits.Memory)
	}
	if c.Frame.Instructions == 0 {
		c.Frame.Instructions = DefaultFrameInstructions
	}
	if c.Frame.Guard == 0 {
		c.Frame.Guard = DefaultGuard
	}
	for _, id := range sortedNames(c.Priorities) {
		p := c.Priorities[id]
		if w := p.Weight; w < 0 || w > schedule.MaxWeight {
			return fail("Priorities", "%q has the weight %d; want 1 to 1,000, or 0 for %d", id, w, defaultWeight)
		}
		if _, err := schedule.ParseClass(p.Class.String()); err != nil {
			return fail("Priorities", "%q: %w", id, err)
		}
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
	if c.Language == "" {
		c.Language = DefaultLanguage
	}
	if c.Language, err = texts.ParseTag(c.Language); err != nil {
		return fail("Language", "%w", err)
	}
	if c.SaveEvery < 0 {
		return fail("SaveEvery", "%d ticks; want 1 or more, or 0 for %d", c.SaveEvery, DefaultSaveEvery)
	}
	if c.SaveEvery == 0 {
		c.SaveEvery = DefaultSaveEvery
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
	if c.Elapsed == nil {
		begin := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(begin) }
	}
	return c, api, nil
}

const defaultWeight = 100

func fixedNow() time.Time { return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC) }

// checkPolicy checks that the policy names capabilities that there are.
func checkPolicy(p Policy, cat catalogue) error {
	names := sortedNames(cat)
	for _, name := range p.Allow {
		if cat[name] == nil {
			hint := "there are: " + strings.Join(names, ", ")
			if near := manifest.Nearest(name, names); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			return &ConfigError{Field: "Policy.Allow", Err: fmt.Errorf("no capability %q; %s", name, hint)}
		}
	}
	return nil
}

var errNilStore = errors.New("OpenStore returned no store")
