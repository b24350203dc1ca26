package mods

import (
	"errors"
	"math/rand/v2"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// randomCapability is "random": numbers that depend on the host's seed and the
// mod's id alone, so that no mod's draws change another's.
func (h *Host) randomCapability() Capability {
	return Capability{Name: "random", Doc: "Draw random numbers.", Risk: RiskNone, prelude: randomPrelude,
		Grant: func(g *Grantee) ([]luasandbox.Member, error) {
			seed := h.cfg.Seed
			source := rand.New(rand.NewPCG(seedFor(seed, "random", g.ID()), seedFor(seed, "random, second half", g.ID())))
			return []luasandbox.Member{
				luasandbox.Func("float", source.Float64, luasandbox.Anywhere(),
					luasandbox.Returns("number"),
					luasandbox.Doc("Returns a number from 0 up to, and without, 1.")),
				luasandbox.Func("integer", func(low, high int64) (int64, error) { return integer(source, low, high) },
					luasandbox.Anywhere(),
					luasandbox.Params("low", "high"), luasandbox.Returns("number"),
					luasandbox.Doc("Returns a whole number from low to high, each as likely as the others.")),
				// What the prelude puts in the place of these two is declared here.
				luasandbox.Func("choice", func([]any) (any, error) { return nil, errPrelude },
					luasandbox.Params("list"), luasandbox.Returns("element"),
					luasandbox.Doc("Returns an element of a list that is not empty, each as likely as the others.")),
				luasandbox.Func("shuffle", func([]any) ([]any, error) { return nil, errPrelude },
					luasandbox.Params("list"), luasandbox.Returns("list"),
					luasandbox.Doc("Puts a list into a random order, in place, and returns it.")),
			}, nil
		}}
}

var errPrelude = errors.New("the prelude has not run")

func integer(source *rand.Rand, low, high int64) (int64, error) {
	switch {
	case low < -maxInteger || high > maxInteger || low > maxInteger || high < -maxInteger:
		return 0, scriptErrorf("random.integer: the bounds must be from -2^53 to 2^53")
	case low > high:
		return 0, scriptErrorf("random.integer: there is no number from %d to %d", low, high)
	}
	return low + int64(source.Uint64N(uint64(high-low)+1)), nil
}

// randomPrelude adds what deals with the mod's own tables: a host function is given
// copies, but choice returns the element itself and shuffle changes the list itself.
// It is Lua, runs once in the mod's sandbox before the mod does, and can do nothing
// that the mod could not.
var randomPrelude = sync.OnceValue(func() *luasandbox.Program {
	p, err := luasandbox.Compile("random", randomLua, limits.Limits{})
	if err != nil {
		panic(err) // a constant, compiled by the tests
	}
	return p
})

const randomLua = `
local host, type, error = random, type, error
local integer = host.integer

local function check(list, name)
  if type(list) ~= "table" then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(list) .. ")", 3)
  end
end

random = {
  float = host.float,
  integer = integer,
  choice = function(list)
    check(list, "choice")
    local n = #list
    if n == 0 then error("bad argument #1 to 'choice' (the list is empty)", 2) end
    return list[integer(1, n)]
  end,
  shuffle = function(list)
    check(list, "shuffle")
    for i = #list, 2, -1 do
      local j = integer(1, i)
      list[i], list[j] = list[j], list[i]
    end
    return list
  end,
}
`

// clockCapability is "clock": the host's wall clock, and game time.
func (h *Host) clockCapability() Capability {
	return Capability{Name: "clock", Doc: "Read the time of day and the time of the game.", Risk: RiskNone,
		Grant: func(*Grantee) ([]luasandbox.Member, error) {
			return []luasandbox.Member{
				luasandbox.Func("now", func() float64 {
					return float64(h.wall.Unix()) + float64(h.wall.Nanosecond()/1e6)/1e3
				}, luasandbox.Anywhere(),
					luasandbox.Returns("seconds"),
					luasandbox.Doc("Returns the seconds since 1970, to the millisecond, at the beginning of the tick.")),
				luasandbox.Func("tick", func() int64 { return h.tick + h.tickOffset }, luasandbox.Anywhere(),
					luasandbox.Returns("tick"),
					luasandbox.Doc("Returns the number of the tick, counted from 1.")),
				luasandbox.Func("elapsed", func() float64 { return h.elapsed().Seconds() }, luasandbox.Anywhere(),
					luasandbox.Returns("seconds"),
					luasandbox.Doc("Returns the seconds of game time since the beginning.")),
			}, nil
		}}
}
