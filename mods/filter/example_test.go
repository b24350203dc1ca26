package filter_test

import (
	"fmt"

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
