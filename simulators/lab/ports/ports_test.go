package ports_test

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"

	"gatehouse/simulators/lab/ports"
)

func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestKeep(t *testing.T) {
	t.Parallel()

	t.Run("nobody answers at it", func(t *testing.T) {
		t.Parallel()
		c, err := net.Dial("tcp", ports.For(t).Address())
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %v, %v, want a connection refused", c, err)
		}
	})

	t.Run("who names it listens at it, again and again, after connections that this end has closed too", func(t *testing.T) {
		t.Parallel()
		p := ports.For(t)
		for range 3 {
			l := listen(t, p.Address())
			c, err := net.Dial("tcp", p.Address())
			if err != nil {
				t.Fatal(err)
			}
			served, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			served.Close() // first: this end of the connection stays in TIME_WAIT
			c.Close()
			l.Close()
		}
	})

	t.Run("only one listens at it", func(t *testing.T) {
		t.Parallel()
		p := ports.For(t)
		listen(t, p.Address())
		l, err := net.Listen("tcp", p.Address())
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("got %v, %v, want an address in use", l, err)
		}
	})
}

func TestKept(t *testing.T) {
	t.Parallel()
	var k ports.Kept
	var numbers sync.Map
	var ended sync.WaitGroup
	for range 20 {
		ended.Go(func() {
			p, err := k.Keep()
			if err != nil {
				t.Error(err)
				return
			}
			if _, taken := numbers.LoadOrStore(p.Number, true); taken {
				t.Errorf("port %d was given to two", p.Number)
			}
		})
	}
	ended.Wait()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if err := k.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// Linux has some 28,000 ports to give: without the keeping, dozens of the kept
// ones would be given away here.
func TestKeepFromOthers(t *testing.T) {
	const kept, listeners, connections = 200, 500, 3000
	mine := map[int]bool{}
	for range kept {
		mine[ports.For(t).Number] = true
	}
	given := func(a net.Addr) {
		t.Helper()
		if at, ok := a.(*net.TCPAddr); !ok || mine[at.Port] {
			t.Fatalf("the kept address %v was given away", a)
		}
	}
	server := listen(t, "127.0.0.1:0")
	go func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for range connections {
		c, err := net.Dial("tcp", server.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		given(c.LocalAddr())
		c.Close()
	}
	for range listeners {
		given(listen(t, "127.0.0.1:0").Addr())
	}
}
