package steps

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// way is the network between the service and a gateway: a relay that can be
// cut and mended.
type way struct {
	gateway string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	at       string
}

func newWay(ctx context.Context, gateway string) (*way, error) {
	w := &way{gateway: gateway, at: "127.0.0.1:0", conns: map[net.Conn]struct{}{}}
	return w, w.mend(ctx)
}

func (w *way) address() string { return w.at }

// mend lets traffic pass.
func (w *way) mend(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", w.at)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.listener, w.at = l, l.Addr().String()
	w.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.relay(context.WithoutCancel(ctx), c)
		}
	}()
	return nil
}

// cut ends all connections and refuses new ones.
func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	for c := range w.conns {
		_ = c.Close()
	}
}

func (w *way) close() { w.cut() }

func (w *way) relay(ctx context.Context, in net.Conn) {
	out, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.gateway)
	if err != nil {
		_ = in.Close()
		return
	}
	if !w.keep(in, out) {
		return
	}
	var wg sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		if err != nil && !errors.Is(err, net.ErrClosed) {
			_ = to.Close()
		}
		if c, ok := to.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
	}
	wg.Go(func() { pass(out, in) })
	wg.Go(func() { pass(in, out) })
	wg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range []net.Conn{in, out} {
		_ = c.Close()
		delete(w.conns, c)
	}
}

// keep remembers the connections, so that a cut ends them; false when the way
// was cut meanwhile.
func (w *way) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.listener == nil {
			_ = c.Close()
			continue
		}
		w.conns[c] = struct{}{}
	}
	return w.listener != nil
}
