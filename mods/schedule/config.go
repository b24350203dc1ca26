package schedule

import (
	"fmt"
	"time"
)

// The bounds of a configuration, and what its zero fields stand for.
const (
	MaxFrame  = 1 << 36
	MaxWeight = 1000

	DefaultPatience = 8
	DefaultParole   = 600

	dueBits    = 16     // of the fraction in which guarantees are counted
	weightBits = 10     // of MaxWeight
	mostShares = 8      // that an entry is given at a time if its turn did not come
	minQuantum = 1_000  // instructions of an average turn, however many want one
	maxSlice   = 20_000 // of the default slice
	minSlice   = 1_000
)

// Config says what a frame is. Only Frame has to be set.
type Config struct {
	// Frame is how many instructions one frame has for all entries together,
	// 1 to [MaxFrame].
	Frame int64
	// Guard is the wall clock that a frame may take. Zero: no guard.
	Guard time.Duration
	// Clock is a monotonic clock, of any origin. It is called on the goroutine
	// of Frame only. A Guard needs it; without one it serves Report.Wall.
	Clock func() time.Duration
	// Stop, if not nil, is asked after each slice, on the goroutine of Frame,
	// whether the frame is to end. Unlike the guard, this lowers no budget.
	Stop func() bool
	// Slice is how many instructions may pass between two looks at the clock:
	// the most fuel of one Run, or with workers, of whom each is given a
	// quarter at most, of a round. Zero: a 64th of Frame, but at least 1,000
	// and at most 20,000.
	Slice int64
	// Workers is on how many goroutines entries run. Zero: one after the other
	// on the goroutine of Frame. All numbers from 1 up have the same outcome,
	// which is not that of 0.
	Workers int
	// Patience is after how many frames in a row, each with its whole share
	// used and work left, an entry is throttled another step. Zero:
	// [DefaultPatience]. Negative: nobody is throttled.
	Patience int
	// Parole is after how many such frames at the lowest share an entry is
	// tried with its whole share again. Zero: [DefaultParole]. Negative: never.
	Parole int
}

// ConfigError names the field of a [Config] that cannot be used.
type ConfigError struct {
	Field string
	Want  string // what would be right
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("schedule: %s: want %s", e.Field, e.Want)
}

// complete returns the configuration with its defaults filled in.
func (c Config) complete() (Config, error) {
	switch {
	case c.Frame < 1 || c.Frame > MaxFrame:
		return c, &ConfigError{"Frame", "1 to 2^36 instructions"}
	case c.Guard < 0:
		return c, &ConfigError{"Guard", "a duration, or 0 for none"}
	case c.Guard > 0 && c.Clock == nil:
		return c, &ConfigError{"Clock", "a clock for the guard"}
	case c.Slice < 0:
		return c, &ConfigError{"Slice", "instructions, or 0 for the default"}
	case c.Workers < 0:
		return c, &ConfigError{"Workers", "a number of goroutines, or 0 for none"}
	}
	if c.Slice == 0 {
		c.Slice = min(max(c.Frame/64, minSlice), maxSlice)
	}
	if c.Patience == 0 {
		c.Patience = DefaultPatience
	}
	if c.Parole == 0 {
		c.Parole = DefaultParole
	}
	return c, nil
}
