// Package mods runs many mods in one game: it reads what they ask for, gives
// them what the host's policy allows, loads them in the order of their
// dependencies, calls their hooks in each tick of the game, and stops those
// that go beyond their limits.
//
//	host, err := mods.NewHost(mods.HostConfig{
//		Policy:  mods.Policy{Allow: []string{"log", "events", "storage"}},
//		DataDir: "saves", OpenStore: boltstore.Open,
//		Logger:  slog.Default(),
//	})
//	defer host.Close()
//	b, err := bundle.OpenPath("mods/weather", bundle.Limits{})
//	mod, err := host.Add(b, "mods/weather")
//	err = host.Start(ctx)
//	for running {
//		err = host.Tick(ctx)
//	}
//	err = host.Stop(ctx)
//
// # What a mod is
//
// A mod is a folder or an archive (package bundle) with a manifest (package
// manifest) and Lua files. Its main file, main.lua unless the manifest says
// otherwise, runs once, and returns a table of hooks, or nothing:
//
//	return {
//	  start = function() end,     -- once, when all main files have run
//	  tick = function(n, dt) end, -- in each tick: its number from 1, its length in seconds
//	  stop = function() end,      -- once, at the end
//	}
//
// require("lib.names") runs lib/names.lua of the mod, or lib/names/init.lua,
// and nothing outside it. Each mod has a Lua state of its own: mods share no
// variables and meet only through events.
//
// # Capabilities
//
// What a mod can do beyond computing, it asks for by name, with a reason, under
// [permissions] in its manifest. What it did not ask for, it does not see. If
// [Policy] does not allow what it asks for, the mod is refused before any of it
// runs. Built in are:
//
//   - log: debug, info, warn, error (message [, fields]). Messages and fields
//     are escaped, cut to 4 KiB and 1 KiB, and at most 100, with 32 KiB, are
//     taken from a mod in a tick.
//   - events: on(name, fn) -> id, off(id) -> bool, emit(name [, payload]).
//     Options: emit and subscribe, lists of the names that the mod may use. A
//     payload is a plain value: nil, a boolean, a finite number, a string, or a
//     table with either the keys 1 to n or only strings as keys. It is copied,
//     and delivered after the hooks of the tick in the order in which the mods
//     subscribed. What handlers emit is delivered in up to three rounds in one
//     tick. A mod has at most 128 subscriptions, and at most 256 events, with
//     256 KiB, wait for delivery.
//   - timer: after(seconds, fn) -> id, every(seconds, fn) -> id, cancel(id) ->
//     bool, in game time. A timer fires at most once in a tick, before the
//     hooks. A mod has at most 256.
//   - storage: get(key), set(key, value), delete(key) -> bool, keys([prefix]),
//     usage() -> used, quota. Option: quota, a size. Values are plain values;
//     keys are strings of 1 to 256 bytes; an entry counts as its key, its value
//     as JSON, and 32 bytes. Each mod sees its own values only.
//   - random: float(), integer(low, high), choice(list), shuffle(list).
//   - clock: now() -> seconds since 1970, tick(), elapsed() -> seconds of game
//     time.
//   - json: encode(value [, {indent = true}]), decode(text), null. A table with
//     the keys 1 to n is an array, any other, also the empty one, an object. A
//     number in JSON becomes the nearest float64; one out of range, a key that
//     is there twice, and text that is not UTF-8 are errors, as is what is
//     nested more than 100 deep.
//
// An engine adds its own with HostConfig.Capabilities: see [Capability].
//
// # What happens to a mod that misbehaves
//
// Every call into a mod has the limits of HostConfig.Limits, tightened by what
// the manifest asks for. A mod that hits one is quarantined: its state is
// dropped, and nothing of it runs any more. A mod that raises an error goes on,
// until there are 10 within 1,000 ticks; one whose main file fails does not. In
// one tick a mod gets what three calls may use for timers and events, and its
// tick hook; what is left is put off to the next tick. Other mods do not notice,
// nor do those that depend on it: they miss its events.
//
// [Mod.Report] tells all of this, in words and figures. Everything in it that
// comes from a mod is escaped, as is what mods print and log: none of it can
// pass for a line of the host's or of another mod's.
//
// # What is not promised
//
// The order of mods, events and timers, the random numbers and all figures but
// times are the same on every run with the same mods, seed, ticks and events. A
// host that passes a real clock, or contexts with deadlines, gives that up.
//
// A crash of the process loses what was saved in the last HostConfig.SaveEvery
// ticks. Ids are not proof of origin: who may choose the mods of a host can give
// a mod any id, and with it the values that were saved under it.
package mods
