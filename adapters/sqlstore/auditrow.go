package sqlstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"strings"

	"gatehouse/core/audit"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// auditColumns are the columns of auditRow.
const auditColumns = "seq, at, correlation, account_id, actor_kind, actor_id, action, object, group_id, " +
	"outcome, detail, prev, hash"

// auditRow is a row of the table audit. Its time is never NULL: the chain
// covers every one, the zero time too.
type auditRow struct {
	Seq         int64            `db:"seq"`
	At          int64            `db:"at"`
	Correlation string           `db:"correlation"`
	Account     id.Account       `db:"account_id"`
	ActorKind   id.PrincipalKind `db:"actor_kind"`
	ActorID     string           `db:"actor_id"`
	Action      string           `db:"action"`
	Object      string           `db:"object"`
	Group       id.Group         `db:"group_id"`
	Outcome     audit.Outcome    `db:"outcome"`
	Detail      string           `db:"detail"`
	Prev        []byte           `db:"prev"`
	Hash        []byte           `db:"hash"`
}

func (r auditRow) record() (audit.Record, error) {
	if len(r.Prev) != sha256.Size || len(r.Hash) != sha256.Size {
		return audit.Record{}, damaged(errors.Join(audit.Changed, errHashLength), "audit record", strconv.FormatInt(r.Seq, 10))
	}
	return audit.Record{
		Seq: r.Seq, At: ofMicro(r.At).Time, Correlation: r.Correlation, Account: r.Account,
		Actor:  id.Principal{Kind: r.ActorKind, ID: r.ActorID},
		Action: r.Action, Object: r.Object, Group: r.Group, Outcome: r.Outcome, Detail: r.Detail,
		Prev: [sha256.Size]byte(r.Prev), Hash: [sha256.Size]byte(r.Hash),
	}, nil
}

var errHashLength = errors.New("a hash has another length")

const (
	auditWidth = 13 // columns of auditRow
	auditRows  = 32 // records of one statement: more gain nothing
)

// insertRecords stores linked records, several with one statement.
func (c conn) insertRecords(ctx context.Context, records []audit.Record) error {
	for len(records) > 0 {
		n := min(len(records), auditRows)
		args := make([]any, 0, n*auditWidth)
		for i := range records[:n] {
			r := &records[i]
			args = append(args, r.Seq, r.At.UnixMicro(), r.Correlation, string(r.Account), string(r.Actor.Kind), r.Actor.ID,
				r.Action, r.Object, string(r.Group), string(r.Outcome), r.Detail, r.Prev[:], r.Hash[:])
		}
		one := "(" + strings.TrimSuffix(strings.Repeat("?, ", auditWidth), ", ") + ")"
		_, err := c.exec(ctx, "INSERT INTO audit ("+auditColumns+") VALUES "+one+strings.Repeat(", "+one, n-1), args...)
		if errors.Is(err, taken) {
			return fault.Wrap(fault.Internal, err, "the audit log goes on beyond its head")
		}
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// headRow is the row of the table audit_head.
type headRow struct {
	Seq  int64  `db:"seq"`
	Hash []byte `db:"hash"`
}

func (c conn) auditHead(ctx context.Context) (audit.Head, error) {
	var row headRow
	missing := fault.New(fault.Internal, "the head of the audit log is missing")
	if err := c.one(ctx, &row, missing, "SELECT seq, hash FROM audit_head"); err != nil {
		return audit.Head{}, err
	}
	if len(row.Hash) != sha256.Size {
		return audit.Head{}, damaged(errHashLength, "the audit log's head", strconv.FormatInt(row.Seq, 10))
	}
	return audit.Head{Seq: row.Seq, Hash: [sha256.Size]byte(row.Hash)}, nil
}

func (c conn) moveAuditHead(ctx context.Context, h audit.Head) error {
	return c.must(ctx, fault.New(fault.Internal, "the head of the audit log is missing"),
		"UPDATE audit_head SET seq = ?, hash = ?", h.Seq, h.Hash[:])
}
