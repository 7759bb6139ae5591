package slotkeys

import (
	"context"
	"time"

	"gatehouse/core/failover"
	"gatehouse/core/groups"
)

// persist is try for what can be repeated: when every connection has failed on
// the server's side, and not for long yet, it goes round again after a pause.
// Behind a load balancer, or once a gateway has healed, the next round succeeds.
func (b *Backend) persist(ctx context.Context, g groups.Group, c call) error {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	for rounds := 0; ; rounds++ {
		err := b.try(ctx, g, c)
		pause, worth := failover.Again(err, rounds)
		if !worth || !b.hopeful(g) {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// hopeful reports whether one of the group's connections works, or has worked
// just now.
func (b *Backend) hopeful(g groups.Group) bool {
	now := b.cfg.Now()
	for _, s := range b.Statuses(g) {
		if s.State != NotConnected || now.Sub(s.Since) < failover.Lasting {
			return true
		}
	}
	return false
}
