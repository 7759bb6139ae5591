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

// inBubble runs a test over a slot in a bubble of its own time, and wants
// nothing misused at its end.
func inBubble(t *testing.T, test func(t *testing.T, s *slot, b *slotkeys.Backend)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSlot()
		b := slotkeys.New(dial(map[id.Connection]*slot{first: s}), ring(t), slotkeys.Config{
			Shuffle: func(int, func(i, j int)) {}, Normalise: softkeys.Normalise,
		})
		test(t, s, b)
		b.Close()
		for _, m := range s.Misuse() {
			t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
		}
	})
}

// elsewhere is the connection with another address.
func elsewhere(conn groups.Connection) groups.Connection {
	conn.Address = "other.example:4442"
	return conn
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
		if err := b.Status(t.Context(), elsewhere(g.Connections[0])); err != nil {
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
	for what, leave := range map[string]func(b *slotkeys.Backend, conn groups.Connection) error{
		"the connection is changed": func(b *slotkeys.Backend, conn groups.Connection) error {
			return b.Status(context.Background(), elsewhere(conn))
		},
		"the connection is removed": func(b *slotkeys.Backend, conn groups.Connection) error { b.Forget(conn.ID); return nil },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
				conn := connection(t, first, 0, pin)
				s.Fail(tokensim.Fault{Call: tokensim.Open, Hang: true})
				late := make(chan error)
				go func() { late <- b.Status(t.Context(), conn) }()
				if err := s.AwaitHanging(t.Context(), tokensim.Open, 1); err != nil {
					t.Fatal(err)
				}
				if err := leave(b, conn); err != nil {
					t.Fatal(err)
				}
				s.Release() // the token of before is open only now
				if err := <-late; err != nil {
					t.Errorf("who had begun before: got %v, want it served", err)
				}
				b.Forget(conn.ID)
				synctest.Wait()
				if left := s.Misuse(); len(left) != 0 {
					t.Errorf("got %v, want every token closed", left)
				}
			})
		})
	}
	t.Run("the service stops while one is opened", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
			s.Fail(tokensim.Fault{Call: tokensim.Open, Hang: true})
			late := make(chan error)
			go func() { late <- b.Status(t.Context(), connection(t, first, 0, pin)) }()
			if err := s.AwaitHanging(t.Context(), tokensim.Open, 1); err != nil {
				t.Fatal(err)
			}
			b.Close()
			s.Release()
			if err := <-late; !errors.Is(err, fault.Unavailable) {
				t.Errorf("got %v, want the call refused", err)
			}
		})
	})
}

// After a change of the connection, a caller who still has the group as it was
// must not try the refused PIN again.
func TestARefusedPINStaysRefusedForWhoIsLate(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
		before, after := connection(t, first, 0, "0000"), connection(t, first, 0, pin)
		for _, conn := range []groups.Connection{before, after, before, after, before} {
			err := b.Status(t.Context(), conn)
			if wrong := fault.ReasonOf(err) == fault.PINIncorrect; wrong == (string(conn.PIN) == string(after.PIN)) {
				t.Errorf("got %v from the connection with the PIN right: %t", err, !wrong)
			}
		}
		if _, refused := s.Logins(); refused != 1 {
			t.Errorf("got %d tries of the wrong PIN, want one", refused)
		}
	})
}

func TestAnExchangedTokenIsAcceptedByAPerson(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, b *slotkeys.Backend) {
		conn := connection(t, first, 0, pin)
		if err := b.Status(t.Context(), conn); err != nil {
			t.Fatal(err)
		}
		s.Swap()
		if err := b.Status(t.Context(), conn); !errors.Is(err, fault.TokenGone) {
			t.Errorf("got %v by itself, want another token not to be accepted", err)
		}
		if _, err := b.Check(t.Context(), conn); err != nil {
			t.Errorf("got %v when a person asks, want the token accepted", err)
		}
		if err := b.Status(t.Context(), conn); err != nil {
			t.Errorf("got %v afterwards, want it to work again", err)
		}
	})
}

// A token that ignores the end of its context hangs nobody who asks how it is.
func TestStatusNeverHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		b := slotkeys.New(func(context.Context, groups.Connection, slotkeys.Access) (token.Token, error) {
			<-forever
			return nil, fault.New(fault.Unavailable, "too late")
		}, ring(t), slotkeys.Config{})
		conn := connection(t, first, 0, pin)
		for what, ask := range map[string]func(ctx context.Context) error{
			"Status": func(ctx context.Context) error { return b.Status(ctx, conn) },
			"Check":  func(ctx context.Context) error { _, err := b.Check(ctx, conn); return err },
			"CheckUnsaved": func(ctx context.Context) error {
				_, err := b.CheckUnsaved(ctx, conn, secret.Value{}, secret.Value{})
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
	})
}

func TestChangesGoToTheNextConnectionWhenNoTokenWasReached(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, s *slot, _ *slotkeys.Backend) {
		b := slotkeys.New(func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
			if conn.ID == first {
				return nil, fault.New(fault.Unavailable, "no answer").Because(fault.TimedOut)
			}
			return dial(map[id.Connection]*slot{other: s})(ctx, conn, a)
		}, ring(t), slotkeys.Config{Normalise: softkeys.Normalise})
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
		b := newBackend(t, map[id.Connection]*slot{first: s, other: s})
		defer b.Close()
		g := group(connection(t, first, 0, pin), connection(t, other, 1, pin))
		made(t, b, g)
		s.Fail(tokensim.Fault{Call: tokensim.Inventory, Apply: true, Err: fault.New(fault.Unavailable, "broken").Because(fault.TokenFailed)})
		seen := 0
		err := b.Inventory(t.Context(), g, func(hsm.Object) error { seen++; return nil })
		if !errors.Is(err, fault.Unavailable) || fault.ReasonOf(err) != fault.TokenFailed || seen != 2 {
			t.Errorf("got %v (%v) after %d objects, want the failure after 2, none of them twice", err, fault.KindOf(err), seen)
		}
	})
}
