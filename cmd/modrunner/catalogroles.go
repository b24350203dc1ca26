package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/mods/catalog"
)

// catalogInitReport is the JSON document of catalog init.
type catalogInitReport struct {
	Status     string   `json:"status"`
	Catalog    string   `json:"catalog"`
	Keys       []string `json:"keys"`
	RootFile   string   `json:"root_file"`
	RootSHA256 string   `json:"root_sha256"`
}

func newCatalogInit(c *console) *cobra.Command {
	var m catalogMaker
	var thresholds []string
	var expiry catalog.Expiry
	cmd := &cobra.Command{
		Use:   "init [flags] DIR",
		Short: "Make an empty catalogue, its keys and its first root",
		Long: `Make an empty catalogue in DIR, with keys for the four roles, and the first root, in
which they are named. Clients have to be given the first root some other way.

--threshold ROLE=N/M makes M keys for a role, of which N have to sign; without it each
role has one. Times are those after which clients take a signature no more.`,
		Example: `  modrunner catalog init public
  modrunner catalog init --threshold root=2/3 --threshold targets=1/2 --keys /media/stick public`,
		Args: wantArgs(1, 1, "a folder"),
		RunE: func(_ *cobra.Command, args []string) error {
			roles, err := parseThresholds(thresholds)
			if err != nil {
				return err
			}
			if err := catalog.Init(m.options(args[0]), roles, expiry); err != nil {
				return c.catalogRefused(m.asJSON, err)
			}
			report := catalogInitReport{Status: "ok", Catalog: jsonText(args[0]), RootFile: jsonText(filepath.Join(args[0], "metadata", "1.root.json"))}
			if report.Keys = m.keys; len(m.keys) == 0 {
				report.Keys = []string{catalog.KeysBeside(args[0])}
			}
			data, err := catalog.ReadRoot(filepath.Join(args[0], "metadata", "1.root.json"))
			if err != nil {
				return c.catalogRefused(m.asJSON, err)
			}
			sum := sha256.Sum256(data)
			report.RootSHA256 = hex.EncodeToString(sum[:])
			if m.asJSON {
				c.writeJSON(report)
				return nil
			}
			c.initialized(report)
			return nil
		},
	}
	m.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&thresholds, "threshold", nil, "`ROLE=N/M`: N of the M keys of root, targets, snapshot or timestamp\nhave to sign (default 1/1)")
	flags.DurationVar(&expiry.Root, "root-expiry", 0, "how long a root is good (default 8760h, a year)")
	flags.DurationVar(&expiry.Targets, "targets-expiry", 0, "how long a list of mods is good (default 2160h, 90 days)")
	flags.DurationVar(&expiry.Snapshot, "snapshot-expiry", 0, "how long a publication is good (default 168h, 7 days)")
	flags.DurationVar(&expiry.Timestamp, "timestamp-expiry", 0, "how long a publication is the newest (default 24h)")
	return cmd
}

// parseThresholds reads texts such as root=2/3.
func parseThresholds(texts []string) (map[string]catalog.Threshold, error) {
	out := map[string]catalog.Threshold{}
	for _, text := range texts {
		role, numbers, _ := strings.Cut(text, "=")
		need, keys, found := strings.Cut(numbers, "/")
		n, err1 := strconv.Atoi(need)
		m, err2 := strconv.Atoi(keys)
		if !found || err1 != nil || err2 != nil || n < 1 || m < n || !slices.Contains(catalogRoles, role) {
			return nil, fmt.Errorf("--threshold %q: want ROLE=N/M, such as root=2/3", text)
		}
		if _, twice := out[role]; twice {
			return nil, fmt.Errorf("--threshold %q: there is one for the %s already", text, role)
		}
		out[role] = catalog.Threshold{Need: n, Keys: m}
	}
	return out, nil
}

var catalogRoles = []string{"root", "targets", "snapshot", "timestamp"}

func newCatalogRotate(c *console) *cobra.Command {
	var m catalogMaker
	var r catalog.Rotation
	cmd := &cobra.Command{
		Use:   "rotate [flags] DIR",
		Short: "Publish the next root, with other keys",
		Long: `Publish the next root, signed by the old root's keys and its own, so that old clients
follow. What it says is --add, --remove and --new-threshold of one role; without them
it is the same for another year. The draft is published with it.

Clients go on without a gap if the old keys of the role are still here.`,
		Example: `  modrunner catalog rotate public
  modrunner catalog rotate --role targets --add 1 --remove 9f86d081 public`,
		Args: wantArgs(1, 1, "a catalogue"),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				told, err := p.Rotate(r)
				if err != nil {
					return nil, err
				}
				return c.publication(m.asJSON, args[0], told), nil
			})
		},
	}
	m.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&r.Role, "role", "root", "whose keys to change: root, targets, snapshot or timestamp")
	flags.IntVar(&r.Add, "add", 0, "make `N` new keys")
	flags.StringArrayVar(&r.Remove, "remove", nil, "remove the key whose `ID` begins so, with at least 8 digits;\nmay be given several times")
	flags.IntVar(&r.Threshold, "new-threshold", 0, "how many keys have to sign from now on (default as before)")
	return cmd
}

// catalogKeysReport is the JSON document of catalog keys.
type catalogKeysReport struct {
	Status string              `json:"status"`
	Roles  []catalogRoleReport `json:"roles"`
}

type catalogRoleReport struct {
	Role      string             `json:"role"`
	Threshold int                `json:"threshold"`
	Keys      []catalogKeyReport `json:"keys"`
}

type catalogKeyReport struct {
	ID   string `json:"id"`
	Here bool   `json:"here"` // its private key is in a folder of keys
}

func newCatalogKeys(c *console) *cobra.Command {
	var m catalogMaker
	cmd := &cobra.Command{
		Use:     "keys [flags] DIR",
		Short:   "List the keys of the roles, and which are here",
		Example: `  modrunner catalog keys --keys public.keys --keys /media/stick public`,
		Args:    wantArgs(1, 1, "a catalogue"),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				roles, err := p.Roles()
				if err != nil {
					return nil, err
				}
				report := catalogKeysReport{Status: "ok", Roles: []catalogRoleReport{}}
				rows := [][]string{{"ROLE", "SIGN", "HERE", "KEY"}}
				for _, r := range roles {
					keys := catalogRoleReport{r.Role, r.Threshold, []catalogKeyReport{}}
					for _, id := range r.IDs {
						here := slices.Contains(r.Here, id)
						keys.Keys = append(keys.Keys, catalogKeyReport{id, here})
						rows = append(rows, []string{r.Role, fmt.Sprintf("%d of %d", r.Threshold, len(r.IDs)), map[bool]string{true: "yes", false: "no"}[here], id})
					}
					report.Roles = append(report.Roles, keys)
				}
				if !m.asJSON {
					c.columns(rows, -1, func(int) bool { return false }, nil)
				}
				return report, nil
			})
		},
	}
	m.register(cmd)
	return cmd
}
