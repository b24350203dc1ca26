package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
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
