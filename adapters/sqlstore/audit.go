package sqlstore

import (
	"context"

	"gatehouse/core/audit"
)

// AppendAudit links records to the chain, together with those of everyone who
// waits at the same time.
func (s *Store) AppendAudit(ctx context.Context, records ...audit.Record) error {
	return s.audit.append(ctx, records)
}

// auditPage is how many records EachAudit reads at a time.
const auditPage = 1000

// EachAudit yields the records from number from on.
func (s *Store) EachAudit(ctx context.Context, from int64, yield func(audit.Record) error) error {
	for {
		var rows []auditRow
		err := s.look(ctx, func(c conn) error {
			return c.all(ctx, &rows, "SELECT "+auditColumns+" FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?", from, auditPage)
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			r, err := row.record()
			if err != nil {
				return err
			}
			if err := yield(r); err != nil {
				return err
			}
			from = r.Seq + 1
		}
		if len(rows) < auditPage {
			return nil
		}
	}
}

// AuditHead returns the end of the chain.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	err := s.look(ctx, func(c conn) (err error) {
		h, err = c.auditHead(ctx)
		return err
	})
	return h, err
}
