package sqlstore

import (
	"context"
	"fmt"
)

// LimitPages makes the database's disk full beyond that many pages of 4 KiB,
// counted from now; a negative number takes the limit away.
func LimitPages(ctx context.Context, s *Store, more int64) error {
	free, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer free()
	limit := int64(1 << 30)
	if more >= 0 {
		if err := s.writer.GetContext(ctx, &limit, "PRAGMA page_count"); err != nil {
			return err
		}
		limit += more
	}
	_, err = s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", limit))
	return err
}

// AuditWaiting returns how many calls of AppendAudit wait to be taken.
func AuditWaiting(s *Store) int {
	s.audit.mu.Lock()
	defer s.audit.mu.Unlock()
	return len(s.audit.waiting)
}
