// Package schedule shares the instructions of a frame among many entries, each
// of which does some work of its own. It knows nothing of what the work is.
//
//	s, err := schedule.New(schedule.Config{Frame: 1_000_000})
//	e := s.Add(work, schedule.Normal, 100)
//	e.Wake()            // it has something to do
//	report := s.Frame() // calls its Run, once or several times
//
// A frame costs nothing for entries that have nothing to do, and for the
// others it costs the same for each.
//
// # How a frame is divided
//
// Every class with work is guaranteed its part of the budget (see [Class]).
// What an entry is due of that goes by its weight, in a deficit round robin
// which goes on in the next frame where this one stopped. If there are so many
// that a share would be less than 1,000 instructions on average, they are
// given as much as that, and take turns. What an entry leaves goes to others
// of its class, then to the other classes, high first; all that by weight.
//
// Whoever does more than its fuel, because what it did last was indivisible,
// is in debt: its next shares pay that first, and go to others meanwhile. What
// nobody else wants pays debts too.
//
// An entry that in 8 frames in a row used up its share and still had work is
// throttled: its share is halved, down to a 16th, and of left-overs it has
// only what nobody else wants, up to the same factor of the whole budget. Each
// frame at whose end it has nothing left to do gives a 16th back. After 600
// more such frames at the least share it is tried with a whole one.
//
// # What is promised
//
// Let A be what the class is guaranteed in a frame, W the weight of all
// entries that have work in it, n their number, and the share of an entry of
// weight w the greater of A·w/W and 1,000·n·w/W. Between entries that always
// have work and are not throttled, as long as the guard ends no frame:
//
//   - A frame uses at most its budget and one charge, that of the last Run;
//     with workers one charge of each entry of the last round. As long as
//     somebody wants to run who is neither throttled nor in debt, it uses all
//     of the budget that did not pay debts.
//   - Over any number of frames, an entry that makes no charges gets A·w/W for
//     each, less at most four shares, and nine for each entry of the class
//     that makes charges: a charge costs the class of who made it no more than
//     eight frames, and a class is made up for no more than eight.
//   - Two entries without charges differ, for a weight of 1, by at most three
//     shares and one instruction a frame. With left-overs of other classes it
//     is one more share, two more instructions a frame, and the least quantum
//     of each frame in which the left-overs did not go round.
//   - If nobody makes charges, every entry runs once in twice as many frames as
//     A needs for the shares of all.
//   - An entry carries over at most two shares that it was given and could not
//     use, and is due at most eight for frames in which its turn did not come.
//     What it left because it had nothing to do is gone at the end of the frame.
//
// If the guard ends every frame after one slice, every class still has one in
// three frames, and in a class the round robin goes on.
//
// # Determinism
//
// Only the guard depends on the clock, and Stop on whatever the host asks.
// Without them the same loads have the same frames, and with what
// [Scheduler.FrameUntil] is told of a recording, again. With workers, who runs
// in a round and with how much fuel is decided before it, and accounted for
// after it in a fixed order: the outcome is the same for every number of
// workers.
//
// A scheduler, its entries included, is for one goroutine at a time. It starts
// goroutines within Frame only, and they have ended when it returns.
package schedule
