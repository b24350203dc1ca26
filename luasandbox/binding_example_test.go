package luasandbox_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// play runs a script with grants and prints what it prints.
func play(source string, grants ...*luasandbox.Grant) {
	s, err := luasandbox.New(luasandbox.Config{Grants: grants, Output: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	p, err := luasandbox.Compile("mod.lua", source, limits.Limits{})
	if err == nil {
		_, err = s.Load(context.Background(), p)
	}
	if err != nil {
		fmt.Println("error:", err)
	}
}

// A capability is a table of typed Go functions.
func ExampleNewGrant() {
	gold := 10
	bank := luasandbox.NewGrant("bank", "The player's purse.",
		luasandbox.Func("balance", func() int { return gold },
			luasandbox.Doc("How much there is.")),
		luasandbox.Func("pay", func(amount uint16) error {
			if int(amount) > gold {
				return luasandbox.Errorf("there are only %d", gold)
			}
			gold -= int(amount)
			return nil
		}, luasandbox.Params("amount")),
		luasandbox.Value("currency", "crowns"),
	)
	play(`
		bank.pay(3)
		print(bank.balance(), bank.currency)
		print(pcall(bank.pay, 100))
		print(pcall(bank.pay, -5))
		bank.pay = nil`, bank)
	// Output:
	// 7	crowns
	// false	there are only 7
	// false	bad argument #1 to 'pay' (integer in 0..65535 expected, got -5)
	// error: mod.lua:6: attempt to modify a read-only table
}

// Structs cross the border by their lua tags; a trailing error is an error in Lua.
func ExampleFunc() {
	type Item struct {
		Name   string `lua:"name"`
		Weight int    `lua:"weight,optional"`
		Owner  string // no tag: no script ever sees it
	}
	pack := luasandbox.NewGrant("pack", "",
		luasandbox.Func("heaviest", func(items []Item) (Item, error) {
			if len(items) == 0 {
				return Item{}, luasandbox.Errorf("nothing in the pack")
			}
			best := items[0]
			for _, i := range items {
				if i.Weight > best.Weight {
					best = i
				}
			}
			return best, nil
		}, luasandbox.Params("items"), luasandbox.CostPer("items", 5)),
	)
	play(`
		local i = pack.heaviest{{name="rope", weight=3}, {name="anvil", weight=50}, {name="feather"}}
		print(i.name, i.weight, i.Owner)
		pack.heaviest{{name="rope", wieght=3}}`, pack)
	// Output:
	// anvil	50	nil
	// error: mod.lua:4: bad argument #1 to 'heaviest' (at [1]: unknown key "wieght": did you mean "weight"?)
}

// Callbacks can be kept, and called later within a budget of their own.
func ExampleFunction() {
	var handlers []*luasandbox.Function
	events := luasandbox.NewGrant("events", "",
		luasandbox.Func("on", func(f *luasandbox.Function) { handlers = append(handlers, f) }))
	s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{events}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ctx := context.Background()
	p, _ := luasandbox.Compile("mod.lua", `
		local kills = 0
		events.on(function(name) kills = kills + 1 return name .. " is number " .. kills end)`, limits.Limits{})
	if _, err := s.Load(ctx, p); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"rat", "bat"} {
		r, err := handlers[0].Call(ctx, name)
		fmt.Println(r, err)
	}
	handlers[0].Release()
	_, err = handlers[0].Call(ctx, "cat")
	fmt.Println(err)
	// Output:
	// [rat is number 1] <nil>
	// [bat is number 2] <nil>
	// function was released
}

// A handle stands for a host object of which a script knows the methods named here.
func ExampleNewHandleType() {
	type Door struct {
		open   bool
		secret string
	}
	doors := map[string]*Door{"north": {secret: "xyzzy"}}
	doorType := luasandbox.NewHandleType[Door]("Door", "A door of the dungeon.",
		luasandbox.Func("isOpen", func(d *Door) bool { return d.open }),
		luasandbox.Func("unlock", func(d *Door, word string) bool {
			d.open = d.open || word == d.secret
			return d.open
		}),
	)
	dungeon := luasandbox.NewGrant("dungeon", "", doorType,
		luasandbox.Func("door", func(name string) *Door { return doors[name] }))
	play(`
		local d = dungeon.door("north")
		print(d, d:unlock("please"), d:unlock("xyzzy"), d.secret, d == dungeon.door("north"))
		print(dungeon.door("south"))
		d.isOpen({})`, dungeon)
	// Output:
	// Door: 00000001	false	true	nil	true
	// nil
	// error: mod.lua:5: calling 'isOpen' on bad self (Door expected, got table)
}

// A host function can answer later: the task waits, the game goes on.
func ExampleLater() {
	questions := make(chan *luasandbox.Pending, 1)
	ask := luasandbox.NewGrant("", "",
		luasandbox.Func("ask", func(question string) *luasandbox.Pending {
			p := luasandbox.Later()
			questions <- p
			return p
		}))
	s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{ask}, Output: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	ctx := context.Background()
	p, _ := luasandbox.Compile("mod.lua", `print("your name is " .. ask("Who are you?"))`, limits.Limits{})
	task, err := s.StartProgram(ctx, p)
	if err != nil {
		fmt.Println(err)
		return
	}
	for frame := 1; ; frame++ {
		status, err := task.Step(10_000)
		fmt.Println("frame", frame, status, err)
		if status == luasandbox.Done {
			break
		}
		if frame == 2 {
			(<-questions).Resolve("Ann") // from whatever goroutine has the answer
		}
	}
	// Output:
	// frame 1 waiting <nil>
	// frame 2 waiting <nil>
	// your name is Ann
	// frame 3 done <nil>
}

// The declaration yields its own documentation.
func ExampleSchema() {
	chat := luasandbox.NewGrant("chat", "Talking to players.",
		luasandbox.Func("say", func(text string, volume *uint8) error { return nil },
			luasandbox.Doc("Says something aloud."), luasandbox.Params("text", "volume"), luasandbox.Cost(200)))
	schema, err := luasandbox.Schema(chat)
	if err != nil {
		fmt.Println(err)
		return
	}
	lines := strings.Split(string(schema), "\n")
	fmt.Println(strings.Join(lines[:28], "\n"))
	// Output:
	// {
	//   "grants": [
	//     {
	//       "name": "chat",
	//       "doc": "Talking to players.",
	//       "functions": [
	//         {
	//           "name": "say",
	//           "doc": "Says something aloud.",
	//           "params": [
	//             {
	//               "name": "text",
	//               "type": {
	//                 "kind": "string"
	//               }
	//             },
	//             {
	//               "name": "volume",
	//               "type": {
	//                 "kind": "integer",
	//                 "min": 0,
	//                 "max": 255
	//               },
	//               "optional": true
	//             }
	//           ],
	//           "results": [],
	//           "fails": true,
}
