package workers

import "time"

// class is what a call's deadline depends on.
type class int

const (
	operate class = iota
	ask
	search
	change
	classes
)

func (d Deadlines) of(c class) time.Duration {
	switch c {
	case operate:
		return d.Operate
	case ask:
		return d.Check
	case search:
		return d.Search
	default:
		return d.Change
	}
}

// calls are those under way in one worker, by class in order of their beginning.
// They belong to the member's lock.
type calls [classes]struct{ first, last *underWay }

// underWay is one call.
type underWay struct {
	class      class
	began      time.Time
	prev, next *underWay
}

func (cs *calls) begin(c *underWay) {
	l := &cs[c.class]
	c.prev, c.next = l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.next = c
	}
	l.last = c
}

func (cs *calls) end(c *underWay) {
	l := &cs[c.class]
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
}

// under reports whether a call of class c is under way.
func (cs *calls) under(c class) bool { return cs[c].first != nil }

// overdue reports whether a call has taken longer than its class may. While the
// token is being changed, which may take long, other calls may have to wait as
// long: some libraries do one thing at a time.
func (cs *calls) overdue(now time.Time, d Deadlines) bool {
	slow := class(0)
	for c := range classes {
		if cs.under(c) && (c == search || c == change) {
			slow = c
		}
	}
	for c := range classes {
		if first := cs[c].first; first != nil && now.Sub(first.began) > max(d.of(c), d.of(slow)) {
			return true
		}
	}
	return false
}

// doubtful reports whether an operation takes so long that the worker is to be
// asked whether it serves.
func (cs *calls) doubtful(now time.Time, d Deadlines) bool {
	first := cs[operate].first
	return first != nil && now.Sub(first.began) > d.Doubt
}
