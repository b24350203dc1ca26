package mods

import (
	"errors"
	"slices"

	"github.com/luasandbox/modrunner/limits"
	"github.com/luasandbox/modrunner/luasandbox"
	"github.com/luasandbox/modrunner/mods/schedule"
)

// next takes the next job.
func (m *Mod) next() *job {
	if len(m.urgent) > 0 {
		j := m.urgent[0]
		m.urgent = slices.Delete(m.urgent, 0, 1)
		return j
	}
	for _, in := range []*instance{m.staged, m.live} {
		if in == nil {
			continue
		}
		begins := in != m.live || !m.started
		for i, j := range in.ready {
			// What a main file, a start hook or a save waited for goes on before all else.
			if (begins || m.handingOver) && (j.kind == mainJob || j.kind == startJob || j.kind == saveJob) {
				in.ready = slices.Delete(in.ready, i, i+1)
				return j
			}
		}
		if begins || m.handingOver {
			continue
		}
		// What waited for an answer and what is new take turns, or the one could keep
		// the other from ever running.
		in.fresh = !in.fresh
		if len(in.ready) > 0 && (!in.fresh || len(in.queue.jobs) == 0) {
			j := in.ready[0]
			in.ready = slices.Delete(in.ready, 0, 1)
			return j
		}
		return in.queue.pop()
	}
	return nil
}

// alternate lets the old version of a mod that is being reloaded go on beside the
// main file of the new one: each has a Run in turn.
func (m *Mod) alternate() {
	if m.reload == nil || m.handingOver {
		return
	}
	if j := m.current; m.other != nil || j != nil && j.in == m.staged {
		m.current, m.other = m.other, m.current
	}
}

// idle reports whether m has nothing to do now.
func (m *Mod) idle() bool {
	return m.current == nil && m.other == nil && m.nothingNew()
}

// nothingNew reports whether there is nothing that m could begin.
func (m *Mod) nothingNew() bool {
	if len(m.urgent) > 0 {
		return false
	}
	in := m.live
	return in == nil || m.handingOver || !m.started || len(in.ready) == 0 && len(in.queue.jobs) == 0
}

// Run executes what m has to do: see [schedule.Work]. It is the scheduler's to
// call.
func (m *Mod) Run(fuel int64, serial bool) (used int64, state schedule.State) {
	defer m.account()
	if serial && m.host.cfg.Frame.Workers > 0 {
		return m.takeTurn()
	}
	m.alternate()
	for {
		if !m.mayRun() {
			return used, schedule.Idle
		}
		if m.current == nil && m.other != nil && (m.other.in == m.live || m.nothingNew()) {
			m.current, m.other = m.other, nil
		}
		j := m.current
		if j == nil {
			if j = m.next(); j == nil {
				return used, schedule.Idle
			}
			if j.in.dropped {
				m.abandon(j, ErrNotRunning)
				continue
			}
			m.current = j
		}
		if used >= fuel {
			return used, schedule.More
		}
		if j.task == nil && !j.over {
			if j.serial() && !serial {
				return used, schedule.Turn
			}
			used += jobCost + m.begin(j)
		}
		if j.task != nil && !j.over && used < fuel {
			n, status := m.step(j, fuel-used)
			used += n
			switch {
			case status == luasandbox.Turn:
				return used, schedule.Turn
			case m.current == nil: // parked
				continue
			}
		}
		if !j.over {
			return used, schedule.More
		}
		if !serial && !j.quiet() {
			return used, schedule.Turn
		}
		m.finish(j)
	}
}

// takeTurn does the one thing of m that has to be done on the goroutine of Tick.
func (m *Mod) takeTurn() (used int64, state schedule.State) {
	switch j := m.current; {
	case j == nil || !m.mayRun():
	case j.over:
		m.finish(j)
	case j.task == nil:
		used = jobCost + m.begin(j)
		if j.over {
			m.finish(j)
		}
	default:
		used = m.spent(j.in, func() { m.stepped(j, j.task.TakeTurn) })
		j.overdrawn += used
		if j.over {
			m.finish(j)
		}
	}
	if m.idle() {
		return used, schedule.Idle
	}
	return used, schedule.More
}

// spent returns how many instructions f makes an instance spend.
func (m *Mod) spent(in *instance, f func()) int64 {
	before := in.instructions()
	f()
	return max(0, in.instructions()-before)
}

// begin makes the task of a job. Where that fails, the job is over.
func (m *Mod) begin(j *job) int64 {
	return m.spent(j.in, func() {
		if j.void() {
			j.err, j.over = errVoid, true
			return
		}
		if j.begin != nil {
			j.task, j.err = j.begin()
			j.over = j.err != nil || j.task == nil
			return
		}
		fn := j.fn
		if fn == nil {
			fn = j.in.functions[j.name]
		}
		if fn == nil {
			j.err, j.over, j.unsent = ErrNoFunction, true, true
			return
		}
		calls := j.in.sandbox.Usage().Calls
		j.task, j.err = j.in.sandbox.StartFunction(j.in.ctx, fn, j.args...)
		if j.err != nil {
			j.over = true
			j.unsent = j.in.sandbox.Usage().Calls == calls
		}
		j.args = nil
	})
}

// step runs a job for at most fuel instructions.
//
// A task takes what it has overdrawn from the fuel of later steps. The scheduler has
// been told of it by then, so it is given back here: nobody pays twice.
func (m *Mod) step(j *job, fuel int64) (used int64, status luasandbox.Status) {
	used = m.spent(j.in, func() {
		status = m.stepped(j, func() (luasandbox.Status, error) { return j.task.Step(limits.MulAdd(1, fuel, j.overdrawn)) })
	})
	j.overdrawn = max(0, used-fuel)
	return used, status
}

// stepped draws the consequences of a step.
func (m *Mod) stepped(j *job, step func() (luasandbox.Status, error)) luasandbox.Status {
	before := j.in.instructions()
	status, err := step()
	if j.payer != nil {
		j.owed += j.in.instructions() - before
	}
	if j.took(status, err); !j.over && status == luasandbox.Waiting {
		m.park(j)
	}
	return status
}

// took notes how a step ended, if it ended the job.
func (j *job) took(status luasandbox.Status, err error) {
	switch {
	case err != nil:
		j.over, j.err = true, err
	case status == luasandbox.Done:
		j.over, j.results = true, j.task.Results()
	}
}

// park lets other jobs of the mod run while j waits for an answer.
func (m *Mod) park(j *job) {
	m.current = nil
	if len(j.in.parked) >= tasksWaiting {
		j.task.Abandon()
		j.over, j.err = true, &limits.Error{Kind: limits.Coroutines, Used: tasksWaiting + 1, Max: tasksWaiting}
		m.current = j
		return
	}
	if j.transaction != nil { // by a capability that did not ask job.waits
		m.giveUp(j, errTransactionWaits)
		m.current = j
		return
	}
	m.waits++
	j.wait = m.waits
	j.in.parked = append(j.in.parked, j)
}

// finish ends a job that is over.
func (m *Mod) finish(j *job) {
	m.current = nil
	m.collect(j)
	if j.kind != mainJob { // whose functions the instance keeps
		discard(j.results)
	}
	if j.release {
		j.fn.Release()
	}
	j.closeTransaction()
	m.account()
	err := j.err
	switch {
	case j.unsent:
		m.unsent(j, err)
	case err != nil && err != errVoid:
		m.judge(j, err)
	}
	m.judgeFloods()
	if j.end != nil {
		j.end(j.results, err)
	}
	j.task = nil
}

// collect has the payer of a job charged for it, at the end of the frame.
func (m *Mod) collect(j *job) {
	if j.owed > 0 {
		m.host.charges = append(m.host.charges, charged{by: m, to: j.payer, instructions: j.owed})
		j.owed = 0
	}
}

// abandon ends a job that is not over.
func (m *Mod) abandon(j *job, reason error) {
	if j.task != nil {
		j.task.Abandon()
		j.task = nil
	}
	j.closeTransaction()
	if j.release && !j.in.dropped {
		j.fn.Release()
	}
	if j.end != nil {
		end := j.end
		j.end = nil
		end(nil, reason)
	}
}

// runNow runs a job to its end, before all others and outside the frame's shares,
// for at most one frame's budget. A job that waits for an answer is given up.
func (m *Mod) runNow(j *job) (luasandbox.Results, error) {
	if j.begin == nil && j.fn == nil && j.in.functions[j.name] == nil {
		return nil, nil
	}
	m.touch()
	m.aside(func() {
		m.current = j
		m.begin(j)
		m.complete(j, m.host.cfg.Frame.Instructions)
	})
	return j.results, j.err
}

// aside does something else than what m is doing.
func (m *Mod) aside(f func()) {
	outer := m.current
	if outer != nil { // should the mod be dropped, it is among what it had to do
		m.urgent = slices.Insert(m.urgent, 0, outer)
	}
	m.current = nil
	f()
	if outer != nil && len(m.urgent) > 0 && m.urgent[0] == outer {
		m.urgent = slices.Delete(m.urgent, 0, 1)
		m.current = outer
	}
}

// complete runs a job that has begun to its end, for at most so many instructions.
func (m *Mod) complete(j *job, most int64) {
	m.current = j
	for left := most; !j.over; {
		if left <= 0 {
			m.giveUp(j, &limits.Error{Kind: limits.Instructions, Used: most, Max: most})
			break
		}
		n := m.spent(j.in, func() {
			status, err := j.task.Step(left)
			for err == nil && status == luasandbox.Turn {
				status, err = j.task.TakeTurn()
			}
			if j.took(status, err); !j.over && status == luasandbox.Waiting {
				m.giveUp(j, errWaits)
			}
		})
		left -= max(n, 1)
	}
	m.finish(j)
}

var errWaits = errors.New("it waits for an answer, which nobody waits for now")

func (m *Mod) giveUp(j *job, err error) {
	j.task.Abandon()
	j.over, j.err = true, err
}
