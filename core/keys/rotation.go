package keys

import (
	"slices"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// RotationPolicy says when a key is rotated by itself: at EffectiveAt, and then
// again after each interval.
type RotationPolicy struct {
	Days              int // of the interval; either these or Months
	Months            int
	EffectiveAt       time.Time
	DeactivateRotated bool // the old key is deactivated
	Copies            RotatedCopies
}

// RotatedCopies tells which copies of a key get the new material with it.
type RotatedCopies struct {
	AllExternal bool // those in groups whose keys are elsewhere
	Select      []id.Key
}

// None reports whether no copies are meant.
func (c RotatedCopies) None() bool { return !c.AllExternal && len(c.Select) == 0 }

// Means reports whether copy k is meant, which is external or not.
func (c RotatedCopies) Means(k id.Key, external bool) bool {
	return c.AllExternal && external || slices.Contains(c.Select, k)
}

// MaxRotationDays and MaxRotationMonths bound an interval: about a century.
const (
	MaxRotationDays   = 36_525
	MaxRotationMonths = 1_200
)

// Checked reports what is wrong with p as it is given at now, and returns it
// with its beginning filled in: one interval from now unless it is given.
func (p RotationPolicy) Checked(now time.Time) (RotationPolicy, error) {
	switch {
	case (p.Days == 0) == (p.Months == 0):
		return p, fault.New(fault.Invalid, "rotation_policy needs one of interval_days and interval_months")
	case p.Days < 0 || p.Days > MaxRotationDays || p.Months < 0 || p.Months > MaxRotationMonths:
		return p, fault.New(fault.Invalid, "the interval of rotation_policy must be 1 to %d days or 1 to %d months", MaxRotationDays, MaxRotationMonths)
	}
	if p.EffectiveAt.IsZero() {
		p.EffectiveAt = p.after(now.Truncate(time.Second), 1)
	}
	return p, nil
}

// endOfTime is the last moment that a schedule tells.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// after returns the time n intervals after t.
func (p RotationPolicy) after(t time.Time, n int) time.Time {
	next := t.AddDate(0, 0, n*p.Days)
	if p.Months != 0 { // the last day of a shorter month, not the first ones of the month after it
		next = time.Date(t.Year(), t.Month()+time.Month(n*p.Months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		last := next.AddDate(0, 1, -1).Day()
		next = next.AddDate(0, 0, min(t.Day(), last)-1)
	}
	if next.After(endOfTime) {
		return endOfTime
	}
	return next
}

// Next returns the first rotation after now; zero without a policy.
func (p *RotationPolicy) Next(now time.Time) time.Time {
	if p == nil || p.Days <= 0 && p.Months <= 0 {
		return time.Time{}
	}
	start := p.EffectiveAt.UTC()
	if start.After(now) {
		return start
	}
	n := 1 // about as many intervals as have passed, and not more
	if p.Days > 0 {
		n = max(n, int(now.Sub(start).Hours()/24)/p.Days)
	} else {
		n = max(n, ((now.Year()-start.Year())*12+int(now.Month())-int(start.Month())-1)/p.Months)
	}
	for {
		if next := p.after(start, n); next.After(now) || !next.Before(endOfTime) {
			return next
		}
		n++
	}
}

// Equal reports whether two policies say the same.
func (p *RotationPolicy) Equal(q *RotationPolicy) bool {
	if p == nil || q == nil {
		return p == q
	}
	return p.Days == q.Days && p.Months == q.Months && p.EffectiveAt.Equal(q.EffectiveAt) &&
		p.DeactivateRotated == q.DeactivateRotated && p.Copies.AllExternal == q.Copies.AllExternal &&
		slices.Equal(p.Copies.Select, q.Copies.Select)
}

// clone returns a copy that shares nothing.
func (p *RotationPolicy) clone() *RotationPolicy {
	if p == nil {
		return nil
	}
	c := *p
	c.Copies.Select = slices.Clone(p.Copies.Select)
	return &c
}

// rotatedAt is how the time stands in the name of a rotated key.
const (
	rotatedAt     = "20060102T150405Z"
	rotatedAtFine = "20060102T150405.000000Z"
)

// RotatedName returns the name that a key of this name has after it was rotated
// at now. Fine tells keys apart that were rotated within one second.
func RotatedName(name string, now time.Time, fine bool) string {
	layout := rotatedAt
	if fine {
		layout = rotatedAtFine
	}
	return name + " (rotated at " + now.UTC().Format(layout) + ")"
}
