package mods

import (
	"errors"
	"slices"

	"github.com/luasandbox/modrunner/luasandbox"
)

// jobKind is what a job is for.
type jobKind uint8

const (
	mainJob    jobKind = iota // the main file
	startJob                  // the start hook, and on_load before it
	stopJob                   // the stop hook
	saveJob                   // on_save
	tickJob                   // the tick hook
	timerJob                  // a timer
	eventJob                  // an event for a handler
	callJob                   // a call of the engine's, or of a capability's
	serviceJob                // a call of another mod's
	settingJob                // a change of a setting
	spawnJob                  // task.spawn
)

// How many jobs of a kind wait for one mod at a time.
const (
	callsWaiting = 256
	tasksWaiting = 64 // spawned, and those that wait for an answer
)

// jobCost is what the frame is charged for a job beside what the mod does in it.
const jobCost = 200

// jobBytes is the Go memory that a job takes while it waits, beside what is passed.
const jobBytes = 512

// job is one thing that a mod has to do: a call of one of its functions.
//
// A job runs when its mod has a share of the frame left and nothing else of the mod
// is running. Where the share ends it is paused, and is the first to go on. Where it
// waits for an answer it is parked, and others of the mod run.
type job struct {
	in     *instance
	kind   jobKind
	during string
	// What is called: a function that the host was given, which the job releases
	// at its end if release is set; or the field of that name of the mod's table.
	fn      *luasandbox.Function
	name    string
	args    []any
	release bool
	size    int64         // of an event's payload
	event   *subscription // of an event
	timer   *timer        // of a timer's function
	key     string        // by which it can be replaced
	hop     int           // how many events led to it in this tick
	payer   *Mod          // who pays for it, if not the mod itself
	depth   int           // of services that call each other
	owed    int64         // instructions that payer has not been charged for yet
	// transaction is a storage.transaction that the job has begun and not ended.
	transaction *transaction
	// begin, if not nil, makes the task in place of fn and name.
	begin func() (*luasandbox.Task, error)
	// end, if not nil, is told how the job ended. results hold no functions.
	end func(results luasandbox.Results, err error)

	task      *luasandbox.Task
	overdrawn int64               // by its last step
	wait      int64               // the number of its last wait, of the mod's
	pending   *luasandbox.Pending // what it waits for, if somebody records that
	over      bool                // it ended, and end has not been told yet
	results   luasandbox.Results
	err       error
	unsent    bool // err is about what was to be passed to the mod
}

// serial reports whether j has to begin on the goroutine of Tick.
func (j *job) serial() bool { return j.begin != nil }

// void reports whether what j is for was ended while j waited: by events.off, or by
// timer.cancel.
func (j *job) void() bool {
	return j.event != nil && j.event.fn == nil || j.timer != nil && j.timer.every > 0 && j.timer.over
}

// errVoid ends a job that is void. It is nobody's fault.
var errVoid = errors.New("it was ended while it waited")

// quiet reports whether the end of j concerns nobody but its mod.
func (j *job) quiet() bool {
	return (j.end == nil || j.kind == tickJob) && j.err == nil && j.payer == nil && j.transaction == nil && len(j.in.mod.floods) == 0
}

// jobQueue is a first-in-first-out queue of jobs.
type jobQueue struct {
	jobs  []*job
	count [spawnJob + 1]int // by kind
	bytes int64             // of events
}

func (q *jobQueue) push(j *job) {
	q.jobs = append(q.jobs, j)
	q.count[j.kind]++
	q.bytes += j.size
}

func (q *jobQueue) pop() *job {
	if len(q.jobs) == 0 {
		return nil
	}
	return q.remove(0)
}

func (q *jobQueue) remove(i int) *job {
	j := q.jobs[i]
	if i == 0 {
		q.jobs[0] = nil
		q.jobs = q.jobs[1:]
	} else {
		q.jobs = slices.Delete(q.jobs, i, i+1)
	}
	if len(q.jobs) == 0 {
		q.jobs = nil
	}
	q.count[j.kind]--
	q.bytes -= j.size
	return j
}

// enqueue puts a job behind the others of its mod. The error is ErrQueueFull or
// ErrNotRunning, and the job is then the caller's still.
func (m *Mod) enqueue(j *job) error {
	if j.in.dropped {
		return ErrNotRunning
	}
	most := 0
	switch j.kind {
	case callJob, serviceJob:
		most = callsWaiting
	case spawnJob:
		most = tasksWaiting
	}
	if most > 0 && j.in.queue.count[j.kind] >= most {
		return ErrQueueFull
	}
	j.in.queue.push(j)
	m.wake()
	return nil
}

// hurry puts a job before those in the queue.
func (m *Mod) hurry(j *job) {
	m.urgent = append(m.urgent, j)
	m.wake()
}

// wake tells the scheduler that m has something to do.
func (m *Mod) wake() {
	if m.entry == nil {
		return
	}
	m.touch()
	if m.mayRun() {
		m.entry.Wake()
	}
}

// parkedJob returns the job that waits for an answer and is the one, nil if there is
// none.
func (m *Mod) parkedJob(is func(*job) bool) *job {
	for _, in := range []*instance{m.live, m.staged} {
		if in == nil {
			continue
		}
		if i := slices.IndexFunc(in.parked, is); i >= 0 {
			return in.parked[i]
		}
	}
	return nil
}

// answeredInput says that a task can go on.
type answeredInput struct {
	m    *Mod
	task *luasandbox.Task
}

func (a *answeredInput) apply(*Host) { a.m.unpark(a.task) }

// unpark makes a job that waits for an answer go on.
func (m *Mod) unpark(t *luasandbox.Task) {
	for _, in := range []*instance{m.live, m.staged} {
		if in == nil {
			continue
		}
		if i := slices.IndexFunc(in.parked, func(j *job) bool { return j.task == t }); i >= 0 {
			in.ready = append(in.ready, in.parked[i])
			in.parked = slices.Delete(in.parked, i, i+1)
			m.wake()
			return
		}
	}
}
