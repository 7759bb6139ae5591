package sessions

import (
	"context"
	"slices"
	"strings"
	"sync"

	"gatehouse/app/ledger"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

// refusals counts refused logins of principals that exist until they are
// recorded together. So nobody can fill the log from outside, and a refusal
// takes no longer for a principal that exists than for one that does not.
type refusals struct {
	mu sync.Mutex
	of map[refused]int
}

type refused struct {
	principal id.Principal
	account   id.Account
}

func (r *refusals) count(p id.Principal, a id.Account, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[refused]int{}
	}
	r.of[refused{p, a}] += n
}

// take returns what was counted since it was last called.
func (r *refusals) take() map[refused]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.of
	r.of = nil
	return of
}

// record writes one record for each principal with refused logins. What cannot
// be recorded now is counted on.
func (r *refusals) record(ctx context.Context, l *ledger.Ledger) error {
	counted := r.take()
	all := make([]refused, 0, len(counted))
	for who := range counted {
		all = append(all, who)
	}
	slices.SortFunc(all, func(a, b refused) int { return strings.Compare(a.principal.ID, b.principal.ID) })
	for i, who := range all {
		refusal := fault.New(fault.Unauthenticated, "invalid credentials, %d times", counted[who])
		caller := access.Caller{Principal: who.principal, Account: who.account}
		err := l.Refused(ctx, ledger.Entry{Caller: caller, Action: "log in", Object: who.principal.ID}, refusal)
		if err != nil {
			for _, left := range all[i:] {
				r.count(left.principal, left.account, counted[left])
			}
			return err
		}
	}
	return nil
}
