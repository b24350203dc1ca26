package install_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/luasandbox/modrunner/mods/bundle"
	"github.com/luasandbox/modrunner/mods/install"
)

// A mod that nobody signed is asked about; a person approves it, and then it is there.
func ExampleHome_Apply() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	loose, err := bundle.Open(os.DirFS("testdata/weather"), bundle.Limits{})
	if err != nil {
		panic(err)
	}
	packed, err := bundle.Pack(loose)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	home, err := install.Open(filepath.Join(dir, "home"), install.Options{Environment: "player", Interactive: true, By: "Grace"})
	if err != nil {
		panic(err)
	}
	plan, err := home.Plan(ctx, install.Request{Sources: []install.Source{{Name: "weather.zip", Bundle: packed}}})
	if err != nil {
		panic(err)
	}
	answers := map[string]install.Answer{}
	for _, item := range plan.Items {
		fmt.Println(item.Review.ID, item.Decision.Effect, item.Decision.Reasons)
		if item.Asks() {
			answers[item.Review.Digest] = install.Answer{Approve: true}
		}
	}
	result, err := home.Apply(ctx, plan, answers)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(result.Installed), "installed")
	listed, err := home.List(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(listed[0].ID, listed[0].State, "approved by", listed[0].ApprovedBy)
	// Output:
	// weather ask [nobody whom you trust signed this mod]
	// 1 installed
	// weather installed approved by Grace
}
