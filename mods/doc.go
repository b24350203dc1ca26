// Package mods runs many mods in one game: it reads what they ask for, gives them
// what the host's policy allows, loads them in the order of their dependencies, lets
// each run for its share of every frame, and stops those that go beyond their limits,
// for a time or for good.
//
//	host, err := mods.Open(mods.Config{
//		Policy:       mods.Policy{Allow: []string{"log", "events", "storage", "world"}},
//		Capabilities: []mods.Capability{world},
//		Events:       []mods.Event{{Name: "wave", Doc: "A wave begins: {number}."}},
//		DataDir:      "saves", OpenStore: boltstore.Open,
//		Logger:       slog.Default(),
//	})
//	defer host.Close()
//	b, err := bundle.OpenPath("mods/weather", bundle.Limits{})
//	_, err = host.Load(mods.Source{Bundle: b, Path: "mods/weather", Err: err})
//	for running {
//		err = host.Emit("wave", map[string]any{"number": 1})
//		err = host.Tick(ctx, time.Second/60)
//	}
//	err = host.Stop(ctx)
//
// # What a mod is
//
// A mod is a folder or an archive (package bundle) with a manifest (package
// manifest) and Lua files. Its main file, main.lua unless the manifest says
// otherwise, runs once, and returns a table of functions, or nothing:
//
//	return {
//	  start = function() end,       -- once, when the main files of all have run
//	  tick = function(n, dt) end,   -- in each tick: its number, its length in seconds
//	  stop = function() end,        -- once, at the end
//	  on_save = function() end,     -- returns what is to be known after a reload or in a saved game
//	  on_load = function(state) end,             -- in place of start, with what on_save returned
//	  on_migrate = function(state, version) end, -- before on_load, if another version saved it
//	  on_timer = function(name) end,             -- for timers that were started with a name
//	  price = function(item) end,   -- anything else: for Host.Call and for services
//	}
//
// Until the start hook has come to its end, also while it waits, nothing else of the
// mod is called; what is sent to it waits. What takes long at the start is a task's:
// task.spawn.
//
// require("lib.names") runs lib/names.lua of the mod, or lib/names/init.lua, and
// nothing outside it. The mod's Lua files are compiled when it is loaded, as many as
// Limits.Source (1 MiB) holds; what it compiles itself while it runs, with load, is at
// most 16 KiB long, because compiling cannot be paused. Each mod has a Lua state of its
// own: mods share no variables and meet only through events and services.
//
// A library is a mod whose manifest says so. It is never run by itself: its files are
// copied into each mod that names it under [libraries] and comes with it
// ([Source].Libraries), where require("the.id") runs its main file and
// require("the.id.part") its part.lua. Inside a library, require means its own files
// and the libraries that its own manifest names.
//
// # Time
//
// All mods together have one budget of instructions for a frame ([Frame]), which
// package schedule divides among those that have something to do. A function that
// does not end within its mod's share is paused, and goes on in the next frame; until
// it has ended, nothing else of that mod is begun. What a mod has to do waits in
// bounded queues. A function that waits, for a time, an event, a service or a
// capability that answers later, is parked, and others of its mod run.
//
// Everything happens in simulation time, which is what [Host.Tick] is given. With
// the same mods, seed, ticks and events the order of mods, events and timers, the
// random numbers and all figures but times are the same on every run; a real clock,
// a Guard, and capabilities that reach outside give that up.
//
// # Capabilities
//
// What a mod can do beyond computing, it asks for by name, with a reason, under
// [permissions] in its manifest. What it did not ask for, it does not see. If Policy
// does not allow what it asks for, the mod is refused before any of it runs, unless
// the request says optional = true: then the mod runs, and does not see it. Where
// operators have a say, a [Gatekeeper] decides besides: by who signed a mod, by rules,
// by what was approved; and [Host.Reconsider] asks it again when a key was revoked or
// an advisory published. Built in are:
//
//   - log: debug, info, warn, error (message [, fields]). Messages and fields are
//     escaped, cut to 4 KiB and 1 KiB, and at most 100, with 32 KiB, are taken from a
//     mod in a tick.
//   - events: on(name, fn) -> id, off(id) -> bool, emit(name [, payload]). Options:
//     emit and subscribe, lists of the names that the mod may use. A payload is a
//     plain value: nil, a boolean, a finite number, a string, or a table with either
//     the keys 1 to n or only strings as keys. It is copied. A mod has at most 128
//     subscriptions, sends at most 256 events, with 256 KiB, in a tick, and as many
//     wait for it; what is beyond is dropped by the rule of the event ([Overflow]) and
//     counted. What answers an event that answers an event, and so on, waits for the
//     next tick from the fourth on.
//   - services: call(mod, name, ...) -> what the function returns; available(mod,
//     name) -> bool. Options: export, the functions that others may call; use, those
//     that the mod may call, as "economy/price". The callee's work is charged to the
//     caller.
//   - timer: after(seconds, fn) -> id, every(seconds, fn) -> id, cancel(id) -> bool,
//     in simulation time. A timer fires at most once in a tick. fn may be a name: then
//     on_timer(name) is called, and the timer is saved with the game. A mod has at
//     most 256.
//   - task: sleep(seconds), wait(event [, seconds]) -> true, payload or false,
//     spawn(fn, ...). At most 64 functions of a mod wait at a time.
//   - storage: get(key), set(key, value), delete(key) -> bool, keys([prefix]), usage()
//     -> used, quota, transaction(fn, ...) -> what fn returns. Option: quota, a size. Values are plain values; keys are strings
//     of 1 to 256 bytes; an entry counts as its key, its value as JSON, and 32 bytes.
//     Each mod sees its own values only. Of what fn changes in a transaction all is
//     kept, or, when it ends with an error, nothing, whatever ends it: an error, a
//     limit, the end of the process. fn may use twice the quota; what counts is what
//     there is at its end. It runs in a coroutine of its own, and can neither wait nor
//     yield.
//   - config: get(name), all() -> values by name, on_change(fn): the settings that the
//     manifest declares under [settings] and the player chooses ([Host.Settings],
//     [Host.Set]). fn(name, value) is called after a change; at most 16 of them.
//   - i18n: t(key [, values]) -> text, language() -> tag: the texts of the mod's own
//     files lang/<language>.json (package texts), in the player's language
//     ([Config].Language, [Host.SetLanguage]), in that without its region, in the
//     mod's own (option: default, "en" if left out), or else the key itself.
//   - random: float(), integer(low, high), choice(list), shuffle(list).
//   - clock: now() -> seconds since 1970, tick(), elapsed() -> seconds of game time.
//   - json: encode(value [, {indent = true}]), decode(text), null. A table with the
//     keys 1 to n is an array, any other, also the empty one, an object. A number in
//     JSON becomes the nearest float64; one out of range, a key that is there twice,
//     and text that is not UTF-8 are errors, as is what is nested more than 100 deep.
//
// An engine adds its own ([Capability]), and those of packages files and web.
// [Host.API] writes all of it as one JSON document.
//
// # What happens to a mod that misbehaves
//
// Every call into a mod has the limits of Config.Limits, tightened by what the
// manifest asks for. A mod that hits one is quarantined: its state is dropped, and
// nothing of it runs until its quarantine is over, which takes longer each time; the
// fifth is for good. A mod that raises an error goes on, until there are ten within
// 50 seconds; one whose main file fails does not. Package health has the whole state
// machine. Mods that cannot do without a mod that does not run are paused until it
// does. Others do not notice: they miss its events, and its services raise an error.
//
// [Mod.Report] and [Host.Status] tell all of this, in words and figures; Config.Logger
// and Config.Audit have a record of it. Everything that comes from a mod is escaped,
// as is what mods print and log: none of it can pass for a line of the host's or of
// another mod's.
//
// # What is not promised
//
// A crash of the process loses what was stored in the last Config.SaveEvery ticks.
// Ids are not proof of origin: who may choose the mods of a host can give a mod any
// id, and with it the values that were stored under it.
package mods
