// Package gopher grants to sandboxes what an engine has already written for
// gopher-lua and gopher-luar: functions of type lua.LGFunction, modules and their
// loaders, userdata with methods, and live Go objects.
//
//	grant := gopher.NewGrant("inventory", "The player's things.",
//		gopher.Loader(inventory.Loader, "add", "count"),
//		gopher.Userdata("item", "name", "drop"),
//		gopher.Object("player", player, gopher.Field("HP", gopher.Read), gopher.Method("Heal")),
//	)
//
// Everything that a script gets is named there: an export, a method or a field that
// is not named does not exist for it.
//
// # How the old code runs
//
// Each sandbox has, for each such grant, a gopher-lua state of its own, made when it
// is first needed and without any library. The functions run there, on the goroutine
// that runs the script. It never executes a line of the script: arguments are copied
// into it, results are copied out of it, both within the bounds of any host function
// and charged to the script; a Lua function appears in it as a function which calls
// back into the sandbox, within the limits of the running call. Lua code that the
// engine itself loads into such a state is the engine's, and is not limited.
//
// A userdata that comes out is an opaque handle. It has the methods that [Userdata]
// or [Type] name for it, or none.
//
// A message raised with RaiseError, ArgError and the like is for the script and
// reaches it. A panic does not: it is logged like a panic in any host function, and
// the script is told its id.
//
// # What goes through reflection
//
// Objects keep luar's names: Method("heal") and Field("hp") mean Heal and HP's
// luar names too, and methods of type func(*luar.LState) int work. But the values go
// through package luasandbox's checks and not through luar's conversions; RATIONALE.md
// says why.
package gopher
