package mods

import (
	"errors"
	"sync"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
)

// transaction is a storage.transaction. It belongs to the job in which it was begun
// and ends with it at the latest: kept by its commit, undone by everything else.
type transaction struct {
	id    int64
	job   *job
	space *space
	used  int64              // before
	old   map[string]*string // what the changed keys had before; nil: nothing
	// undone: it was undone while the function that it is for has not ended. What
	// that still does is refused: it would be half of a transaction.
	undone bool
}

var (
	errTransactionOpen  = errors.New("storage.transaction: the function that it called did not come to its end: its coroutine was left waiting")
	errTransactionWaits = errors.New("storage.transaction: the function that it called waits for an answer")
)

// access is what comes before each use of the values by a job.
func (s *space) access(j *job) error {
	if t := s.transaction; t != nil && t.job != j {
		t.undo() // the other job was stopped in the middle, and cannot see this one's changes
	}
	if j != nil && j.transaction != nil && j.transaction.undone {
		return scriptErrorf("storage: the transaction was undone, since another function of the mod came between")
	}
	return nil
}

// step does what the Lua part of storage.transaction asks for: begins a transaction,
// and returns its number, if there is no number; otherwise ends the one with that
// number, and keeps what it changed if the second argument is true.
func (s *space) step(c *storageCapability, j *job, quota int64, number any, args []any) (any, error) {
	id, ends := number.(float64)
	if j == nil {
		return nil, scriptErrorf("storage.transaction: no function of the mod is running")
	}
	if !ends {
		return s.begin(c, j)
	}
	t := j.transaction
	if t == nil || float64(t.id) != id {
		return nil, scriptErrorf("storage.transaction: it has ended already")
	}
	keep := len(args) > 0 && args[0] == true
	undone := t.undone
	switch err := c.writable(); {
	case !keep:
		t.end()
		return nil, nil
	case undone:
		t.end()
		return nil, scriptErrorf("storage.transaction: it was undone, since another function of the mod came between")
	case err != nil:
		t.end()
		return nil, err
	case s.used > quota && s.used > t.used:
		used := s.used
		t.end()
		return nil, scriptErrorf("storage.transaction: the quota is full: %d of %d bytes would be used", used, quota)
	}
	t.commit()
	return nil, nil
}

func (s *space) begin(c *storageCapability, j *job) (any, error) {
	if err := s.access(j); err != nil {
		return nil, err
	}
	if s.transaction != nil {
		return nil, scriptErrorf("storage.transaction: one is under way; there are none inside each other")
	}
	c.transactions++
	t := &transaction{id: c.transactions, job: j, space: s, used: s.used, old: map[string]*string{}}
	s.transaction, j.transaction = t, t
	return t.id, nil
}

// note notes what a key had before.
func (t *transaction) note(s *space, key, old string, there bool) {
	before, noted := t.old[key]
	switch {
	case !noted && there:
		t.old[key] = &old
	case !noted:
		t.old[key] = nil
	case before == nil:
		if _, exists := s.values[key]; !exists { // or old could grow without end
			delete(t.old, key)
		}
	}
}

// undo makes the values what they were before.
func (t *transaction) undo() {
	s := t.space
	if s.transaction != t {
		return
	}
	for key, old := range t.old {
		if old != nil {
			s.put(key, *old)
		} else if _, there := s.values[key]; there {
			s.remove(key)
		}
	}
	s.transaction, t.old, t.undone = nil, nil, true
}

// end undoes what is not kept and lets the job go on without.
func (t *transaction) end() {
	t.undo()
	t.job.transaction = nil
}

// commit keeps all changes.
func (t *transaction) commit() {
	s := t.space
	s.transaction, t.job.transaction = nil, nil
	for key, old := range t.old {
		if value, there := s.values[key]; !there || old == nil || value != *old {
			s.mark(key)
		}
	}
}

// kept returns what a key has without the transaction that is under way: what the
// store may have.
func (s *space) kept(key string) (string, bool) {
	if s.transaction != nil {
		if old, changed := s.transaction.old[key]; changed {
			if old == nil {
				return "", false
			}
			return *old, true
		}
	}
	value, there := s.values[key]
	return value, there
}

// waits refuses what makes the running function wait while a transaction is under
// way: other functions of the mod would see half of it.
func (j *job) waits() error {
	if j != nil && j.transaction != nil {
		return scriptErrorf("a function that storage.transaction calls cannot wait")
	}
	return nil
}

// closeTransaction ends the transaction that a job leaves behind, and reports whether
// there is one.
func (j *job) closeTransaction() bool {
	if j.transaction == nil {
		return false
	}
	j.transaction.end()
	return true
}

// storagePrelude adds storage.transaction, which calls a function of the mod's: in
// Lua, so that the function can be paused, and its frame is one like all others. It
// runs once in the mod's sandbox before the mod does. A mod that got hold of the
// host's part could do no more with it than with storage.transaction: whatever it
// leaves open ends with the job.
var storagePrelude = sync.OnceValue(func() *luasandbox.Program {
	p, err := luasandbox.Compile("storage", storageLua, limits.Limits{})
	if err != nil {
		panic(err) // a constant, compiled by the tests
	}
	return p
})

const storageLua = `
local host, type, error, pcall = storage, type, error, pcall
local step = host.transaction

local function settle(id, ok, ...)
  step(id, ok)
  if ok then return ... end
  error((...), 0)
end

storage = {
  get = host.get, set = host.set, delete = host.delete, keys = host.keys, usage = host.usage,
  transaction = function(fn, ...)
    if type(fn) ~= "function" then
      error("bad argument #1 to 'transaction' (function expected, got " .. type(fn) .. ")", 2)
    end
    return settle(step(), pcall(fn, ...))
  end,
}
`
