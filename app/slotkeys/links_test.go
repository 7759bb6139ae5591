package slotkeys_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/adapters/softkeys"
	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/core/hsm"
	"gatehouse/core/id"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
	"gatehouse/simulators/tokensim"
)

// bubble returns a backend for a test in a bubble of its own time.
func bubble(t *testing.T, dial slotkeys.Dial) *slotkeys.Backend {
	t.Helper()
	return slotkeys.New(dial, ring(t), slotkeys.Config{
		Now: time.Now, Shuffle: func(int, func(i, j int)) {}, Normalise: softkeys.Normalise, AsData: softkeys.AsData,
	})
}

// inBubble runs a test over a slot in a bubble of its own time, and wants
// nothing misused at its end.
func inBubble(t *testing.T, test func(t *testing.T, s *slot, b *slotkeys.Backend)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSlot()
		b := bubble(t, dial(map[id.Connection]*slot{first: s}))
		test(t, s, b)
		b.Close()
		for _, m := range s.Misuse() {
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	})
}

// elsewhere is g with its first connection at another address.
func elsewhere(g groups.Group) groups.Group {
	conn := g.Connections[0]
	conn.Address = "other.example:4442"
	return changed(g, conn)
}

// asks does something through a connection of g.
func asks(ctx context.Context, b *slotkeys.Backend, g groups.Group) error {
	_, err := b.Inventory(ctx, g, func(hsm.Object) error { return nil })
	return err
}

func TestCallsEndWithTheTokenTheyBeganWith(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
		g := group(connection(t, first, 0, pin))
		k := made(t, b, g)
		s.Fail(tokensim.Fault{Call: tokensim.Operate, Hang: true})
		signed := make(chan error)
		go func() { signed <- sign(t, b, g, k) }()
		if err := s.AwaitHanging(t.Context(), tokensim.Operate, 1); err != nil {
			t.Fatal(err)
		}
		if err := asks(t.Context(), b, elsewhere(g)); err != nil {
			t.Errorf("the connection as it is now: got %v, want it to work", err)
		}
		s.Release()
		if err := <-signed; err != nil {
			t.Errorf("a call that was under way when its connection was changed: got %v, want a signature", err)
		}
	})
}

func TestTokensThatNobodyNeedsAreClosed(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		leave func(b *slotkeys.Backend, g groups.Group)
		late  error // what who had begun before is told; nil: served by what there is instead
	}{
		"the connection is changed": {func(b *slotkeys.Backend, g groups.Group) { b.Adopt(elsewhere(g)) }, nil},
		"the connection is removed": {func(b *slotkeys.Backend, g groups.Group) { b.Adopt(changed(g)) }, fault.Unavailable},
		"the group is deleted":      {func(b *slotkeys.Backend, g groups.Group) { b.Forget(g.ID) }, fault.Unavailable},
		"the service stops":         {func(b *slotkeys.Backend, _ groups.Group) { b.Close() }, fault.Unavailable},
	} {
		t.Run(what+" while one is opened", func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
				g := group(connection(t, first, 0, pin))
				s.Fail(tokensim.Fault{Call: tokensim.Open, Hang: true})
				late := make(chan error)
				go func() { late <- asks(t.Context(), b, g) }()
				if err := s.AwaitHanging(t.Context(), tokensim.Open, 1); err != nil {
					t.Fatal(err)
				}
				c.leave(b, g)
				if err := <-late; !errors.Is(err, c.late) {
					t.Errorf("who had begun before: got %v, want %v", err, c.late)
				}
				b.Forget(g.ID)
				synctest.Wait()
				if left := s.Misuse(); len(left) != 0 {
					t.Errorf("got %v, want every token closed", left)
				}
				if err := asks(t.Context(), b, g); !errors.Is(err, fault.Unavailable) {
					t.Errorf("who is late: got %v, want it refused", err)
				}
			})
		})
	}
}

// After a change of the connection, a caller who still has the group as it was
// neither tries the refused PIN again nor gets in the way of the new one.
func TestWhoIsLateUsesWhatIsThereNow(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
		before := group(connection(t, first, 0, "0000"))
		if err := asks(t.Context(), b, before); fault.ReasonOf(err) != fault.PINIncorrect {
			t.Fatalf("got %v, want the PIN refused", err)
		}
		after := changed(before, connection(t, first, 0, pin))
		for _, g := range []groups.Group{after, before, after, before} {
			if err := asks(t.Context(), b, g); err != nil {
				t.Errorf("version %d: got %v, want it served", g.Version, err)
			}
		}
		if accepted, refused := s.Logins(); accepted != 1 || refused != 1 {
			t.Errorf("got %d logins and %d refused, want one each", accepted, refused)
		}
	})
}

func TestAnExchangedTokenIsAcceptedByAPerson(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
		g := group(connection(t, first, 0, pin))
		check := func() error { _, err := b.Check(t.Context(), g, first); return err }
		if err := asks(t.Context(), b, g); err != nil {
			t.Fatal(err)
		}
		s.Swap()
		if err := asks(t.Context(), b, g); !errors.Is(err, fault.TokenGone) {
			t.Errorf("got %v, want another token noticed", err)
		}
		if err := asks(t.Context(), b, g); !errors.Is(err, fault.TokenGone) {
			t.Errorf("got %v the second time, want it refused until a person says so", err)
		}
		if err := check(); err != nil {
			t.Errorf("a person's test: got %v, want the token accepted", err)
		}
		if err := asks(t.Context(), b, g); err != nil {
			t.Errorf("after that: got %v, want it in use", err)
		}
	})
}

// A token that ignores the end of its context hangs nobody who tests it.
func TestATestNeverHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		b := bubble(t, func(context.Context, groups.Connection, slotkeys.Access) (token.Token, error) {
			<-forever
			return nil, fault.New(fault.Unavailable, "too late")
		})
		g := group(connection(t, first, 0, pin))
		for what, ask := range map[string]func(ctx context.Context) error{
			"Check": func(ctx context.Context) error { _, err := b.Check(ctx, g, first); return err },
			"CheckUnsaved": func(ctx context.Context) error {
				_, err := b.CheckUnsaved(ctx, g.Connections[0], secret.Value{}, secret.Value{})
				return err
			},
		} {
			start := time.Now()
			if err := ask(t.Context()); !errors.Is(err, fault.TimedOut) {
				t.Errorf("%s: got %v, want it timed out", what, err)
			}
			if took := time.Since(start); took > 12*time.Second {
				t.Errorf("%s took %v, want 10 seconds and a moment", what, took)
			}
		}
		close(forever)
		b.Close()
	})
}

func TestChangesGoToTheNextConnectionWhenNoTokenWasReached(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, _ *slotkeys.Backend) {
		b := bubble(t, func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
			if conn.ID == first {
				return nil, fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)
			}
			return dial(map[id.Connection]*slot{other: s})(ctx, conn, a)
		})
		defer b.Close()
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		if k := made(t, b, g); len(s.Objects()) != 2 || k.Virtual == nil {
			t.Errorf("got %d objects, want the pair made through the second connection", len(s.Objects()))
		}
	})
}

func TestAnInventoryThatIsCutOffSaysWhy(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, _ *slotkeys.Backend) {
		b := bubble(t, dial(map[id.Connection]*slot{first: s, other: s}))
		defer b.Close()
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		made(t, b, g)
		s.Fail(tokensim.Fault{Call: tokensim.Inventory, Apply: true, Err: fault.New(fault.Unavailable, "broken").Because(fault.TokenFailed)})
		seen := 0
		_, err := b.Inventory(t.Context(), g, func(hsm.Object) error { seen++; return nil })
		if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != fault.TokenFailed || seen != 2 {
			t.Errorf("got %v (%v) after %d objects, want the failure after 2, none of them twice", err, fault.KindOf(err), seen)
		}
	})
}
