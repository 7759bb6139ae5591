package tokentest

import (
	"sync"
	"testing"

	"gatehouse/core/fault"
	"gatehouse/core/operations"
)

// closed: a closed Token answers every call, and only in one way.
func (s *suite) closed(t *testing.T) {
	tok := s.h.Open(t)
	tpl := s.aes()
	o, err := tok.Generate(within(t), tpl)
	if err != nil {
		_ = tok.Close()
		t.Fatal(err)
	}
	t.Run("while others work", func(t *testing.T) {
		var wg sync.WaitGroup
		started := make(chan struct{}, 8)
		for range cap(started) {
			wg.Go(func() {
				for {
					_, err := tok.Operate(within(t), o.Ref(), operations.Encrypt{Mode: operations.CBC, Plain: []byte("plain")})
					select {
					case started <- struct{}{}:
					default:
					}
					if err != nil {
						wantKind(t, err, fault.Unavailable)
						return
					}
				}
			})
		}
		for range cap(started) {
			<-started
		}
		if err := tok.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		wg.Wait()
	})
	for _, c := range s.everyCall(tok, o.Ref()) {
		t.Run(string(c.call), func(t *testing.T) { wantKind(t, c.do(within(t)), fault.Unavailable) })
	}
	t.Run("close again", func(t *testing.T) {
		if err := tok.Close(); err != nil {
			wantKind(t, err, fault.Unavailable)
		}
	})
	t.Run("keys outlive it", func(t *testing.T) {
		s.open(t)
		s.roundTrip(t, o.Ref())
	})
}
