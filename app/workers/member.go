package workers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/ports/token"
)

// A member is the place of one worker: when that cannot be mended, another
// process takes it.
type member struct {
	slot   *Slot
	number int
	ailing chan error // why it may not serve; one at a time
	load   atomic.Int64

	ladder healing.Ladder // of live

	mu      sync.Mutex
	worker  token.Worker // nil while there is none
	serving bool
	doubted bool      // it serves, and is being asked whether it does
	since   time.Time // it has been serving, or not
	why     error     // it does not serve
	anew    time.Time // it was last told to look anew by a client's call alone
	starts  int
	steps   map[healing.Step]int
	calls   calls
	told    hsm.Sessions // by the worker, when it was last asked
}

// live mends the member whenever it ails, until ctx ends; then it closes the worker.
func (m *member) live(ctx context.Context) {
	defer m.end()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-m.ailing:
			m.mend(ctx, err)
		}
	}
}

// end closes the worker, or kills it when that takes too long.
func (m *member) end() {
	m.mu.Lock()
	w := m.worker
	m.worker, m.serving = nil, false
	m.mu.Unlock()
	if w == nil {
		return
	}
	m.slot.end(w)
}

// mend asks the worker, and takes steps until it serves, the PIN is refused or
// ctx ends.
func (m *member) mend(ctx context.Context, err error) {
	if errors.Is(err, errBehind) && m.take(ctx, healing.NewLibrary) == nil || m.asked(ctx, &err) {
		m.sure()
		return
	}
	m.ladder = m.ladder.Fails(m.out(err))
	for ctx.Err() == nil {
		if m.slot.refusal() != nil {
			return // for good
		}
		var order healing.Order
		var ok bool
		if m.ladder, order, ok = m.ladder.Climb(err, m.slot.cfg.Jitter()); !ok {
			m.slot.refuse(err)
			return
		}
		if !wait(ctx, order.After) {
			return
		}
		if err = m.take(ctx, order.Step); err == nil {
			err = m.check(ctx)
		}
		if err == nil {
			m.ladder = m.ladder.Serves()
			m.in(order.Step)
			return
		}
		if ctx.Err() != nil {
			return
		}
		m.slot.log.Warn("healing step did not help", slog.Int("worker", m.number),
			slog.String("step", order.Step.String()), slog.Any("error", err))
		m.is(err)
	}
}

// asked reports whether a worker that is suspected serves all the same; when
// not, err becomes what it says.
func (m *member) asked(ctx context.Context, err *error) bool {
	m.mu.Lock()
	askable := m.worker != nil && m.serving
	m.mu.Unlock()
	if !askable {
		return false
	}
	answer := m.check(ctx)
	if answer == nil {
		return true
	}
	*err = answer
	return false
}

// turn is how long a step waits for one that another member takes.
const turn = 2 * time.Second

// take takes a step. The members of a slot take theirs one after the other: there
// are tokens that a login leaves without their PIN for a moment, and libraries
// that must not begin at the same time. A step that hangs holds up nobody for long. But
// a worker that is to be replaced is killed at once: frozen, it may hold what the one
// that starts now waits for, as SoftHSM2's lock of a token's files.
func (m *member) take(ctx context.Context, step healing.Step) error {
	if step == healing.NewWorker {
		m.kill()
	}
	ctx, cancel := context.WithTimeout(ctx, m.slot.cfg.Deadlines.Heal)
	defer cancel()
	timer := time.NewTimer(turn)
	defer timer.Stop()
	select {
	case m.slot.steps <- struct{}{}:
		defer func() { <-m.slot.steps }()
	case <-timer.C:
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "another worker is being healed").Because(fault.TimedOut)
	}
	if err := m.slot.refusal(); err != nil {
		return err // another has learnt it meanwhile
	}
	m.mu.Lock()
	w := m.worker
	if w == nil {
		step = healing.NewWorker
	}
	m.count(step, 1)
	m.mu.Unlock()
	if step != healing.NewWorker {
		return m.slot.heeds(w.Heal(ctx, step))
	}
	fresh, err := m.slot.cfg.Start(ctx, m.slot.number, m.slot.pin, m.slot.who)
	if err != nil {
		return m.slot.heeds(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.worker = fresh
	m.starts++
	return nil
}

// kill ends the worker's process: its calls under way fail.
func (m *member) kill() {
	m.mu.Lock()
	w := m.worker
	m.worker, m.told = nil, hsm.Sessions{}
	m.mu.Unlock()
	if w != nil {
		w.Kill()
	}
}

// check asks the worker whether it serves. A worker whose check does not end is
// as good as dead, unless a change of the token that takes long may hold it up.
func (m *member) check(ctx context.Context) error {
	m.mu.Lock()
	w, patience := m.worker, m.slot.cfg.Deadlines.Check
	if m.calls.under(change) {
		patience = m.slot.cfg.Deadlines.Change
	}
	m.mu.Unlock()
	if w == nil {
		return errGone()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	info, err := w.Check(ctx)
	if err == nil {
		m.tells(w, info.Sessions)
	}
	return err
}

// tells notes what a worker tells of its sessions, if it is still the one: what it
// mended by itself were steps, too.
func (m *member) tells(w token.Worker, s hsm.Sessions) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.worker != w || s.Renewed < m.told.Renewed || s.Logins < m.told.Logins { // an answer that comes late
		return
	}
	m.count(healing.NewSession, int(s.Renewed-m.told.Renewed))
	m.count(healing.NewLogin, int(s.Logins-m.told.Logins))
	m.told = s
}

// count counts steps. The caller holds m.mu.
func (m *member) count(step healing.Step, n int) {
	if n == 0 {
		return
	}
	if m.steps == nil {
		m.steps = map[healing.Step]int{}
	}
	m.steps[step] += n
}

// suspect has the worker asked, if it is still the one, before it gets more to do.
func (m *member) suspect(w token.Worker, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.worker != w || !m.serving || m.doubted {
		return
	}
	m.doubted = true
	m.ailing <- err // has room: it is not doubted twice
}

// seldom is how often clients may have a worker look at its token anew: keys that
// are several for good must not hold up all others.
const seldom = time.Minute

// looksAnew has the worker look at its token anew, unless it has done so lately.
func (m *member) looksAnew(w token.Worker) bool {
	now := m.slot.cfg.Now()
	m.mu.Lock()
	may := m.anew.IsZero() || now.Sub(m.anew) >= seldom
	if may {
		m.anew = now
	}
	m.mu.Unlock()
	if may {
		m.suspect(w, errBehind)
	}
	return may
}

// current returns the worker; nil while there is none.
func (m *member) current() token.Worker {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.worker
}

// sure ends the doubt.
func (m *member) sure() {
	m.mu.Lock()
	m.doubted = false
	m.mu.Unlock()
	m.slot.judge(m.slot.cfg.Now(), nil)
}

// out takes the member out of service, and returns how long it had served.
func (m *member) out(err error) time.Duration {
	now := m.slot.cfg.Now()
	m.mu.Lock()
	served := time.Duration(0)
	if m.serving {
		served = now.Sub(m.since)
		m.since = now
		m.slot.log.Warn("worker does not serve", slog.Int("worker", m.number), slog.Any("error", err))
	}
	m.serving, m.doubted, m.why = false, false, err
	m.mu.Unlock()
	m.slot.judge(now, err)
	return served
}

// in puts the member into service.
func (m *member) in(step healing.Step) {
	now := m.slot.cfg.Now()
	m.mu.Lock()
	m.serving, m.doubted, m.why, m.since = true, false, nil, now
	m.mu.Unlock()
	m.slot.log.Info("worker serves", slog.Int("worker", m.number), slog.String("step", step.String()))
	m.slot.judge(now, nil)
}

// is records why the member does not serve.
func (m *member) is(err error) {
	m.mu.Lock()
	m.why = err
	m.mu.Unlock()
	m.slot.judge(m.slot.cfg.Now(), err)
}

func (m *member) status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Status{
		Serving: m.serving, Since: m.since, Why: m.why, Calls: int(m.load.Load()),
		Starts: m.starts, Steps: maps.Clone(m.steps), Sessions: m.told.Open,
	}
}

// wait reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// errBehind says that a worker does not see what another has made.
var errBehind = errors.New("the library shows the token as it was")

func errGone() error { return fault.New(fault.Unavailable, "the worker process has ended") }
