package hmgclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"gatehouse/adapters/hmgwire"
	"gatehouse/core/fault"
)

// dialLink connects to the gateway and exchanges Hellos.
func dialLink(ctx context.Context, g *gate, lane int) (*link, error) {
	conn, wire, err := g.reach(ctx)
	if err != nil {
		return nil, err
	}
	l := newLink(g, lane, conn, wire)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	requests, err := l.greet(g.software)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		wire.Close()
		if ctx.Err() != nil {
			err = errors.Join(err, ctx.Err())
		}
		return nil, unsecured(err)
	}
	l.start(requests)
	return l, nil
}

// reach returns the connection to the gateway, and what is beneath its TLS.
func (g *gate) reach(ctx context.Context) (conn, wire net.Conn, err error) {
	if g.pipe != nil {
		pipe, err := g.pipe(ctx)
		return pipe, pipe, err
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", g.key.address)
	if err != nil {
		return nil, nil, unreached(err)
	}
	cfg := g.tls
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		if cfg.ServerName, _, err = net.SplitHostPort(g.key.address); err != nil {
			cfg.ServerName = g.key.address
		}
	}
	secure := tls.Client(raw, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, nil, unsecured(err)
	}
	return secure, raw, nil
}

// greet exchanges Hellos and returns how many requests the gateway takes at once.
func (l *link) greet(software string) (requests uint32, err error) {
	var buf bytes.Buffer
	if err := hmgwire.Append(&buf, hmgwire.KindHello, 0, hmgwire.NewHello(software, hmgwire.Limits{})); err != nil {
		return 0, err
	}
	_, werr := l.conn.Write(buf.Bytes())
	f, err := l.in.Next() // although the write may have failed: the gateway may have said why
	if err != nil {
		return 0, errors.Join(err, werr)
	}
	switch f.Kind { // no other frame makes sense here
	case hmgwire.KindRefusal:
		var r hmgwire.Refusal
		if err := hmgwire.Decode(f.Body, &r); err != nil {
			return 0, errStranger(err)
		}
		return 0, r.Err()
	case hmgwire.KindAnswer:
		var h hmgwire.Hello
		if err := hmgwire.Decode(f.Body, &h); err != nil {
			return 0, errStranger(err)
		}
		return h.Limits.Requests, h.Check()
	default:
		return 0, errStranger(nil)
	}
}

func errStranger(cause error) error {
	return fault.Wrap(fault.Unavailable, cause, "what answers at the address is not a gateway").Because(fault.Incompatible)
}
