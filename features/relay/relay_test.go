package relay_test

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"gatehouse/features/relay"
)

// echo listens and sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func newRelay(t *testing.T) *relay.Relay {
	t.Helper()
	r, err := relay.New(t.Context(), echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, r *relay.Relay) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// ask sends a line and returns the one that comes back.
func ask(t *testing.T, c net.Conn, line string) string {
	t.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		t.Fatal(err)
	}
	back, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestRelay(t *testing.T) {
	t.Parallel()

	t.Run("everything passes", func(t *testing.T) {
		t.Parallel()
		if got, want := ask(t, dial(t, newRelay(t)), "hello"), "hello\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})

	t.Run("a cut ends connections and refuses new ones until it is mended", func(t *testing.T) {
		t.Parallel()
		r := newRelay(t)
		c := dial(t, r)
		ask(t, c, "hello")
		at := r.Address()
		r.Cut()
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection has outlived the cut")
		}
		if c, err := net.Dial("tcp", at); err == nil {
			c.Close()
			t.Error("a connection was made through a relay that is cut")
		}
		if err := r.Mend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.Address() != at {
			t.Errorf("got address %s after mending, want %s", r.Address(), at)
		}
		ask(t, dial(t, r), "hello again")
	})

	t.Run("a message that is held is seen and does not arrive", func(t *testing.T) {
		t.Parallel()
		for _, d := range []relay.Direction{relay.Request, relay.Answer} {
			r := newRelay(t)
			c := dial(t, r)
			ask(t, c, "hello")
			w := r.Hold(d)
			if _, err := io.WriteString(c, "lost\n"); err != nil {
				t.Fatal(err)
			}
			<-w.Seen
			r.Release()
			if got, want := ask(t, c, "found"), "found\n"; got != want {
				t.Errorf("direction %d: got %q, want %q", d, got, want)
			}
		}
	})

	t.Run("a message that is watched arrives", func(t *testing.T) {
		t.Parallel()
		r := newRelay(t)
		c := dial(t, r)
		w := r.Watch(relay.Answer)
		ask(t, c, "hello")
		<-w.Seen
	})
}
