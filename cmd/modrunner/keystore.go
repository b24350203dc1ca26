package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/mods/install"
	"github.com/luasandbox/modrunner/mods/trust"
)

// trustFlag says which trust store is meant.
type trustFlag struct {
	home homeFlag
	file string
}

// register adds --trust and --home.
func (t *trustFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.file, "trust", "", "the trust store: a `FILE` (default "+trust.FileName+" of the installation)")
	t.home.register(cmd)
	_ = cmd.MarkFlagFilename("trust", "toml")
}

// path returns the file, which need not exist.
func (t *trustFlag) path() string {
	if t.file != "" {
		return t.file
	}
	return t.home.file(trust.FileName)
}

// read reads the trust store; nil if there is none yet.
func (t *trustFlag) read() (*trust.Store, error) {
	store, err := trust.ReadFile(t.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return store, trustError(t.path(), err)
}

// change replaces the trust store by what how makes of it. That of an installation is
// changed while nobody else changes anything there, and what was done is on record.
func (t *trustFlag) change(ctx context.Context, what string, how func(*trust.Store) (*trust.Store, error)) (before, after *trust.Store, err error) {
	replace := func() (err error) {
		if before, err = t.read(); err != nil {
			return err
		}
		if after, err = how(before); err != nil {
			return err
		}
		return after.WriteFile(t.path())
	}
	if t.file != "" {
		err = replace()
	} else {
		var home *install.Home
		if home, err = install.Open(t.home.path(), install.Options{By: login()}); err == nil {
			err = home.Exclusively(ctx, what, replace)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return before, after, nil
}

// keyEntry is one key of a trust store in JSON documents.
type keyEntry struct {
	ID          string   `json:"id"`
	Key         string   `json:"key,omitempty"`
	State       string   `json:"state"`
	Publisher   string   `json:"publisher,omitempty"`
	IDs         []string `json:"ids"`
	From        string   `json:"from,omitempty"`
	Until       string   `json:"until,omitempty"`
	Comment     string   `json:"comment,omitempty"`
	Predecessor string   `json:"predecessor,omitempty"`
	Rotated     string   `json:"rotated,omitempty"`
	Successor   string   `json:"successor,omitempty"`
	Revoked     string   `json:"revoked,omitempty"`
	RevokedWith string   `json:"revoked_with,omitempty"`
	Reason      string   `json:"reason,omitempty"`
}

// entryOf describes one key at a time.
func entryOf(store *trust.Store, k trust.Key, at time.Time) keyEntry {
	e := keyEntry{
		ID: k.ID(), Key: k.Public.String(), State: "trusted", Publisher: k.Publisher, IDs: k.IDs, From: stamp(k.From), Until: stamp(k.Until),
		Comment: k.Comment, Predecessor: k.Predecessor, Rotated: stamp(k.Rotated),
	}
	if next, there := store.Successor(k.ID()); there {
		e.Successor = next.ID()
	}
	r, revoked := store.Revocation(k.ID())
	switch {
	case revoked:
		e.State, e.Revoked, e.Reason = "revoked", stamp(r.At), r.Reason
		if r.KeyID != k.ID() {
			e.RevokedWith = r.KeyID
		}
	case !k.Until.IsZero() && !at.Before(k.Until):
		e.State = "expired"
	case at.Before(k.From):
		e.State = "not yet"
	}
	return e
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// entriesOf describes all keys, and then the revoked ones that are not in the store.
func entriesOf(store *trust.Store, at time.Time) []keyEntry {
	all := []keyEntry{}
	for _, k := range store.Keys() {
		all = append(all, entryOf(store, k, at))
	}
	for _, r := range store.Revocations() {
		if _, there := store.Key(r.KeyID); !there {
			all = append(all, keyEntry{ID: r.KeyID, State: "revoked", IDs: []string{}, Revoked: stamp(r.At), Reason: r.Reason})
		}
	}
	return all
}

// keysReport is the JSON document of key list.
type keysReport struct {
	Status string     `json:"status"` // "ok" or "refused"
	Error  string     `json:"error,omitempty"`
	Trust  string     `json:"trust"`
	Keys   []keyEntry `json:"keys"`
}

func newKeyList(c *console) *cobra.Command {
	var store trustFlag
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the keys of the trust store",
		Long: `List the keys of the trust store: whose they are, which mods each may sign, and
whether they count now.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "trust", "keys": [{"id", "key", "state":
   "trusted", "expired", "not yet" or "revoked", "publisher", "ids": [...], "from",
   "until", "comment", "predecessor", "rotated", "successor", "revoked",
   "revoked_with", "reason"}]}
A key that is revoked and not in the store has no "key". "revoked_with" is the key that
was revoked, if it is one whose place this key took.

Exit status: 0 listed; 2 wrong usage; 4 the trust store cannot be read.`,
		Example: `  modrunner key list
  modrunner key list --trust keys.toml --json`,
		Args: nothingMore,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := keysReport{Status: "ok", Trust: jsonText(store.path()), Keys: []keyEntry{}}
			s, err := store.read()
			if err != nil {
				report.Status, report.Error = "refused", jsonText(err.Error())
			} else {
				report.Keys = entriesOf(s, time.Now())
			}
			switch {
			case asJSON:
				c.writeJSON(report)
			case err == nil:
				c.keyTable(report)
			}
			if err != nil {
				c.refused(err)
				return &exitError{notRun}
			}
			return nil
		},
	}
	store.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

func newKeyTrust(c *console) *cobra.Command {
	var store trustFlag
	var k trust.Key
	var from, until string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trust --publisher NAME --ids PATTERN [flags] FILE|KEY",
		Short: "Trust a key with some mods",
		Long: `Trust a key with some mods: put it into the trust store. FILE is a public key; KEY is
one in one word, which begins with "RW". Be sure that it is from whom you think: ask
on another way than the one by which it came.

--ids says which ids of mods the key may sign: an id, such as weather; the beginning of
one and ".*", such as "com.ada.*"; or "*", which is every id. It may be there several
times, or name several with commas.

To trust the same key again replaces what the store says of it. A key that was revoked
cannot be trusted any more.

With --json standard output has one JSON document and nothing else:
  {"status": "ok" or "refused", "error", "key", "id", "trusted": {as in key list}}

Exit status: 0 done; 2 wrong usage; 4 not done.`,
		Example: `  modrunner key trust --publisher Ada --ids "com.ada.*" ada.pub
  modrunner key trust --publisher Ada --ids weather,rain --until 2028-01-01T00:00:00Z \
    RWQBAAAAAAAAAYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c`,
		Args: oneArgument(keyWanted),
		RunE: func(cmd *cobra.Command, args []string) error {
			if k.Publisher == "" || len(k.IDs) == 0 {
				return errors.New("want --publisher NAME, to whom the key belongs, and --ids PATTERN, what it may sign")
			}
			var err error
			if from != "" {
				if k.From, err = timeOfFlag("--from", from); err != nil {
					return err
				}
			}
			if until != "" {
				if k.Until, err = timeOfFlag("--until", until); err != nil {
					return err
				}
			}
			return c.ended(cmd.Context(), c.trustKey(cmd.Context(), &store, k, args[0], asJSON))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&k.Publisher, "publisher", "", "the `NAME` to whom the key belongs, in your words")
	flags.StringSliceVar(&k.IDs, "ids", nil, "the ids of mods that it may sign: a `PATTERN`")
	flags.StringVar(&from, "from", "", "trust it from this `TIME` on, such as 2006-01-02T15:04:05Z")
	flags.StringVar(&until, "until", "", "trust it until this `TIME`")
	flags.StringVar(&k.Comment, "comment", "", "a `TEXT` for yourself, which stays in the file")
	store.register(cmd)
	flags.BoolVar(&asJSON, "json", false, "write one JSON document to standard output")
	return cmd
}

func (c *console) trustKey(ctx context.Context, store *trustFlag, k trust.Key, arg string, asJSON bool) status {
	public, err := readPublicKey(arg)
	if err != nil {
		return c.failedKey(ctx, asJSON, err)
	}
	k.Public = public
	before, after, err := store.change(ctx, "trust key "+k.Public.ID(), func(s *trust.Store) (*trust.Store, error) { return s.Trust(k) })
	if err != nil {
		return c.failedKey(ctx, asJSON, err)
	}
	_, known := before.Key(public.ID())
	entry := entryOf(after, k, time.Now())
	if asJSON {
		c.writeJSON(keyReport{Status: "ok", Key: public.String(), ID: public.ID(), Trusted: &entry})
		return allWell
	}
	c.keyTrusted(store.path(), entry, known)
	return allWell
}

func newKeyRevoke(c *console) *cobra.Command {
	var store trustFlag
	var at, reason string
	cmd := &cobra.Command{
		Use:   "revoke [flags] ID|FILE|KEY",
		Short: "Take the trust from a key, for good",
		Long: `Take the trust from a key, for good: nothing that it signed counts any more, whatever
time the signature claims, since that is the word of who has the key. The key need not
be in the trust store; it cannot be trusted later then.

A key that took the place of the revoked one falls with it if it did so at the time
of --at or later: give the time since when somebody else may have had the key. What is
revoked already stays so, with the earlier of the two times.

Exit status: 0 done; 2 wrong usage; 4 not done.`,
		Example: `  modrunner key revoke --reason "laptop stolen" 0E96DC7F2C47DCCA
  modrunner key revoke --at 2026-02-14T00:00:00Z ada.pub`,
		Args: oneArgument("the id of a key, or " + keyWanted),
		RunE: func(cmd *cobra.Command, args []string) error {
			since, err := timeOfFlag("--at", at)
			if err != nil {
				return err
			}
			return c.ended(cmd.Context(), c.revokeKey(cmd.Context(), &store, args[0], since, reason))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&at, "at", "", "since when: a `TIME` such as 2006-01-02T15:04:05Z (default now)")
	flags.StringVar(&reason, "reason", "", "why: a `TEXT` that is shown where the key is refused")
	store.register(cmd)
	return cmd
}

func (c *console) revokeKey(ctx context.Context, store *trustFlag, arg string, at time.Time, reason string) status {
	id := arg
	if trust.CheckKeyID(arg) != nil {
		key, err := readPublicKey(arg)
		if err != nil {
			return c.failedKey(ctx, false, err)
		}
		id = key.ID()
	}
	before, after, err := store.change(ctx, "revoke key "+id, func(s *trust.Store) (*trust.Store, error) { return s.Revoke(id, at, reason) })
	if err != nil {
		return c.failedKey(ctx, false, err)
	}
	c.keyRevoked(store.path(), id, before, after)
	return allWell
}

func newKeyAccept(c *console) *cobra.Command {
	var store trustFlag
	cmd := &cobra.Command{
		Use:   "accept [flags] STATEMENT",
		Short: "Follow a publisher to a new key",
		Long: `Take a statement that a new key takes the place of one that is in the trust store, as
"modrunner key rotate" writes it. The new key may sign what the old one may, from the
time that the statement names, and no longer than the old one was trusted; the old one
ends at that time. STATEMENT is a file, or - for standard input.

It is refused if the old key is not trusted now, or was replaced before: two statements
of one key are the sign of a thief.

Exit status: 0 done; 2 wrong usage; 4 not done; 128 and the signal's number if
interrupted.`,
		Example: `  modrunner key accept ada.rotation`,
		Args:    oneArgument("a statement"),
		RunE: func(cmd *cobra.Command, args []string) error {
			end := allWell
			if err := c.acceptRotation(cmd.Context(), &store, args[0]); err != nil {
				end = c.failedKey(cmd.Context(), false, err)
			}
			return c.ended(cmd.Context(), end)
		},
	}
	store.register(cmd)
	return cmd
}

func (c *console) acceptRotation(ctx context.Context, store *trustFlag, path string) error {
	const want = `a statement that "modrunner key rotate" wrote`
	statement, err := readSource(ctx, path, want, c.in, limits.Limits{Source: maxKeyFile})
	if _, large := errors.AsType[*limits.Error](err); large {
		err = &refusal{What: path, Reason: "larger than any statement", Want: want}
	}
	if err != nil {
		return err
	}
	var r trust.Rotation
	_, after, err := store.change(ctx, "accept a key in the place of another", func(s *trust.Store) (out *trust.Store, err error) {
		out, r, err = s.Rotate([]byte(statement), time.Now())
		return out, err
	})
	if err != nil {
		return err
	}
	k, _ := after.Key(r.New.ID())
	c.keyReplaced(store.path(), r, k)
	return nil
}

// rotateKey writes a statement.
func (c *console) rotateKey(ctx context.Context, oldPath, newPath, out string, oldPassword, newPassword *passwordFlag, from time.Time) error {
	if _, err := os.Lstat(out); err == nil {
		return keyInTheWay(out)
	}
	old, err := c.openPrivateKey(ctx, oldPath, oldPassword)
	if err != nil {
		return err
	}
	replacement, err := c.openPrivateKey(ctx, newPath, newPassword)
	if err != nil {
		return err
	}
	statement, err := trust.SignRotation(old, replacement, from)
	if err == nil && ctx.Err() == nil {
		err = writeNew(out, statement, 0o666)
	}
	if err == nil && ctx.Err() == nil {
		c.passed(out, fmt.Sprintf("key %s takes the place of %s from %s on", replacement.ID(), old.ID(), stamp(from)))
	}
	return err
}
