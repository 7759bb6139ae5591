package hmgclient_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"

	"gatehouse/core/hsm"
)

func many(n int, sent *atomic.Int64) func(context.Context, func(hsm.Object) error) error {
	return func(_ context.Context, yield func(hsm.Object) error) error {
		for i := range n {
			if sent != nil {
				sent.Add(1)
			}
			if err := yield(hsm.Object{Class: hsm.SecretKey, ID: binary.BigEndian.AppendUint32(nil, uint32(i)), Label: []byte("label")}); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestInventoryStreams(t *testing.T) {
	t.Parallel()
	const n = 10_000
	w := newWorld(t)
	var sent atomic.Int64
	w.token.inventory = many(n, &sent)
	tok := w.dial(t)
	seen, ahead := 0, int64(0)
	err := tok.Inventory(t.Context(), hsm.Filter{}, func(o hsm.Object) error {
		if got := binary.BigEndian.Uint32(o.ID); got != uint32(seen) {
			t.Fatalf("object %d came as number %d", got, seen)
		}
		ahead = max(ahead, sent.Load()-int64(seen))
		seen++
		return nil
	})
	if err != nil || seen != n {
		t.Errorf("got %d objects and %v, want %d", seen, err, n)
	}
	if ahead > 3000 {
		t.Errorf("the gateway was %d objects ahead: somebody keeps them", ahead)
	}
}

func TestInventoryStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := make(chan error, 1)
	w.token.inventory = func(ctx context.Context, yield func(hsm.Object) error) error {
		err := many(1<<30, nil)(ctx, yield)
		ended <- err
		return err
	}
	tok := w.dial(t)
	enough := errors.New("enough")
	n := 0
	err := tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error {
		if n++; n == 100 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 100 {
		t.Errorf("got %v after %d objects, want enough after 100", err, n)
	}
	if err := <-ended; err == nil {
		t.Error("the token was read to its end")
	}
	if _, err := tok.Check(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// TestInventoryInTheBackground: a slow reader of an inventory holds up nobody.
func TestInventoryInTheBackground(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.token.inventory = many(5000, nil)
	tok := w.dial(t)
	first := true
	err := tok.Inventory(t.Context(), hsm.Filter{}, func(hsm.Object) error {
		if first {
			first = false
			for range 100 {
				if _, err := tok.Operate(t.Context(), anyKey, anyOp); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
