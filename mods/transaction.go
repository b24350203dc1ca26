package mods

import (
	"errors"
	"fmt"
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

const undoneText = "the transaction was undone, since another function of the mod came between"

var errTransactionWaits = errors.New("storage.transaction: the function that it called waits for an answer")

// access is what comes before each use of the values by a job.
func (s *space) access(j *job) error {
	if t := s.transaction; t != nil && t.job != j {
		t.undo() // the other job was stopped in the middle, and cannot see this one's changes
	}
	if j != nil && j.transaction != nil && j.transaction.undone {
		return scriptErrorf("storage: %s", undoneText)
	}
	return nil
}

// step does what the Lua part of storage.transaction asks for: begins a transaction,
// and returns its number, if there is no number; otherwise ends the one with that
// number, and keeps what it changed if the second argument is true. A problem is for
// the script: it is returned, since the Lua part knows whose line it belongs to.
func (s *space) step(c *storageCapability, j *job, quota int64, number any, args []any) (id any, problem *string) {
	fail := func(format string, args ...any) (any, *string) {
		text := "storage.transaction: " + fmt.Sprintf(format, args...)
		return nil, &text
	}
	n, ends := number.(float64)
	switch t := s.transaction; {
	case j == nil:
		return fail("no function of the mod is running")
	case ends:
	case c.failed != nil:
		return fail("values cannot be saved at present")
	case t != nil && t.job == j:
		return fail("one is under way; there are none inside each other")
	case j.transaction != nil:
		return fail(undoneText)
	default:
		if t != nil {
			t.undo()
		}
		c.transactions++
		t = &transaction{id: c.transactions, job: j, space: s, used: s.used, old: map[string]*string{}}
		s.transaction, j.transaction = t, t
		return t.id, nil
	}
	t := j.transaction
	if t == nil || float64(t.id) != n {
		return fail("it has ended already")
	}
	keep, undone, used := len(args) > 0 && args[0] == true, t.undone, s.used
	if keep && !undone && c.failed == nil && (used <= quota || used <= t.used) {
		t.commit()
		return nil, nil
	}
	t.end()
	switch {
	case !keep:
		return nil, nil
	case undone:
		return fail(undoneText)
	case c.failed != nil:
		return fail("values cannot be saved at present")
	}
	return fail("the quota is full: %d of %d bytes would be used", used, quota)
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

// closeTransaction undoes what a job that ends leaves open.
func (j *job) closeTransaction() {
	if j.transaction != nil {
		j.transaction.end()
	}
}

// storagePrelude adds storage.transaction, which calls a function of the mod's: in
// Lua, so that the function can be paused, and its frame is one like all others; and
// in a coroutine, so that it cannot yield past the transaction. It runs once in the
// mod's sandbox before the mod does. A mod that got hold of the host's part could do
// no more with it than with storage.transaction: whatever it leaves open ends with
// the job.
var storagePrelude = sync.OnceValue(func() *luasandbox.Program {
	p, err := luasandbox.Compile("storage", storageLua, limits.Limits{})
	if err != nil {
		panic(err) // a constant, compiled by the tests
	}
	return p
})

const storageLua = `
local host, type, error = storage, type, error
local create, resume, status = coroutine.create, coroutine.resume, coroutine.status
local step = host.transaction

local function settle(id, co, ok, ...)
  local yields = ok and status(co) ~= "dead"
  local _, problem = step(id, ok and not yields)
  if not ok then error((...), 0) end
  if yields then error("storage.transaction: the function that it calls cannot yield", 3) end
  if problem then error(problem, 3) end
  return ...
end

local function pass(...) return ... end

storage = {
  get = host.get, set = host.set, delete = host.delete, keys = host.keys, usage = host.usage,
  transaction = function(fn, ...)
    if type(fn) ~= "function" then
      error("bad argument #1 to 'transaction' (function expected, got " .. type(fn) .. ")", 2)
    end
    local co = create(function(...) return fn(...) end) -- fn may be a library's
    local id, problem = step()
    if problem then error(problem, 2) end
    return pass(settle(id, co, resume(co, ...)))
  end,
}
`
