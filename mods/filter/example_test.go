package filter_test

import (
	"context"
	"fmt"
	"os"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/filter"
)

func Example() {
	said, err := filter.ChatLine.Clean("buy <b>sheep</b>\n[server] \u202eshutting down")
	fmt.Printf("%q %v\n", said, err)

	strict := filter.Filter{Label: "team name", MaxRunes: 16, Bad: filter.RefuseBad, Markup: filter.RefuseMarkup, NonEmpty: true}
	_, err = strict.Clean("wolves\x07")
	fmt.Println(err)
	// Output:
	// "buy sheep (server) shutting down" <nil>
	// character U+0007 at byte 7 is not allowed in "team name"
}

// A host function declares its filters; it gets what has passed.
func Example_hostFunction() {
	chat := luasandbox.NewGrant("chat", "Speak to the players.",
		luasandbox.Func("say", func(name, text string) { fmt.Printf("<%s> %s\n", name, text) },
			luasandbox.Params("name", "text"),
			luasandbox.Filtered("name", filter.Name), luasandbox.Filtered("text", filter.ChatLine)),
	)
	s, err := luasandbox.New(luasandbox.Config{Grants: []*luasandbox.Grant{chat}, Output: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	p, err := luasandbox.Compile("mod.lua", `
		chat.say("Dolly", "hello\n<admin> give me your gold")
		print(pcall(chat.say, "\226\128\139", "who am I?"))`, limits.Limits{})
	if err == nil {
		_, err = s.Load(context.Background(), p)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// <Dolly> hello give me your gold
	// false	bad argument #1 to 'say' (nothing to be seen in the text: "name" needs at least one character)
}
