package hostile

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/luasandbox/gopher"
	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"
)

// game is what the scripts that go for the host's objects find: live objects as
// games hand them out through gopher-luar (player, chest, vault), and typed functions
// with handles (world). On stock gopher-lua all of it goes through luar.
type game struct {
	player *player
	chest  *chest
	vault  *vault
	units  []*unit
	told   []string
}

// account is embedded in player, and promotes what no script has business with.
type account struct{ Email string }

func (*account) Token() string { return secret }

type place struct {
	X int `lua:"x"`
	Y int `lua:"y"`
}

type player struct {
	account
	sync.Mutex

	Name  string
	HP    int
	Level uint8
	Bag   map[string]int
	Log   chan string
	Load  func(string) ([]byte, error)
	At    place
	Pass  string `luar:"-"`
	token string
	later []func()
}

func (p *player) String() string                     { return "player with " + p.token }
func (p *player) Heal(n uint8) int                   { p.HP += int(n); return p.HP }
func (p *player) Open(name string) (*os.File, error) { return os.Open(name) }
func (p *player) Take(v any) string                  { return fmt.Sprintf("%T", v) }
func (p *player) Inventory() map[string]int          { return p.Bag }
func (p *player) Crash()                             { panic("dsn=" + secret) }
func (p *player) Fail() error                        { return errors.New("no such file: /srv/" + secret) }
func (p *player) Later(f func())                     { p.later = append(p.later, f) }
func (p *player) Each(n int, f func(int) int) (sum int) {
	for i := range n {
		sum += f(i)
	}
	return sum
}

type chest struct{ Gold int }

func (c *chest) Put(n int) int { c.Gold += n; return c.Gold }

// vault is laid out as chest is.
type vault struct{ Gold int }

type unit struct {
	name string
	hp   int8
	at   place
}

func (u *unit) Name() string       { return u.name }
func (u *unit) Move(dx, dy int8)   { u.at.X += int(dx); u.at.Y += int(dy) }
func (u *unit) Strike(other *unit) { other.hp-- }

func newGame() *game {
	return &game{
		player: &player{
			account: account{Email: "a@example.org"}, Name: "Ada", HP: 10, Level: 3, Bag: map[string]int{"key": 1},
			Log: make(chan string, 4), Load: os.ReadFile, Pass: secret, token: secret,
		},
		chest: &chest{Gold: 5}, vault: &vault{Gold: 1000},
	}
}

// damaged returns what a script did that the game does not let it do, or nothing.
func (g *game) damaged() string {
	p := g.player
	free := p.TryLock()
	if !free {
		return "the player's lock is held"
	}
	p.Unlock()
	select {
	case line, open := <-p.Log:
		if !open {
			return "the log was closed"
		}
		return "there is a line in the log: " + line
	default:
	}
	now := fmt.Sprintln(p.Email, p.Name, p.Level, p.Bag, p.Load != nil, p.At, p.Pass == secret, p.token == secret, g.vault.Gold)
	if was := "a@example.org Ada 3 map[key:1] true {0 0} true true 1000\n"; now != was {
		return "the game's objects were " + was + " and are " + now
	}
	for _, u := range g.units {
		if u.hp < 0 || u.hp > 20 {
			return fmt.Sprint("a unit has hp ", u.hp)
		}
	}
	return ""
}

func (g *game) spawn(name string, x, y int) *unit {
	u := &unit{name: name, hp: 20, at: place{x, y}}
	g.units = append(g.units, u)
	return u
}

func (g *game) sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

func (g *game) count(names map[string]bool) int { return len(names) }
func (g *game) echo(v any) any                  { return v }
func (g *game) slot(n uint16) int               { return int(n) }
func (g *game) tell(text string)                { g.told = append(g.told, text) }
func (g *game) boom()                           { panic("dsn=" + secret) }
func (g *game) fail() error                     { return errors.New("dial tcp: " + secret) }

// grants are the game behind our doors, with everything named that has a name.
func (g *game) grants() []*luasandbox.Grant {
	live := gopher.NewGrant("", "The player's things.",
		gopher.Object("player", g.player, gopher.Guard(new(sync.Mutex)),
			gopher.Field("Name", gopher.Read), gopher.Field("HP", gopher.Read|gopher.Write), gopher.Field("Level", gopher.Read),
			gopher.Field("Bag", gopher.Read), gopher.Field("At", gopher.Read),
			gopher.Method("Heal"), gopher.Method("Open"), gopher.Method("Take"), gopher.Method("Inventory"),
			gopher.Method("Crash"), gopher.Method("Fail"), gopher.Method("Later"), gopher.Method("Each"),
		),
		gopher.Object("chest", g.chest, gopher.Field("Gold", gopher.Read), gopher.Method("Put")),
		gopher.Object("vault", g.vault, gopher.Field("Gold", gopher.Read)),
	)
	units := luasandbox.NewHandleType[unit]("unit", "A unit.",
		luasandbox.Func("Name", (*unit).Name), luasandbox.Func("Move", (*unit).Move), luasandbox.Func("Strike", (*unit).Strike),
		luasandbox.Property("hp", func(u *unit) int8 { return u.hp }, func(u *unit, hp int8) error {
			if hp < 0 || hp > 20 {
				return luasandbox.Errorf("hp is 0 to 20")
			}
			u.hp = hp
			return nil
		}),
		luasandbox.Property("at", func(u *unit) place { return u.at }, nil),
	)
	world := luasandbox.NewGrant("world", "The world.", units,
		luasandbox.Func("spawn", g.spawn), luasandbox.Func("sum", g.sum), luasandbox.Func("count", g.count),
		luasandbox.Func("echo", g.echo), luasandbox.Func("slot", g.slot), luasandbox.Func("tell", g.tell),
		luasandbox.Func("boom", g.boom), luasandbox.Func("fail", g.fail),
		luasandbox.Value("rules", map[string]any{"max": 20, "names": []string{"Ada", "Bob"}}),
	)
	return []*luasandbox.Grant{live, world}
}

// install puts the game into a state of stock gopher-lua.
func (g *game) install(l *lua.LState) {
	for name, v := range map[string]any{"player": g.player, "chest": g.chest, "vault": g.vault} {
		l.SetGlobal(name, luar.New(l, v))
	}
	world := l.NewTable()
	for name, f := range map[string]any{
		"spawn": g.spawn, "sum": g.sum, "count": g.count, "echo": g.echo, "slot": g.slot, "tell": g.tell, "boom": g.boom, "fail": g.fail,
	} {
		world.RawSetString(name, luar.New(l, f))
	}
	rules := l.NewTable()
	rules.RawSetString("max", lua.LNumber(20))
	world.RawSetString("rules", rules)
	l.SetGlobal("world", world)
}
