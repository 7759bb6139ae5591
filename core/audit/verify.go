package audit

import (
	"fmt"

	"gatehouse/core/fault"
)

// Head is the end of a chain: number and hash of its last record. The zero Head
// is the end of an empty chain.
//
// A chain shows every change to who knows its head. Whoever can write to the
// whole store can make a new chain and a new head: what must stand up to that
// keeps a head elsewhere.
type Head struct {
	Seq  int64
	Hash [32]byte
}

// Damage tells how a log differs from what was appended. It is an error, so
// that errors.Is works with it.
type Damage string

// The ways in which a log can be damaged.
const (
	Missing Damage = "records are missing"
	Changed Damage = "a record is not as it was appended"
	CutTail Damage = "records at the end are missing"
)

// Error makes a Damage an error.
func (d Damage) Error() string { return string(d) }

// Verifier checks that records are a chain: begin at its head, give it record
// after record, and compare the end. It is for one goroutine.
type Verifier struct{ head Head }

// NewVerifier returns a verifier of what follows from.
func NewVerifier(from Head) *Verifier { return &Verifier{head: from} }

// Next takes the next record. Its errors are fault.Internal with a Damage; the
// check can go on after one, so that all damage of a log is found.
func (v *Verifier) Next(r Record) error {
	due := v.head
	v.head = Head{Seq: r.Seq, Hash: r.Hash}
	switch {
	case r.Seq > due.Seq+1:
		return damage(Missing, "audit log, numbers %d to %d", due.Seq+1, r.Seq-1)
	case r.Seq <= due.Seq:
		return damage(Changed, "audit log, number %d where %d is due", r.Seq, due.Seq+1)
	case r.Hash != r.digest():
		return damage(Changed, "audit log, number %d", r.Seq)
	case r.Prev != due.Hash:
		return damage(Changed, "audit log, number %d or the one before", r.Seq)
	default:
		return nil
	}
}

// End tells whether the records that Next took end at head: in a log that is in
// use, take the head first and stop at its record. Its errors are those of Next.
func (v *Verifier) End(head Head) error {
	switch {
	case v.head.Seq < head.Seq:
		return damage(CutTail, "audit log, numbers %d to %d", v.head.Seq+1, head.Seq)
	case v.head != head:
		return damage(Changed, "audit log, number %d, where the head says %d", v.head.Seq, head.Seq)
	default:
		return nil
	}
}

func damage(d Damage, format string, args ...any) error {
	return fault.Wrap(fault.Internal, d, "%s", fmt.Sprintf(format, args...))
}
