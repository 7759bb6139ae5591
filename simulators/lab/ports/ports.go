//go:build unix

// Package ports keeps loopback ports for programs that are started, killed and
// started again at the same address.
//
// A port that was found free and let go can be given away before it is listened
// at, and again whenever nobody listens there: to a listener that asks for any
// port, or as the own end of some connection. A kept port is bound and not
// listened at. The kernel then gives it to nobody who does not name it, refuses
// connections to it, and lets a program listen there that sets SO_REUSEADDR, as
// Go's listeners and HAProxy do.
package ports

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// Port is a TCP port of 127.0.0.1 that is kept until Close, or until this
// process ends.
type Port struct {
	Number int

	socket  int
	closing sync.Once
}

// Kept are ports that are closed together. It may be used from many goroutines.
type Kept struct {
	mu  sync.Mutex
	all []*Port
}

// Keep finds a free port and keeps it until Close.
func (k *Kept) Keep() (*Port, error) {
	p, err := Keep()
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, p)
	return p, nil
}

// Close gives all ports back.
func (k *Kept) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	for _, p := range k.all {
		errs = append(errs, p.Close())
	}
	k.all = nil
	return errors.Join(errs...)
}

// Keep finds a free port and keeps it.
func Keep() (*Port, error) {
	syscall.ForkLock.RLock() // no child gets the socket, which would keep the port after Close
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(socket)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("keeping a port: %w", err)
	}
	p := &Port{socket: socket}
	if err := p.bind(); err != nil {
		return nil, errors.Join(fmt.Errorf("keeping a port: %w", err), p.Close())
	}
	return p, nil
}

// Test is what For uses of a *testing.T or *testing.B.
type Test interface {
	Helper()
	Fatal(args ...any)
	Error(args ...any)
	Cleanup(func())
}

// For keeps a port until test t ends.
func For(t Test) *Port {
	t.Helper()
	p, err := Keep()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *Port) bind() error {
	if err := syscall.SetsockoptInt(p.socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := syscall.Bind(p.socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	at, err := syscall.Getsockname(p.socket)
	if err != nil {
		return err
	}
	inet, ok := at.(*syscall.SockaddrInet4)
	if !ok {
		return fmt.Errorf("bound to a %T", at)
	}
	p.Number = inet.Port
	return nil
}

// String returns the number.
func (p *Port) String() string { return strconv.Itoa(p.Number) }

// Address returns 127.0.0.1:port.
func (p *Port) Address() string { return net.JoinHostPort("127.0.0.1", p.String()) }

// Close gives the port back, once. Who listens at it goes on.
func (p *Port) Close() (err error) {
	p.closing.Do(func() { err = syscall.Close(p.socket) })
	return err
}
