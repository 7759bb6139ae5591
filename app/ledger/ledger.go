// Package ledger writes the audit log for the use cases: one call decides
// nothing and hides nothing, it wraps what is done so that it cannot be done
// unrecorded. It fails closed: what cannot be recorded is not done, or its
// result is not released. Safe for concurrent use.
package ledger

import (
	"context"
	"time"

	"gatehouse/core/access"
	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/id"
	"gatehouse/ports/store"
)

// RecordWithin bounds how long an outcome waits to be recorded. It does not
// depend on the requester's patience: the outcome is recorded even when the
// requester has gone away.
const RecordWithin = 30 * time.Second

// Ledger appends to the audit log.
type Ledger struct {
	store store.Audit
	now   func() time.Time
	newID func() string
}

// New returns a ledger over s.
func New(s store.Audit, now func() time.Time, newID func() string) *Ledger {
	return &Ledger{store: s, now: now, newID: newID}
}

// Entry says who does what to what.
type Entry struct {
	Caller access.Caller
	Action string
	Object string
	Group  id.Group
	About  string // what else takes part, such as the key that wraps Object

	HighVolume bool // successful uses are not recorded: the key's HIGHVOLUME asks for that

	correlation string // of the change that the entry was given to
}

// Change records the intent, runs do, and records the outcome. Do sets what it
// learns, such as the new key's id, on the entry that it is given.
func (l *Ledger) Change(ctx context.Context, e Entry, do func(*Entry) error) error {
	correlation := l.newID()
	if err := l.append(ctx, e, correlation, audit.Begun, ""); err != nil {
		return err
	}
	e.correlation = correlation
	return l.conclude(ctx, e, correlation, do(&e))
}

// Note is one of the many things that a change comes upon.
type Note struct{ Action, Object, Detail string }

// Notes records what the change that e was given to has come upon, all at once
// and before anything is made of it. It returns why that was not recorded.
func (l *Ledger) Notes(ctx context.Context, e Entry, notes []Note) error {
	if len(notes) == 0 {
		return nil
	}
	at, records := l.now(), make([]audit.Record, len(notes))
	for i, n := range notes {
		records[i] = audit.Record{
			At: at, Correlation: e.correlation, Account: e.Caller.Account, Actor: e.Caller.Principal,
			Action: n.Action, Object: n.Object, Group: e.Group, Outcome: audit.Done, Detail: n.Detail,
		}
	}
	return unwritten(l.store.AppendAudit(ctx, records...))
}

// Use runs do and records its outcome before the result may be released:
// a use of a key leaves nothing behind that a lost record could hide.
func (l *Ledger) Use(ctx context.Context, e Entry, do func(*Entry) error) error {
	err := do(&e)
	if err == nil && e.HighVolume {
		return nil
	}
	return l.conclude(ctx, e, l.newID(), err)
}

// Refused records what was refused before. It returns why that was not recorded.
func (l *Ledger) Refused(ctx context.Context, e Entry, refusal error) error {
	outcome, detail := outcomeOf(refusal)
	return l.append(ctx, e, l.newID(), outcome, detail)
}

// Noted records what the service has found out by itself. It returns why that
// was not recorded.
func (l *Ledger) Noted(ctx context.Context, e Entry, detail string) error {
	return l.append(ctx, e, l.newID(), audit.Done, detail)
}

// conclude records how it ended, and returns err, or why that was not recorded.
func (l *Ledger) conclude(ctx context.Context, e Entry, correlation string, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RecordWithin)
	defer cancel()
	outcome, detail := outcomeOf(err)
	if recordErr := l.append(ctx, e, correlation, outcome, detail); recordErr != nil && err == nil {
		return recordErr
	}
	return err
}

func (l *Ledger) append(ctx context.Context, e Entry, correlation string, o audit.Outcome, detail string) error {
	err := l.store.AppendAudit(ctx, audit.Record{
		At: l.now(), Correlation: correlation, Account: e.Caller.Account, Actor: e.Caller.Principal,
		Action: e.Action, Object: e.Object, Group: e.Group, Outcome: o, Detail: e.detail(detail),
	})
	return unwritten(err)
}

func unwritten(err error) error {
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the audit log cannot be written, so that nothing may be done")
	}
	return nil
}

// detail is what a record tells beside what it is about.
func (e Entry) detail(more string) string {
	if e.About != "" && more != "" {
		return e.About + ": " + more
	}
	return e.About + more
}

func outcomeOf(err error) (audit.Outcome, string) {
	if err == nil {
		return audit.Done, ""
	}
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.Internal, fault.Exhausted:
		return audit.Failed, fault.Message(err)
	default:
		return audit.Refused, fault.Message(err)
	}
}
