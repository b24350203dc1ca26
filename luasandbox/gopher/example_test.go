package gopher_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
	lua "github.com/yuin/gopher-lua"
)

// play runs a script with a grant and prints what it prints.
func play(grant *luasandbox.Grant, source string) {
	s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{grant}, Output: os.Stdout})
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

// A function that was written for gopher-lua, callback and all, works unchanged.
func ExampleFunc() {
	mapNames := func(L *lua.LState) int {
		names, fn := L.CheckTable(1), L.CheckFunction(2)
		out := L.NewTable()
		names.ForEach(func(_, name lua.LValue) {
			L.Push(fn)
			L.Push(lua.LString(strings.ToUpper(name.String())))
			L.Call(1, 1)
			out.Append(L.Get(-1))
			L.Pop(1)
		})
		L.Push(out)
		return 1
	}
	grant := gopher.NewGrant("names", "", gopher.Func("map", mapNames, luasandbox.Cost(100)))
	play(grant, `
		print(unpack(names.map({"ann", "bob"}, function(name) return name .. "!" end)))
		names.map(5)`)
	// Output:
	// ANN!	BOB!
	// error: mod.lua:3: bad argument #1 to 'map' (table expected, got number)
}

// A module's loader, and the type of userdata that it registers. What is not named,
// here the method value and the function steal, does not exist for the script.
func ExampleLoader() {
	loader := func(L *lua.LState) int {
		methods := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
			"name":  func(L *lua.LState) int { L.Push(lua.LString(L.CheckUserData(1).Value.(string))); return 1 },
			"value": func(L *lua.LState) int { L.Push(lua.LNumber(1000)); return 1 },
		})
		L.SetField(L.NewTypeMetatable("item"), "__index", methods)
		L.Push(L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
			"find": func(L *lua.LState) int {
				item := L.NewUserData()
				item.Value = "golden " + L.CheckString(1)
				item.Metatable = L.GetTypeMetatable("item")
				L.Push(item)
				return 1
			},
			"steal": func(L *lua.LState) int { return 0 },
		}))
		return 1
	}
	grant := gopher.NewGrant("shop", "",
		gopher.Loader(loader, "find"),
		gopher.Userdata("item", "name"))
	play(grant, `
		local ring = shop.find("ring")
		print(ring, ring:name(), ring.value, shop.steal)`)
	// Output:
	// item: 00000001	golden ring	nil	nil
}

type Player struct {
	HP    uint8
	Name  string
	token string
}

func (p *Player) Heal(by uint8) { p.HP += by }
func (p *Player) Each(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}
func (p *Player) String() string { return p.Name + p.token }

// A live object, of which a script gets the fields and methods that are named.
func ExampleObject() {
	player := &Player{HP: 50, Name: "Ann", token: "secret"}
	grant := gopher.NewGrant("", "",
		gopher.Object("player", player,
			gopher.Field("HP", gopher.Read),
			gopher.Field("name", gopher.Read|gopher.Write),
			gopher.Method("heal"),
			gopher.Method("Each")))
	play(grant, `
		player:heal(5)
		player.name = "Bea"
		player:Each(2, function(i) print(i, player.HP) end)
		print(player, player.token)
		print(pcall(function() player.HP = 255 end))
		print(pcall(function() return player ^ {} end))
		player:heal(300)`)
	fmt.Println(player.HP, player.Name)
	// Output:
	// 0	55
	// 1	55
	// Player: 00000001	nil
	// false	mod.lua:6: field 'HP' of Player is read-only
	// false	mod.lua:7: attempt to perform arithmetic on global 'player' (a userdata value)
	// error: mod.lua:8: bad argument #1 to 'heal' (integer in 0..255 expected, got 300)
	// 55 Bea
}
