package schedule

// link is a place in a queue. Every entry has one, and every queue has one as
// the end of its ring.
type link struct {
	prev, next *link
	entry      *Entry
}

// queue is a ring of entries that have work. Taking out, putting in and
// joining cost the same for any number of entries.
type queue struct {
	ring   link
	n      int
	weight int64

	// A lap of the queue divides an amount by weight: lap entries have still
	// to be given their part of lapSum.
	lap       int
	lapSum    int64
	lapWeight int64
}

func (q *queue) init() {
	q.ring.prev, q.ring.next = &q.ring, &q.ring
}

func (q *queue) front() *Entry {
	return q.ring.next.entry
}

func (q *queue) pushFront(e *Entry) { q.insert(e, &q.ring) }
func (q *queue) pushBack(e *Entry)  { q.insert(e, q.ring.prev) }

func (q *queue) insert(e *Entry, after *link) {
	e.prev, e.next = after, after.next
	after.next.prev = &e.link
	after.next = &e.link
	q.n++
	q.weight += e.weight
}

func (q *queue) remove(e *Entry) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	q.n--
	q.weight -= e.weight
}

// takeAll moves all of other behind what q has.
func (q *queue) takeAll(other *queue) {
	if other.n > 0 {
		first, last := other.ring.next, other.ring.prev
		first.prev, last.next = q.ring.prev, &q.ring
		q.ring.prev.next, q.ring.prev = first, last
		q.n += other.n
		q.weight += other.weight
	}
	*other = queue{}
	other.init()
}

// quantum returns the part of e, which is in the queue, in the lap, and begins
// a lap over amount if none is under way. The average part is at least least.
func (q *queue) quantum(e *Entry, amount, least int64) int64 {
	if q.lap <= 0 {
		q.lap = q.n
		q.lapSum = max(amount, least*int64(q.n))
		q.lapWeight = q.weight
	}
	q.lap--
	return byWeight(q.lapSum, e.weight, q.lapWeight)
}

// byWeight returns weight parts out of all of sum, rounded up.
func byWeight(sum, weight, all int64) int64 {
	return (sum*weight + all - 1) / all
}
