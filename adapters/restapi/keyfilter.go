package restapi

import (
	"context"
	"time"

	"gatehouse/app/keyring"
	"gatehouse/core/access"
	"gatehouse/core/fault"
	"gatehouse/core/filter"
	"gatehouse/core/id"
	"gatehouse/core/keyquery"
	"gatehouse/core/keys"
	"gatehouse/ports/store"
)

// selectedBy adds to q what filter says. Names are those that the caller may
// know of: a filter tells nothing of others.
func (s *server) selectedBy(ctx context.Context, c access.Caller, text string, q *store.KeyQuery) error {
	if text == "" {
		return nil
	}
	f, err := keyquery.Parse(text)
	if err != nil {
		return err
	}
	narrow(f, q)
	now := keyquery.Circumstances{Now: s.cfg.Now()}
	if f.Mentions(keyquery.GroupName) {
		all, err := s.Grouping.List(ctx, c)
		if err != nil {
			return err
		}
		now.Groups = map[id.Group]string{}
		for _, g := range all {
			now.Groups[g.ID] = g.Name
		}
	}
	if f.Mentions(keyquery.CreatorName) {
		if now.Creators, err = s.creatorNames(ctx, c); err != nil {
			return err
		}
	}
	q.Where = f.Where(now)
	return nil
}

// narrow lets the store look only at keys that the filter can let through,
// where an equality says so and the query does not ask for something else.
func narrow(f keyquery.Filter, q *store.KeyQuery) {
	if group := f.Demands("group_id"); q.Group == "" && id.Valid(group) {
		q.Group = id.Group(group)
	}
	if t, err := keys.ParseType(f.Demands("obj_type")); q.Type == "" && err == nil {
		q.Type = t
	}
	if name := f.Demands("name"); q.Name == "" {
		q.Name = name
	}
}

// creatorNames are the names of apps and the addresses of users.
func (s *server) creatorNames(ctx context.Context, c access.Caller) (map[id.Principal]string, error) {
	apps, err := s.Accounts.Apps(ctx, c)
	if err != nil {
		return nil, err
	}
	users, err := s.Accounts.Users(ctx, c)
	if err != nil {
		return nil, err
	}
	names := map[id.Principal]string{}
	for _, a := range apps {
		names[id.Principal{Kind: id.AppPrincipal, ID: string(a.ID)}] = a.Name
	}
	for _, u := range users {
		names[id.Principal{Kind: id.UserPrincipal, ID: string(u.ID)}] = u.Email
	}
	return names, nil
}

// startKey returns the key that start names: by its id, or by its name in a
// list that is sorted by name.
func (s *server) startKey(ctx context.Context, c access.Caller, start string, order store.KeyOrder) (id.Key, error) {
	switch {
	case start == "":
		return "", nil
	case order == store.ByNameAsc || order == store.ByNameDesc:
		k, err := s.Keyring.Find(ctx, c, keyring.Descriptor{Name: start})
		if fault.KindOf(err) == fault.NotFound {
			return "", fault.New(fault.Invalid, "start names no sobject")
		}
		return k.ID, err
	default:
		return parseID[id.Key](start, "start")
	}
}

// textField is a field of text that a list's filter can name.
func textField[T any](of func(T) string) filter.Field[T] {
	return filter.Field[T]{Kind: filter.Text, Of: func(t T) filter.Value { return filter.TextOf(of(t)) }}
}

// timeField is a time that a list's filter can name.
func timeField[T any](of func(T) time.Time) filter.Field[T] {
	return filter.Field[T]{Kind: filter.Time, Of: func(t T) filter.Value { return filter.TimeOf(of(t)) }}
}
