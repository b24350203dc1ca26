package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/catalog"
)

func newCatalog(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Make, publish and serve a catalogue of mods",
		Long: `Make, publish and serve a catalogue of mods: a folder of static files that anyone can
host, signed as The Update Framework has it. Who serves it, or stands in between, can
neither forge, hold back, roll back nor mix what is in it without being found out.

What add, yank, advisory and revoke change is a draft in the folder of the keys, DIR.keys
unless --keys says otherwise, until publish signs it. The timestamp has to be signed
anew each day, by publish --timestamp-only, which needs its key alone.

Exit status: 0 done; 2 wrong usage; 4 refused, and nothing was changed; 128 and the
signal's number if interrupted.`,
		Example: `  modrunner catalog init --threshold root=2/3 public
  modrunner catalog add public weather-1.0.0.zip
  modrunner catalog publish public
  modrunner catalog serve public`,
		Args: func(_ *cobra.Command, args []string) error {
			const want = "; want init, add, yank, advisory, revoke, publish, rotate, keys or serve"
			if len(args) == 0 {
				return errors.New("nothing was asked for" + want)
			}
			return fmt.Errorf("unknown command %q"+want, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args lets nothing pass
	}
	cmd.AddCommand(newCatalogInit(c), newCatalogAdd(c), newCatalogYank(c), newCatalogAdvisory(c), newCatalogRevoke(c),
		newCatalogPublish(c), newCatalogRotate(c), newCatalogKeys(c), newCatalogServe(c))
	return cmd
}

// catalogMaker is what the commands of a publisher have in common.
type catalogMaker struct {
	keys   []string
	asJSON bool
}

func (m *catalogMaker) register(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().StringArrayVar(&m.keys, "keys", nil, "a `DIR` with private keys; may be given several times, the first\nhas the draft and takes new keys (default beside the catalogue, DIR.keys)")
	_ = cmd.MarkFlagDirname("keys")
	cmd.Flags().BoolVar(&m.asJSON, "json", false, "write one JSON document to standard output")
}

func (m *catalogMaker) options(dir string) catalog.PublisherOptions {
	return catalog.PublisherOptions{Dir: dir, Keys: m.keys}
}

// change opens a catalogue, does something with it, and reports.
func (c *console) change(m catalogMaker, dir string, do func(p *catalog.Publisher) (any, error)) error {
	p, err := catalog.OpenPublisher(m.options(dir))
	if err != nil {
		return c.catalogRefused(m.asJSON, err)
	}
	defer p.Close()
	report, err := do(p)
	if err != nil {
		return c.catalogRefused(m.asJSON, err)
	}
	if m.asJSON {
		c.writeJSON(report)
	}
	return nil
}

// refusedReport is the JSON document of what was refused.
type refusedReport struct {
	Status string `json:"status"` // "refused"
	Error  string `json:"error"`
}

// catalogRefused reports why nothing was done.
func (c *console) catalogRefused(asJSON bool, err error) error {
	text := inOneLine(err)
	if _, ok := errors.AsType[*refusal](err); ok {
		text = oneLine(err.Error()) // with the file that it is about
	}
	if asJSON {
		c.writeJSON(refusedReport{"refused", jsonText(text)})
	}
	c.say(red, text)
	return &exitError{notRun}
}

// wantArgs says how many arguments there are to be.
func wantArgs(least, most int, want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || most > 0 && len(args) > most {
			return fmt.Errorf("%s; want %s", plural(len(args), "argument"), want)
		}
		return nil
	}
}

// catalogAddReport is the JSON document of catalog add.
type catalogAddReport struct {
	Status string        `json:"status"`
	Added  []entryReport `json:"added"`
}

func newCatalogAdd(c *console) *cobra.Command {
	var m catalogMaker
	var publisher, api string
	cmd := &cobra.Command{
		Use:   "add [flags] DIR BUNDLE...",
		Short: "Add versions of mods to the draft",
		Long: `Add versions of mods to the draft of a catalogue: archives as pack and sign leave them,
or folders, which are then unsigned. A version that is there already cannot be given
other content, but other signatures.

The risk of each permission is that of the capabilities that modrunner knows, or of the
game's, by the document of --api (see modrunner api); of others it is high.`,
		Example: `  modrunner catalog add public weather-1.0.0.zip clock-2.1.0.zip
  modrunner catalog add --publisher "Ada's mods" public weather-1.0.0.zip`,
		Args: wantArgs(2, 0, "a catalogue and at least one mod"),
		RunE: func(cmd *cobra.Command, args []string) error {
			risk, err := c.risks(cmd.Context(), api)
			if err != nil {
				return c.catalogRefused(m.asJSON, err)
			}
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				report := catalogAddReport{Status: "ok", Added: []entryReport{}}
				for _, path := range args[1:] {
					b, err := openMod(path)
					if err != nil {
						return nil, &refusal{What: path, Reason: inOneLine(err), Err: err}
					}
					e, err := p.Add(b, catalog.AddOptions{Publisher: publisher, Risk: risk})
					if err != nil {
						return nil, &refusal{What: path, Reason: inOneLine(err), Err: err}
					}
					report.Added = append(report.Added, entryReportOf(e))
					if !m.asJSON {
						c.drafted(path, e.String())
					}
				}
				return report, nil
			})
		},
	}
	m.register(cmd)
	cmd.Flags().StringVar(&publisher, "publisher", "", "whom to name as the publisher of these")
	cmd.Flags().StringVar(&api, "api", "", "the API document of the game, in a `FILE`")
	return cmd
}

// risks returns how much harm capabilities can do: those of a document, of which a name
// counts with its highest risk, and then those that modrunner has.
func (c *console) risks(ctx context.Context, document string) (func(capability string) string, error) {
	known, err := offeredToAll()
	if err != nil {
		return nil, err
	}
	all := known.Capabilities
	if document != "" {
		game, err := c.readAPIFile(ctx, document)
		if err != nil {
			return nil, err
		}
		all = slices.Concat(all, game.api.Capabilities)
	}
	order := []string{"none", "low", "medium", "high"}
	risk := map[string]int{}
	for _, k := range all {
		at := slices.Index(order, k.Risk)
		if at < 0 {
			at = len(order) - 1
		}
		risk[k.Name] = max(risk[k.Name], at)
	}
	return func(capability string) string {
		if at, ok := risk[capability]; ok {
			return order[at]
		}
		return "high"
	}, nil
}

// okReport is the JSON document of a change that has little to tell.
type okReport struct {
	Status string `json:"status"`
	ID     string `json:"id,omitempty"`
}

func newCatalogYank(c *console) *cobra.Command {
	var m catalogMaker
	var reason string
	cmd := &cobra.Command{
		Use:   "yank [flags] DIR ID@VERSION",
		Short: "Take a version back, in the draft",
		Long: `Take a version back, in the draft: nobody chooses it anew. Its bundle stays for those
who have it. To stop those too, publish an advisory.`,
		Example: `  modrunner catalog yank --reason "eats saved games" public weather@1.1.0`,
		Args:    wantArgs(2, 2, "a catalogue and ID@VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			id, version, found := strings.Cut(args[1], "@")
			if !found || id == "" || version == "" {
				return fmt.Errorf("%q: want ID@VERSION, such as weather@1.1.0", args[1])
			}
			if reason == "" {
				return errors.New("--reason is missing")
			}
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				if err := p.Yank(id, version, reason); err != nil {
					return nil, err
				}
				if !m.asJSON {
					c.drafted(args[1], "yanked")
				}
				return okReport{"ok", args[1]}, nil
			})
		},
	}
	m.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one line")
	return cmd
}

func newCatalogAdvisory(c *console) *cobra.Command {
	var m catalogMaker
	cmd := &cobra.Command{
		Use:   "advisory [flags] DIR FILE.json",
		Short: "Add a warning of versions to the draft, or replace one",
		Long: `Add an advisory in the OSV format to the draft, or replace the one that has its id.
Once it is published, it reaches every client with its next refresh.`,
		Example: `  modrunner catalog advisory public EXAMPLE-2026-001.json`,
		Args:    wantArgs(2, 2, "a catalogue and a file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				data, err := c.readAdvisory(cmd.Context(), args[1])
				if err != nil {
					return nil, err
				}
				id, err := p.Advise(data)
				if err != nil {
					return nil, &refusal{What: args[1], Reason: inOneLine(err), Err: err}
				}
				if !m.asJSON {
					c.drafted(args[1], id)
				}
				return okReport{"ok", id}, nil
			})
		},
	}
	m.register(cmd)
	return cmd
}

// readAdvisory reads a file of bounded size.
func (c *console) readAdvisory(ctx context.Context, path string) ([]byte, error) {
	const most = 256 << 10
	text, err := readSource(ctx, path, "a file of JSON, in the OSV format", c.in, limits.Limits{Source: most})
	if _, ok := errors.AsType[*limits.Error](err); ok {
		return nil, &refusal{What: path, Reason: "more than " + size(most), Want: "an advisory", Err: err}
	}
	return []byte(text), err
}

func newCatalogRevoke(c *console) *cobra.Command {
	var m catalogMaker
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke [flags] DIR KEYID",
		Short: "Revoke a key that signs mods, in the draft",
		Long: `Revoke a key that signs mods, in the draft: 16 hexadecimal digits, as "modrunner key"
shows them. Once it is published, the key's signatures are worth nothing on every
client that refreshed. It cannot be taken back. Keys that sign the catalogue itself are
changed by rotate.`,
		Example: `  modrunner catalog revoke --reason "stolen" public 0123456789ABCDEF`,
		Args:    wantArgs(2, 2, "a catalogue and the id of a key"),
		RunE: func(_ *cobra.Command, args []string) error {
			if reason == "" {
				return errors.New("--reason is missing")
			}
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				if err := p.Revoke(args[1], reason); err != nil {
					return nil, err
				}
				if !m.asJSON {
					c.drafted(args[1], "revoked")
				}
				return okReport{"ok", strings.ToUpper(args[1])}, nil
			})
		},
	}
	m.register(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why, in one line")
	return cmd
}

// publicationReport is the JSON document of catalog publish and rotate.
type publicationReport struct {
	Status      string    `json:"status"`
	Root        int64     `json:"root"`
	Targets     int64     `json:"targets"`
	Snapshot    int64     `json:"snapshot"`
	Timestamp   int64     `json:"timestamp"`
	Bundles     int       `json:"bundles"`
	Advisories  int       `json:"advisories"`
	Revocations int       `json:"revocations"`
	Expires     time.Time `json:"expires"`
	Role        string    `json:"role"` // that expires then
	RootExpires time.Time `json:"root_expires"`
}

// rootWarning is how long before its end a root is warned of.
const rootWarning = 30 * 24 * time.Hour

// publication tells what clients see now.
func (c *console) publication(asJSON bool, dir string, p catalog.Publication) any {
	if time.Until(p.RootExpires) < rootWarning {
		c.rootSoon(p)
	}
	if !asJSON {
		c.passed(dir, publicationLine(p))
		fmt.Fprintln(c.out, untilLine(p))
	}
	return publicationReport{
		"ok", p.Root, p.Targets, p.Snapshot, p.Timestamp, p.Bundles, p.Advisories, p.Revocations, p.Expires, p.Role, p.RootExpires,
	}
}

func newCatalogPublish(c *console) *cobra.Command {
	var m catalogMaker
	var timestampOnly bool
	cmd := &cobra.Command{
		Use:   "publish [flags] DIR",
		Short: "Sign the draft, and show it to clients",
		Long: `Sign the draft, and show it to clients. All of it is read first as clients read it.
Clients see the old catalogue or the new, at whatever moment they look.

--timestamp-only says anew that what is published is the newest; the draft stays one.

With --json standard output has one JSON document and nothing else:
  {"status": "ok", "root": N, "targets": N, "snapshot": N, "timestamp": N, "bundles": N,
   "advisories": N, "revocations": N, "expires", "role", "root_expires"}
with the versions of the roles, and which of them expires first, or
  {"status": "refused", "error"}`,
		Example: `  modrunner catalog publish public
  modrunner catalog publish --timestamp-only public`,
		Args: wantArgs(1, 1, "a catalogue"),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.change(m, args[0], func(p *catalog.Publisher) (any, error) {
				sign := p.Publish
				if timestampOnly {
					sign = p.RefreshTimestamp
				}
				told, err := sign()
				if err != nil {
					return nil, err
				}
				return c.publication(m.asJSON, args[0], told), nil
			})
		},
	}
	m.register(cmd)
	cmd.Flags().BoolVar(&timestampOnly, "timestamp-only", false, "sign the timestamp alone, with its keys")
	return cmd
}

func newCatalogServe(c *console) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "serve [flags] DIR",
		Short: "Serve a catalogue over HTTP, for trying it out",
		Long: `Serve the files of a catalogue over HTTP until it is interrupted, and write the URL to
standard output. Only files that a catalogue has are served, without listings. There is
no TLS: clients take plain HTTP from their own machine alone. To host a catalogue, copy
the folder to any server of static files.`,
		Example: `  modrunner catalog serve public
  modrunner catalog serve --addr 127.0.0.1:8080 public`,
		Args: wantArgs(1, 1, "a catalogue"),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := catalog.Serve(cmd.Context(), address, args[0], func(url string) {
				fmt.Fprintln(c.out, url)
				c.out.Flush()
				c.say("", servingLine(oneLine(args[0])))
			})
			if err != nil {
				return c.catalogRefused(false, err)
			}
			if i := interruptedBy(cmd.Context()); i != nil {
				return &exitError{i.status()}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&address, "addr", "127.0.0.1:0", "the `ADDRESS` and port; port 0 is one that is free")
	return cmd
}
