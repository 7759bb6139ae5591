// Package workers keeps the workers of one slot alive, and makes of them one
// token that outlives each of them.
//
// It guarantees that an operation which is safe to repeat is repeated on
// another worker, or on a healed one, within the request's deadline; that
// nothing that may have changed the token is ever repeated; that a worker whose
// call outlives its class's deadline is killed; and that a PIN which the token
// has refused is not presented again. The steps it takes, and when, are
// decided by core/healing. It is used by app/assembly in the gateway. All
// methods may be called at once.
package workers

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Config is what a Slot needs.
type Config struct {
	// Start starts a worker and logs in to the slot: once, with this PIN, and
	// only if the token in it is the one expected, where there is one. Errors are
	// those of token.Token; fault.TokenGone for another token.
	Start func(ctx context.Context, slot uint, pin secret.Value, expected Identity) (token.Worker, error)
	Now   func() time.Time
	// Jitter returns a number in [0,1).
	Jitter func() float64
	Log    *slog.Logger

	Workers   int // 0 means 1
	Deadlines Deadlines
}

// Identity tells one token from another. The zero Identity is any token.
type Identity struct{ Label, Serial, Manufacturer string }

// IdentityOf returns who a token says it is.
func IdentityOf(i hsm.Info) Identity { return Identity{i.Label, i.Serial, i.Manufacturer} }

// Deadlines are how long the calls of a class may take before the worker is
// given up. A request's own deadline is often nearer: it is answered then, and
// the call goes on.
type Deadlines struct {
	Operate time.Duration // 0 means 10 s
	Doubt   time.Duration // for an operation, after which the worker is asked whether it serves; 0 means 1 s
	Check   time.Duration // 0 means 3 s
	Search  time.Duration // inventories; 0 means 2 min
	Change  time.Duration // generate, import, update, destroy; 0 means 5 min
	Heal    time.Duration // a step of the ladder, and starting a worker; 0 means 30 s
	Repair  time.Duration // how long calls wait for a slot without any worker that serves; 0 means 3 s
}

// WithDefaults returns the deadlines with those that are 0 filled in.
func (d Deadlines) WithDefaults() Deadlines {
	d.Operate = cmp.Or(d.Operate, 10*time.Second)
	d.Doubt = cmp.Or(d.Doubt, time.Second)
	d.Check = cmp.Or(d.Check, 3*time.Second)
	d.Search = cmp.Or(d.Search, 2*time.Minute)
	d.Change = cmp.Or(d.Change, 5*time.Minute)
	d.Heal = cmp.Or(d.Heal, 30*time.Second)
	d.Repair = cmp.Or(d.Repair, 3*time.Second)
	return d
}

func (c Config) withDefaults() Config {
	c.Workers = max(1, c.Workers)
	c.Deadlines = c.Deadlines.WithDefaults()
	return c
}

// Slot is a logged-in slot with its workers.
type Slot struct {
	cfg    Config
	number uint
	pin    secret.Value
	who    Identity // the token that was there at first
	log    *slog.Logger
	stop   context.CancelFunc
	ended  sync.WaitGroup // members' goroutines, and the watch
	calls  sync.WaitGroup // of clients

	members []*member
	steps   chan struct{} // holds one while a member takes a step
	keys    keyring

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, when a worker begins to serve or none will
	down    time.Time     // since when no worker serves; zero when one does
	why     error         // the last worker's that stopped serving
	refused error         // the token does not accept the PIN: it is not tried again
	closed  bool
}

var _ token.Token = (*Slot)(nil)

// Open starts the first worker of a slot and logs in with it, once. The others
// follow when the token has accepted the PIN, and are not waited for.
func Open(ctx context.Context, cfg Config, slot uint, pin secret.Value) (*Slot, error) {
	cfg = cfg.withDefaults()
	first, err := cfg.Start(ctx, slot, pin, Identity{})
	if err != nil {
		return nil, err
	}
	info, err := first.Check(ctx)
	if err != nil {
		first.Kill()
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Slot{
		cfg: cfg, number: slot, pin: pin, who: IdentityOf(info), stop: stop, changed: make(chan struct{}), steps: make(chan struct{}, 1),
		keys: keyring{looking: make(chan struct{}, 1)},
		log:  cfg.Log.With(slog.Uint64("slot", uint64(slot))),
	}
	now := cfg.Now()
	for i := range cfg.Workers {
		m := &member{slot: s, number: i, ailing: make(chan error, 1), since: now}
		if i == 0 {
			m.worker, m.serving, m.starts = first, true, 1
		} else {
			m.why = errStarting()
			m.ailing <- m.why
		}
		s.members = append(s.members, m)
	}
	for _, m := range s.members {
		s.ended.Go(func() { m.live(background) })
	}
	s.ended.Go(func() { s.watch(background) })
	return s, nil
}

// afresh is Inventory by a worker that is started for it, and ended after it. It is
// not repeated. The members serve meanwhile.
func (s *Slot) afresh(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	w, err := s.scout(ctx)
	if err != nil {
		return err
	}
	defer s.end(w)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Deadlines.Search)
	defer cancel()
	found := false
	err = w.Inventory(ctx, f, func(o hsm.Object) error {
		found = true
		return yield(o)
	})
	if found {
		for _, m := range s.members {
			m.suspect(m.current(), errBehind)
		}
	}
	return err
}

// scout starts a worker that is no member: in its turn, as when members are healed.
func (s *Slot) scout(ctx context.Context) (token.Worker, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Deadlines.Heal)
	defer cancel()
	select {
	case s.steps <- struct{}{}:
		defer func() { <-s.steps }()
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "the HSM did not answer in time").Because(fault.TimedOut).Untried()
	}
	if err := s.refusal(); err != nil {
		return nil, err
	}
	w, err := s.cfg.Start(ctx, s.number, s.pin, s.who)
	if healing.Refused(err) {
		s.refuse(err)
	}
	return w, err
}

// end closes a worker, or kills it when that takes too long.
func (s *Slot) end(w token.Worker) {
	late := time.AfterFunc(s.cfg.Deadlines.Check, w.Kill)
	defer late.Stop()
	_ = w.Close() // nobody is left to tell
	w.Kill()
}

// Close waits for the calls under way and ends the workers.
func (s *Slot) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.changes()
	s.mu.Unlock()
	s.calls.Wait()
	if !first {
		return nil
	}
	s.stop()
	s.ended.Wait()
	return nil
}

// enter counts a call of a client; s.calls.Done must follow when it returns no error.
func (s *Slot) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed()
	}
	s.calls.Add(1)
	return nil
}

// changes tells those who wait for a worker to look again. The caller holds s.mu.
func (s *Slot) changes() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func errClosed() error   { return fault.New(fault.Unavailable, "the slot is closed").Untried() }
func errStarting() error { return fault.New(fault.Unavailable, "the worker is being started") }

// Status is what is known of a worker.
type Status struct {
	Serving bool
	Since   time.Time // it has been so
	Why     error     // when it does not serve
	Calls   int       // under way
	Starts  int       // processes, the first one too
	Steps   map[healing.Step]int

	Sessions int // in the token, when it was last asked
}

// Workers tells of each worker, in no meaningful order that changes.
func (s *Slot) Workers() []Status {
	list := make([]Status, len(s.members))
	for i, m := range s.members {
		list[i] = m.status()
	}
	return list
}
