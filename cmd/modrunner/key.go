package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/trust"
)

func newKey(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make keys that sign mods, and say whose keys are trusted",
		Long: `Make keys that sign mods, and say whose keys are trusted with which mods.

Who publishes mods makes a key once, hands out its public half, and signs with
"modrunner sign". Keys and signatures are those of minisign
(https://jedisct1.github.io/minisign/), which makes and checks them as well.

Who runs mods keeps a trust store, the file trust.toml of the installation: which
keys belong to whom, and which ids of mods each may sign. Nobody is trusted who is
not in it.`,
		Example: `  modrunner key new -o ada.key
  modrunner key trust --publisher Ada --ids "com.ada.*" ada.pub
  modrunner key list`,
		Args: func(_ *cobra.Command, args []string) error {
			const want = "want new, show, list, trust, revoke, rotate or accept"
			if len(args) == 0 {
				return errors.New("nothing was asked for; " + want)
			}
			return fmt.Errorf("unknown command %q; %s", args[0], want)
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args lets nothing pass
	}
	cmd.AddCommand(newKeyNew(c), newKeyShow(c), newKeyList(c), newKeyTrust(c), newKeyRevoke(c), newKeyRotate(c), newKeyAccept(c))
	return cmd
}

func newKeyNew(c *console) *cobra.Command {
	var out string
	var password passwordFlag
	var none, asJSON bool
	cmd := &cobra.Command{
		Use:   "new [flags]",
		Short: "Make a key",
		Long: `Make a key: the private half, which signs, goes into FILE, which nobody else may read,
under a password; the public half, which is handed out, into FILE with .pub in the
place of .key. Files that are there are never written over.

A password costs a gigabyte of memory and some seconds, once now and each time the
key signs, and as much for each try of a thief. --no-password is for tests, and for
machines that keep the file in some other way: whoever can read it can sign.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "private", "public", "key", "id",
   "protected": true or false}
"private" and "public" are the names of the files.

Exit status: 0 made; 2 wrong usage; 4 not made; 128 and the signal's number if
interrupted.`,
		Example: `  modrunner key new
  modrunner key new -o ada.key --password-file secret.txt`,
		Args: nothingMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if none && password.file != "" {
				return errors.New("--no-password and --password-file: want one of the two")
			}
			if out == "" {
				return errors.New("-o: the name is empty")
			}
			return c.ended(cmd.Context(), c.makeKey(cmd.Context(), out, &password, none, asJSON))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&out, "output", "o", "modrunner.key", "write the private key to this `FILE`")
	password.register(cmd, "password-file", "of the new key")
	flags.BoolVar(&none, "no-password", false, "do not protect the file: whoever can read it can sign")
	flags.BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	_ = cmd.MarkFlagFilename("output", "key")
	return cmd
}

// nothingMore refuses arguments.
func nothingMore(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: want no further arguments", args[0])
	}
	return nil
}

// oneArgument wants one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s named; want one: %s", plural(len(args), "thing"), what)
		}
		return nil
	}
}

// ended makes an error of a status; an interruption comes before it.
func (c *console) ended(ctx context.Context, end status) error {
	if i := interruptedBy(ctx); i != nil {
		c.interrupted(i.Error())
		end = i.status()
	}
	if end == allWell {
		return nil
	}
	return &exitError{end}
}

// keyReport is the JSON document of key new, show and trust.
type keyReport struct {
	Status    string    `json:"status"` // "ok" or "refused"
	Error     string    `json:"error,omitempty"`
	Private   string    `json:"private,omitempty"`
	Public    string    `json:"public,omitempty"`
	Key       string    `json:"key,omitempty"`
	ID        string    `json:"id,omitempty"`
	Protected *bool     `json:"protected,omitempty"`
	Trusted   *keyEntry `json:"trusted,omitempty"`
}

// failedKey reports what went wrong with a key, and returns the status that it means.
func (c *console) failedKey(ctx context.Context, asJSON bool, err error) status {
	if interruptedBy(ctx) != nil {
		return allWell // that is what is told
	}
	if asJSON {
		c.writeJSON(keyReport{Status: "refused", Error: jsonText(err.Error())})
	}
	c.refused(err)
	return notRun
}

// makeKey makes a key and writes its two files.
func (c *console) makeKey(ctx context.Context, out string, flag *passwordFlag, none, asJSON bool) status {
	public := strings.TrimSuffix(out, ".key") + ".pub"
	for _, path := range []string{out, public} {
		if _, err := os.Lstat(path); err == nil {
			return c.failedKey(ctx, asJSON, keyInTheWay(path))
		}
	}
	generate := trust.NewUnprotectedKey
	if !none {
		password, err := flag.choose(ctx, c, out)
		if err != nil {
			return c.failedKey(ctx, asJSON, err)
		}
		generate = func() (trust.PrivateKey, []byte, error) { return trust.NewKey(password) }
	}
	key, file, err := generate()
	if err == nil && interruptedBy(ctx) == nil {
		if err = writeNew(out, file, 0o600); err == nil {
			if err = writeNew(public, key.Public().File(), 0o644); err != nil {
				err = errors.Join(err, os.Remove(out))
			}
		}
	}
	if err != nil || interruptedBy(ctx) != nil {
		return c.failedKey(ctx, asJSON, err)
	}
	protected := !none
	if asJSON {
		c.writeJSON(keyReport{Status: "ok", Private: jsonText(out), Public: jsonText(public), Key: key.Public().String(), ID: key.ID(), Protected: &protected})
		return allWell
	}
	c.keyMade(out, public, key.Public(), protected)
	return allWell
}

// writeNew writes a file that is not there yet, and takes it away again if that fails.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return keyInTheWay(path)
	}
	if err != nil {
		return &refusal{What: path, Reason: bare(err).Error(), Err: err}
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(&refusal{What: path, Reason: bare(err).Error(), Err: err}, os.Remove(path))
	}
	return nil
}

func newKeyShow(c *console) *cobra.Command {
	var password passwordFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] FILE|KEY",
		Short: "Show a public key, and how to check its signatures with minisign",
		Long: `Show the public half of a key, its id, and how to check what it signed with minisign
itself. FILE is a public or a private key; the public half of a private key that is
under a password can be read with the password only. KEY is a public key in one word,
which begins with "RW".

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "private", "public", "key", "id",
   "protected": true or false}
"private" or "public" is the name of the file.

Exit status: 0 shown; 2 wrong usage; 4 not a key, or it cannot be read; 128 and the
signal's number if interrupted.`,
		Example: `  modrunner key show ada.pub
  modrunner key show --password-file secret.txt ada.key`,
		Args: oneArgument("a key"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.ended(cmd.Context(), c.showKey(cmd.Context(), args[0], &password, asJSON))
		},
	}
	password.register(cmd, "password-file", "of a private key")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

func (c *console) showKey(ctx context.Context, arg string, password *passwordFlag, asJSON bool) status {
	report := keyReport{Status: "ok"}
	key, err := readPublicKey(arg)
	if err == nil && !isKeyWord(arg) {
		report.Public = jsonText(arg)
	}
	if isBadKey(err) {
		if file, problem := readKeyFile(arg); problem == nil {
			if protected, problem := trust.Protected(file); problem == nil {
				report.Private, report.Protected = jsonText(arg), &protected
				var private trust.PrivateKey
				private, err = c.openKey(ctx, arg, file, password)
				key = private.Public()
			}
		}
	}
	if err != nil {
		return c.failedKey(ctx, asJSON, err)
	}
	report.Key, report.ID = key.String(), key.ID()
	if asJSON {
		c.writeJSON(report)
		return allWell
	}
	c.keyShown(key, report)
	return allWell
}

const keyWanted = "a public key: a file of one, or the key in one word"

// isKeyWord reports whether an argument is a key, and no file of one.
func isKeyWord(arg string) bool { return len(arg) == 56 && strings.HasPrefix(arg, "RW") }

// readPublicKey reads a public key that a person named.
func readPublicKey(arg string) (trust.PublicKey, error) {
	if isKeyWord(arg) {
		key, err := trust.ParsePublicKey(arg)
		return key, ofKey(arg, err)
	}
	file, err := readKeyFile(arg)
	if err != nil {
		return trust.PublicKey{}, err
	}
	key, err := trust.ReadPublicKey(file)
	return key, ofKey(arg, err)
}

// maxKeyFile is more bytes than a key has.
const maxKeyFile = 16 << 10

// readKeyFile reads a file that may hold a key.
func readKeyFile(path string) ([]byte, error) {
	file, err := openRegular(path, "a key")
	if err != nil {
		return nil, err
	}
	defer file.Close() // it was only read
	text, err := readBounded(path, "a key", file, limits.Limits{Source: maxKeyFile})
	if _, large := errors.AsType[*limits.Error](err); large {
		err = &refusal{What: path, Reason: "larger than any key", Want: "a key"}
	}
	return []byte(text), err
}

// openPrivateKey reads the private key in a file, and asks for the password if it needs
// one.
func (c *console) openPrivateKey(ctx context.Context, path string, password *passwordFlag) (trust.PrivateKey, error) {
	file, err := readKeyFile(path)
	if err != nil {
		return trust.PrivateKey{}, err
	}
	if _, err := trust.ReadPublicKey(file); err == nil {
		return trust.PrivateKey{}, publicForPrivate(path)
	}
	return c.openKey(ctx, path, file, password)
}

func (c *console) openKey(ctx context.Context, path string, file []byte, password *passwordFlag) (trust.PrivateKey, error) {
	protected, err := trust.Protected(file)
	if err != nil {
		return trust.PrivateKey{}, ofKey(path, err)
	}
	word := ""
	if protected {
		if word, err = password.ask(ctx, c, path); err != nil {
			return trust.PrivateKey{}, err
		}
	}
	key, err := trust.ReadKey(file, word)
	return key, ofKey(path, err)
}

func newKeyRotate(c *console) *cobra.Command {
	var old, replacement, from, out string
	var oldPassword, newPassword passwordFlag
	cmd := &cobra.Command{
		Use:   "rotate --key OLD --to NEW [flags]",
		Short: "Say that a new key takes the place of an old one",
		Long: `Write a statement that a new key takes the place of an old one, signed by both. Who
trusts the old key takes it with "modrunner key accept", and then trusts the new one
with the same mods, from the time of --from on; the old one ends then.

What the old key signed is not trusted any more from that time on. Sign it with the new
key too, before: a signature changes nothing of a mod's identity, and a mod may have
several. --from a month ahead leaves time for that, and for everybody to take the
statement.

A rotation is for a key that is safe, and old. One that somebody else may have is to be
revoked, by all who trust it.

Exit status: 0 written; 2 wrong usage; 4 not written; 128 and the signal's number if
interrupted.`,
		Example: `  modrunner key new -o ada2.key
  modrunner key rotate --key ada.key --to ada2.key --from 2026-06-01T00:00:00Z -o ada.rotation`,
		Args: nothingMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if old == "" || replacement == "" || out == "" {
				return errors.New("want the private keys --key OLD and --to NEW, and -o FILE")
			}
			at, err := timeOfFlag("--from", from)
			if err != nil {
				return err
			}
			end := allWell
			if err := c.rotateKey(cmd.Context(), old, replacement, out, &oldPassword, &newPassword, at); err != nil {
				end = c.failedKey(cmd.Context(), false, err)
			}
			return c.ended(cmd.Context(), end)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&old, "key", "", "the old private key: a `FILE`")
	flags.StringVar(&replacement, "to", "", "the new private key: a `FILE`")
	flags.StringVar(&from, "from", "", "when the new key takes the place: a `TIME` such as 2006-01-02T15:04:05Z\n(default now)")
	flags.StringVarP(&out, "output", "o", "", "write the statement to this `FILE`")
	oldPassword.register(cmd, "password-file", "of the old key")
	newPassword.register(cmd, "to-password-file", "of the new key")
	_ = cmd.MarkFlagFilename("key", "key")
	_ = cmd.MarkFlagFilename("to", "key")
	return cmd
}
