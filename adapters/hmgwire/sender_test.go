package hmgwire_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"gatehouse/adapters/hmgwire"
)

// gate is a writer that waits before each write until it is let through.
type gate struct {
	arrived, through chan struct{}
	writes           []string
	err              error
}

func newGate() *gate { return &gate{arrived: make(chan struct{}), through: make(chan struct{})} }

func (g *gate) Write(b []byte) (int, error) {
	g.arrived <- struct{}{}
	<-g.through
	if g.err != nil {
		return 0, g.err
	}
	g.writes = append(g.writes, string(b))
	return len(b), nil
}

func TestSenderJoinsWhatIsReadyTogether(t *testing.T) {
	t.Parallel()
	g := newGate()
	s := hmgwire.NewSender(g)
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	send := func(text string) {
		if err := s.Send([]byte(text)); err != nil {
			t.Error(err)
		}
	}
	send("a")
	<-g.arrived
	send("b")
	if err := s.SendNow([]byte("c")); err != nil { // somebody writes: it waits too
		t.Error(err)
	}
	if got := s.Backlog(); got != 3 {
		t.Errorf("backlog: got %d bytes, want 3", got)
	}
	g.through <- struct{}{}
	<-g.arrived
	g.through <- struct{}{}
	s.WaitBelow(1)
	if got := strings.Join(g.writes, "|"); got != "a|bc" {
		t.Errorf("written: got %q, want a|bc", got)
	}
	end := errors.New("the end")
	s.Stop(end)
	if err := <-ran; !errors.Is(err, end) {
		t.Errorf("Run: got %v, want the end", err)
	}
	if err := s.Send(nil); !errors.Is(err, end) {
		t.Errorf("Send: got %v, want the end", err)
	}
}

func TestSenderInPlace(t *testing.T) {
	t.Parallel()
	g := newGate()
	s := hmgwire.NewSender(g)
	done := make(chan error, 1)
	go func() { done <- s.SendNow([]byte("a")) }() // nobody runs Run yet
	<-g.arrived
	if err := s.Send([]byte("b")); err != nil {
		t.Error(err)
	}
	g.through <- struct{}{}
	if err := <-done; err != nil {
		t.Error(err)
	}
	go func() { _ = s.Run() }()
	<-g.arrived // what was sent meanwhile is not forgotten
	g.through <- struct{}{}
	s.WaitBelow(1)
	if got := strings.Join(g.writes, "|"); got != "a|b" {
		t.Errorf("written: got %q, want a|b", got)
	}
	g.err = errors.New("broken")
	go func() { done <- s.SendNow([]byte("c")) }()
	<-g.arrived
	g.through <- struct{}{}
	if err := <-done; !errors.Is(err, g.err) {
		t.Errorf("got %v, want the writer's error", err)
	}
	if err := s.Err(); !errors.Is(err, g.err) {
		t.Errorf("after it, got %v, want the writer's error", err)
	}
}

func TestSenderKeepsEverything(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := hmgwire.NewSender(&out)
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	var senders sync.WaitGroup
	for i := range 16 {
		senders.Go(func() {
			for n := range 500 {
				send := s.Send
				if n%3 == 0 {
					send = s.SendNow
				}
				if err := send([]byte{byte(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	s.WaitBelow(1)
	end := errors.New("the end")
	s.Stop(end)
	if err := <-ran; !errors.Is(err, end) {
		t.Errorf("Run: got %v, want the end", err)
	}
	for i := range 16 {
		if got := bytes.Count(out.Bytes(), []byte{byte(i)}); got != 500 {
			t.Errorf("sender %d: %d of 500 arrived", i, got)
		}
	}
}
