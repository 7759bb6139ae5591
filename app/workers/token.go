package workers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// How often a call is made in all when it fails on the HSM's side: less often
// when it ended workers, for it may be what ends them.
const (
	attempts = 3
	endings  = 2
)

// records are spare ones.
var records = sync.Pool{New: func() any { return new(underWay) }}

// do makes one call to a worker, under the eye of the watch.
func do[T any](m *member, w token.Worker, c class, f func(token.Worker) (T, error)) (T, error) {
	r, ok := records.Get().(*underWay)
	if !ok {
		r = new(underWay)
	}
	r.class, r.began = c, m.slot.cfg.Now()
	m.load.Add(1)
	m.mu.Lock()
	m.calls.begin(r)
	m.mu.Unlock()
	v, err := f(w)
	m.mu.Lock()
	m.calls.end(r)
	m.mu.Unlock()
	m.load.Add(-1)
	records.Put(r)
	if err != nil && errors.Is(err, fault.Unavailable) {
		m.suspect(w, err)
		if ended(err) {
			err = fault.Wrap(fault.Unavailable, errors.Join(errEnded, err), "the HSM's library ended during the call").Because(fault.LibraryDown)
		}
	}
	return v, err
}

// ended reports whether err tells that the worker broke, which gives no reason.
func ended(err error) bool {
	return fault.ReasonOf(err) == fault.Unspecified && !errors.Is(err, fault.Untried)
}

// errEnded is in the errors of calls whose worker broke.
var errEnded = errors.New("the worker broke")

// repeated makes a call that changes nothing until a worker answers it: within
// ctx's deadline, and a few times.
func repeated[T any](ctx context.Context, s *Slot, c class, f func(token.Worker) (T, error)) (v T, err error) {
	if err := s.enter(); err != nil {
		return v, err
	}
	defer s.calls.Done()
	var last *member
	broken := 0
	for n := 1; ; n++ {
		m, w, down := s.await(ctx, c, last)
		if down != nil {
			return v, down
		}
		if v, err = do(m, w, c, f); err == nil {
			return v, nil
		}
		if errors.Is(err, errEnded) {
			broken++
		}
		switch {
		case c == operate && (errors.Is(err, fault.NotFound) || errors.Is(err, fault.Conflict)):
			return ahead(ctx, m, w, c, f, err)
		case errors.Is(err, fault.Internal) && n > 1, !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.Internal),
			errors.As(err, new(final)), n == attempts, broken == endings, ctx.Err() != nil:
			return v, err
		}
		last = m
	}
}

// once makes a call that may change the token: again only when it was not tried,
// or when it failed as one of kinds, which says of f that it has changed nothing.
func once[T any](ctx context.Context, s *Slot, f func(token.Worker) (T, error), kinds ...fault.Kind) (v T, err error) {
	if err := s.enter(); err != nil {
		return v, err
	}
	defer s.calls.Done()
	for n := 1; ; n++ {
		m, w, down := s.await(ctx, change, nil)
		if down != nil {
			return v, down
		}
		v, err = do(m, w, change, f)
		if errors.Is(err, fault.NotFound) || err != nil && slices.Contains(kinds, fault.KindOf(err)) {
			if v, err = ahead(ctx, m, w, change, f, err); errors.Is(err, fault.NotFound) && s.isEmptied(ctx) {
				err = errEmptied()
			}
			return v, err
		}
		if err == nil || !errors.Is(err, fault.Untried) || n == attempts {
			return v, err
		}
	}
}

// ahead makes a call that a member behind did not find the key for, or several
// keys, with the other ones: some libraries do not see, or not at once, what another
// process has made, and it is not always the same member that changes the token. Of
// SoftHSM2 both are known, see docs/faults.md. When another one finds the key, the
// one behind has to look anew. A member that is alone looks again, for several keys
// anew, now and then.
func ahead[T any](ctx context.Context, behind *member, w token.Worker, c class, f func(token.Worker) (T, error), found error) (v T, err error) {
	s := behind.slot
	others := s.others(ctx, behind)
	for _, other := range others {
		v, err = do(other.member, other.worker, c, f)
		if err != nil && fault.KindOf(err) == fault.KindOf(found) {
			continue
		}
		if err == nil {
			s.log.Info("worker does not see a key as it is there", slog.Int("worker", behind.number))
			behind.suspect(behind.current(), errBehind)
		}
		return v, err
	}
	switch {
	case len(others) > 0:
		return v, err
	case errors.Is(found, fault.Conflict) && behind.looksAnew(w):
		if m, now, down := s.await(ctx, c, nil); down == nil {
			return do(m, now, c, f)
		}
	}
	return do(behind, w, c, f)
}

// Check asks the workers that serve, and tells what the token is.
func (s *Slot) Check(ctx context.Context) (hsm.Info, error) {
	if err := s.enter(); err != nil {
		return hsm.Info{}, err
	}
	defer s.calls.Done()
	for _, m := range s.members[1:] { // nobody else may be using them
		m.mu.Lock()
		w, serving := m.worker, m.serving
		m.mu.Unlock()
		if w != nil && serving {
			s.ended.Go(func() { // in its own time: who asks is answered by the first one
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Deadlines.Check)
				defer cancel()
				_, _ = do(m, w, ask, func(w token.Worker) (hsm.Info, error) { return s.asks(ctx, w) }) // an error makes it suspect
			})
		}
	}
	info, err := repeated(ctx, s, ask, func(w token.Worker) (hsm.Info, error) { return s.asks(ctx, w) })
	if err != nil || !s.keys.emptied.Load() {
		return info, err
	}
	if held, err := s.holdsKeys(ctx); err != nil {
		return hsm.Info{}, err
	} else if !held {
		return hsm.Info{}, errEmptied()
	}
	s.refilled()
	return info, nil
}

// asks asks one of the workers, and notes what it tells of its sessions.
func (s *Slot) asks(ctx context.Context, w token.Worker) (hsm.Info, error) {
	info, err := w.Check(ctx)
	if err == nil {
		for _, m := range s.members {
			m.tells(w, info.Sessions)
		}
	}
	return info, err
}

// Inventory yields the objects in the slot. Afresh, a worker is started for it; when
// that finds something, those that serve look at the token anew before they do more.
func (s *Slot) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	if f.Afresh {
		return s.afresh(ctx, hsm.Filter{ID: f.ID}, yield)
	}
	yielded := false
	_, err := repeated(ctx, s, search, func(w token.Worker) (struct{}, error) {
		err := w.Inventory(ctx, f, func(o hsm.Object) error {
			yielded = true
			return yield(o)
		})
		if err != nil && yielded {
			err = final{err}
		}
		return struct{}{}, err
	})
	if f := new(final); errors.As(err, f) {
		return f.error
	}
	return err
}

// final wraps the error of a call that must not be repeated.
type final struct{ error }

// Unwrap returns the error.
func (f final) Unwrap() error { return f.error }

// Generate makes a key.
func (s *Slot) Generate(ctx context.Context, t hsm.Template) (hsm.Object, error) {
	return once(ctx, s, func(w token.Worker) (hsm.Object, error) { return w.Generate(ctx, t) })
}

// Import puts a key into the token.
func (s *Slot) Import(ctx context.Context, t hsm.Template, material secret.Value) (hsm.Object, error) {
	return once(ctx, s, func(w token.Worker) (hsm.Object, error) { return w.Import(ctx, t, material) })
}

// Unwrap makes a key of a wrapped one.
func (s *Slot) Unwrap(ctx context.Context, with hsm.Ref, t hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	return once(ctx, s, func(w token.Worker) (hsm.Object, error) { return w.Unwrap(ctx, with, t, u) })
}

// Derive makes a key from another one.
func (s *Slot) Derive(ctx context.Context, base hsm.Ref, t hsm.Template, d operations.Operation) (hsm.Object, error) {
	return once(ctx, s, func(w token.Worker) (hsm.Object, error) { return w.Derive(ctx, base, t, d) })
}

// Operate does op with a key.
func (s *Slot) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	return s.operate(ctx, func(ctx context.Context, w token.Worker) (operations.Result, error) { return w.Operate(ctx, ref, op) })
}

// Wrap returns a key encrypted with another one.
func (s *Slot) Wrap(ctx context.Context, with, subject hsm.Ref, o operations.Wrap) (operations.Result, error) {
	return s.operate(ctx, func(ctx context.Context, w token.Worker) (operations.Result, error) {
		return w.Wrap(ctx, with, subject, o)
	})
}

// operate makes a call that uses keys and changes nothing.
func (s *Slot) operate(ctx context.Context, f func(context.Context, token.Worker) (operations.Result, error)) (operations.Result, error) {
	// Each call is followed to its end, for one that hangs has to be seen to.
	unending := context.WithoutCancel(ctx)
	call := func(w token.Worker) (operations.Result, error) { return f(unending, w) }
	if ctx.Done() == nil { // who waits is answered in time by somebody else
		return s.use(ctx, call)
	}
	type outcome struct {
		r   operations.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := s.use(ctx, call)
		done <- outcome{r, err}
	}()
	select {
	case o := <-done:
		return o.r, o.err
	case <-ctx.Done():
		return operations.Result{}, fault.Wrap(fault.Unavailable, ctx.Err(), "the HSM did not answer in time").Because(fault.TimedOut)
	}
}

// Update changes attributes of a key.
func (s *Slot) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	_, err := once(ctx, s, func(w token.Worker) (struct{}, error) { return struct{}{}, w.Update(ctx, ref, c) }, fault.Conflict)
	return err
}

// Destroy removes a key.
func (s *Slot) Destroy(ctx context.Context, ref hsm.Ref) error {
	err := s.keys.destroy(func() error {
		_, err := once(ctx, s, func(w token.Worker) (struct{}, error) { return struct{}{}, w.Destroy(ctx, ref) }, fault.Conflict)
		return err
	})
	if errors.Is(err, fault.NotFound) && s.isEmptied(ctx) {
		return errEmptied()
	}
	return err
}
