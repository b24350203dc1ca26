package mods_test
import ("testing";"context";"fmt"
"github.com/luasandbox/modrunner/mods"
"github.com/luasandbox/modrunner/luasandbox")
func TestDebug(t *testing.T) {
	var w *world
	inside := mods.Capability{Name: "engine", Members: []luasandbox.Member{luasandbox.Func("inside", func(ctx context.Context) {
		w.Call("one", "answer")
		w.Ask("a", "asked")
		_, err := w.Load(source(t, "two", "", "print('loaded')")); fmt.Println(err)
		w.Reload("other", source(t, "other", "", "print('reloaded')"))
		fmt.Println(w.Emit("a", "emitted"))
	})}}
	w = newWorld(t, mods.Config{Capabilities: []mods.Capability{inside}})
	w.with("one", everything+"[permissions.engine]\nreason = 'x'", `
				events.on("a", print)
				return {tick = function(n) if n == 1 then engine.inside() end end, answer = function() print("called") end}`)
	w.with("other", "", "")
	w.run(1)
	for range 4 {
	w.run(1)
	for _, m := range w.Status().Mods { fmt.Println(m.ID, m.State, m.Waiting, m.Reason) }
	fmt.Println(w.log.lines(), w.Status().Waiting)
	fmt.Println(w.Status().Used, w.Status().Cut, w.out.String())
	}
}
