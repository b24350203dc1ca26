package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/gate"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/review"
)

// defaultHome is the installation of whoever stands in the folder.
const defaultHome = ".modrunner"

// homeFlag says which installation of mods is meant: a folder of its own.
type homeFlag struct{ dir string }

// register adds --home.
func (h *homeFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&h.dir, "home", "", "the installation: a `DIR` with the trust store, the policy, approvals\nand installed mods (default $MODRUNNER_HOME, or else "+defaultHome+")")
	_ = cmd.MarkFlagDirname("home")
}

// path returns the folder, which need not exist.
func (h *homeFlag) path() string {
	switch {
	case h.dir != "":
		return h.dir
	case os.Getenv("MODRUNNER_HOME") != "":
		return os.Getenv("MODRUNNER_HOME")
	}
	return defaultHome
}

// file returns the path of something in the folder.
func (h *homeFlag) file(name string) string { return filepath.Join(h.path(), name) }

// facts opens the installation, which need not be there, and returns what it knows about
// any mod: by its trust store, or the one in trustFile if that is not empty.
func (h *homeFlag) facts(ctx context.Context, trustFile string, api *gate.API) (*install.Home, review.Input, error) {
	home, err := install.Open(h.path(), install.Options{Now: time.Now, API: api, TrustFile: trustFile})
	if err != nil {
		return nil, review.Input{}, err
	}
	in, err := home.Facts(ctx)
	return home, in, err
}
