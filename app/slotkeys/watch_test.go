package slotkeys_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// states returns the states of the group's connections by priority.
func (p *pair) states() []slotkeys.State {
	var all []slotkeys.State
	for _, st := range p.Statuses(p.group) {
		all = append(all, st.State)
	}
	return all
}

func (p *pair) wantStates(t *testing.T, what string, want ...slotkeys.State) {
	t.Helper()
	got := p.states()
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
	}
}

// pass lets time pass for all that runs.
func pass(d time.Duration) {
	<-time.After(d) // in a bubble nobody waits for it
	synctest.Wait()
}

func TestStatesAreKeptFresh(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.wantStates(t, "before anything was checked", slotkeys.Unknown, slotkeys.Unknown)
		p.set(p.down, other, refuse)
		p.watched(t)
		p.wantStates(t, "at first", slotkeys.Connected, slotkeys.NotConnected)
		begun := time.Now()
		pass(5 * time.Minute)
		first := p.Statuses(p.group)[0]
		if age := time.Since(first.Checked); age > 11*time.Second || !first.Since.Equal(begun) {
			t.Errorf("a connection that nobody uses: checked %v ago, since %v; want 10 seconds and from the beginning", age, first.Since)
		}
		second := p.Statuses(p.group)[1]
		if age := time.Since(second.Checked); age > 16*time.Second || !second.Since.Equal(begun) || fault.ReasonOf(second.Err) != fault.Refused {
			t.Errorf("a connection that is down: %v, checked %v ago, since %v; want it probed every 15 seconds", second.Err, age, second.Since)
		}
		if got := p.dialled(other); got < 40 || got > 60 {
			t.Errorf("got %d probes in five minutes, want one a second at first and one in 15 seconds later", got)
		}
		p.set(p.down, other, nil)
		pass(16 * time.Second)
		p.wantStates(t, "once it is mended", slotkeys.Connected, slotkeys.Connected)
		if st := p.Statuses(p.group)[1]; !st.Since.After(begun) || st.Err != nil {
			t.Errorf("got since %v and %v, want since it was mended", st.Since, st.Err)
		}
	}, first, other)
}

func TestTheRepairedPreferredConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.watched(t)
		k := made(t, p.Backend, p.group)
		p.set(p.ill, first, refuse)
		if err := sign(t, p.Backend, p.group, k); err != nil {
			t.Fatal(err)
		}
		pass(20 * time.Second)
		p.wantStates(t, "while it is down", slotkeys.NotConnected, slotkeys.Connected)
		p.set(p.ill, first, nil)
		pass(time.Second)
		p.wantStates(t, "a second after it was mended", slotkeys.Connected, slotkeys.Connected)
		p.set(p.ill, other, refuse)
		if err := sign(t, p.Backend, p.group, k); err != nil || p.states()[1] != slotkeys.Connected {
			t.Errorf("got %v and %q, want the preferred connection to sign and the other one not asked", err, p.states())
		}
	}, first, other)
}

func TestAHangIsNoticedWithoutARequestThatFails(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.watched(t)
		p.set(p.ill, first, hangs)
		pass(17 * time.Second)
		p.wantStates(t, "a connection that hangs", slotkeys.NotConnected, slotkeys.Connected)
		p.set(p.ill, first, nil)
		pass(16 * time.Second)
		p.wantStates(t, "once it answers", slotkeys.Connected, slotkeys.Connected)
	}, first, other)
}

// Many groups lead to one slot of one gateway: it is probed as if it were one.
func TestGroupsThatShareASlotShareItsProbes(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.set(p.down, first, refuse)
		p.set(p.down, other, refuse)
		p.set(p.down, third, refuse)
		for i := range p.group.Connections {
			p.group.Connections[i].Address = "one.example:4442"
		}
		p.watched(t)
		pass(5 * time.Minute)
		all := p.dialled(first) + p.dialled(other) + p.dialled(third)
		if all < 40 || all > 65 {
			t.Errorf("got %d probes in five minutes, want those of one connection", all)
		}
		p.wantStates(t, "while it is down", slotkeys.NotConnected, slotkeys.NotConnected, slotkeys.NotConnected)
		for _, c := range []id.Connection{first, other, third} {
			p.set(p.down, c, nil)
		}
		pass(16 * time.Second)
		p.wantStates(t, "once it is mended", slotkeys.Connected, slotkeys.Connected, slotkeys.Connected)
	}, first, other, third)
}

func TestARefusedPINIsNeverProbed(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.group.Connections[0] = connection(t, first, 0, "0000")
		p.watched(t)
		pass(time.Hour)
		for range 20 {
			if err := asks(t.Context(), p.Backend, p.group); err != nil {
				t.Fatal(err)
			}
		}
		p.wantStates(t, "after an hour", slotkeys.NotConnected, slotkeys.Connected)
		if _, refused := p.s.Logins(); refused != 1 {
			t.Errorf("got %d logins with the wrong PIN, want one", refused)
		}
		p.group = changed(p.group, connection(t, first, 0, pin), p.group.Connections[1])
		p.Adopt(p.group)
		synctest.Wait()
		p.wantStates(t, "once the PIN is corrected", slotkeys.Connected, slotkeys.Connected)
	}, first, other)
}

// What the store remembers of a refused PIN holds for whoever starts, until it
// is taken back.
func TestARememberedRefusalHolds(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.group.Connections[0].Refusal = groups.Refusal{Reason: fault.PINLocked, At: time.Unix(1, 0)}
		p.watched(t)
		pass(time.Minute)
		st := p.Statuses(p.group)[0]
		if st.State != slotkeys.NotConnected || fault.ReasonOf(st.Err) != fault.PINLocked || !st.Since.Equal(time.Unix(1, 0)) || p.dialled(first) != 0 {
			t.Errorf("got %s, %v since %v after %d tries; want it locked since then and not tried", st.State, st.Err, st.Since, p.dialled(first))
		}
		renamed := p.group
		renamed.Version++
		p.Adopt(renamed)
		pass(time.Minute)
		if p.dialled(first) != 0 {
			t.Error("another change of the group let the PIN be tried")
		}
		p.group = changed(renamed, renamed.Connections...)
		p.group.Connections = append([]groups.Connection(nil), p.group.Connections...)
		p.group.Connections[0].Refusal = groups.Refusal{} // tested by a person, at another node
		p.Adopt(p.group)
		pass(11 * time.Second)
		p.wantStates(t, "after it was taken back", slotkeys.Connected, slotkeys.Connected)
	}, first, other)
}

// A refusal that the store could not take is brought to it again.
func TestARefusalIsRememberedInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlot()
		var told []fault.Reason
		var works atomic.Bool
		b := slotkeys.New(dial(map[id.Connection]*slot{first: s}), ring(t), slotkeys.Config{
			Now: time.Now,
			Remember: func(_ context.Context, _ id.Group, _ groups.Connection, r groups.Refusal) error {
				if !works.Load() {
					return fault.New(fault.Unavailable, "the database is out of reach")
				}
				told = append(told, r.Reason)
				return nil
			},
		})
		g := group(connection(t, first, 0, "0000"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Watch(ctx, func(context.Context) ([]groups.Group, error) { return []groups.Group{g}, nil })
		}()
		pass(3 * time.Second)
		works.Store(true)
		pass(3 * time.Second)
		if len(told) != 1 || told[0] != fault.PINIncorrect {
			t.Errorf("got %q, want the refusal remembered once", told)
		}
		s.SetPIN(secret.FromString("0000"))
		if _, err := b.Check(t.Context(), g, first); err != nil {
			t.Errorf("a person's test once the PIN is right: got %v, want it connected", err)
		}
		if len(told) != 2 || told[1] != fault.Unspecified {
			t.Errorf("got %q, want the refusal taken back", told)
		}
		if st := b.Statuses(g)[0]; st.State != slotkeys.Connected || st.Err != nil {
			t.Errorf("got %s, %v; want it connected", st.State, st.Err)
		}
		stop()
		<-ended
		b.Close()
	})
}

func TestABusyHSMIsNotHammered(t *testing.T) {
	t.Parallel()
	inPair(t, func(t *testing.T, p *pair) {
		p.set(p.down, first, busy)
		p.watched(t)
		p.set(p.ill, other, busy)
		pass(time.Minute)
		p.wantStates(t, "one that cannot be opened, and one that answers as busy", slotkeys.NotConnected, slotkeys.Connected)
		if got := p.dialled(first); got < 10 || got > 65 {
			t.Errorf("got %d attempts in a minute, want one a second at most", got)
		}
	}, first, other)
}
