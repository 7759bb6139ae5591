package service

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"gatehouse/adapters/dsmtoken"
	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/assembly/version"
	"gatehouse/app/slotkeys"
	"gatehouse/core/fault"
	"gatehouse/core/groups"
	"gatehouse/ports/token"
)

// Links are how the connections to gateways are kept; see hmgclient.Config. The
// zero Links are one connection for ever.
type Links struct {
	Connections int           `default:"2"  env:"GATEHOUSE_HMG_CONNECTIONS"   help:"Connections to each gateway, used by turns; through a load balancer they can lead to several gateways." name:"hmg-connections"    placeholder:"N"`
	MaxAge      time.Duration `default:"5m" env:"GATEHOUSE_HMG_CONNECTION_AGE" help:"After how long a connection to a gateway is changed for a new one, so that a load balancer can choose anew; 0: never." name:"hmg-connection-age" placeholder:"DURATION"`
}

// Validate tells everything that is wrong, joined.
func (l Links) Validate() error {
	var wrong []error
	if l.Connections < 0 || l.Connections > 16 {
		wrong = append(wrong, fault.New(fault.Invalid, "--hmg-connections must be 1 to 16"))
	}
	if l.MaxAge < 0 || l.MaxAge > 0 && l.MaxAge < time.Second {
		wrong = append(wrong, fault.New(fault.Invalid, "--hmg-connection-age must be 0 or at least 1s"))
	}
	return errors.Join(wrong...)
}

// Dialer opens tokens through gateways, and other services as tokens. Tokens at
// one gateway, trusted alike, share its connections.
func Dialer(l Links) slotkeys.Dial {
	pool := &hmgclient.Pool{}
	return func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		settings, err := tlsconf.Client(conn.Address, conn.TLS, a.ClientKey)
		if err != nil {
			return nil, err
		}
		if conn.Kind.Service() {
			return dialService(ctx, conn, settings, a)
		}
		t, err := pool.Dial(ctx, hmgclient.Config{
			Address: conn.Address, TLS: settings, Trust: tlsconf.Trust(conn.TLS, a.ClientKey), Slot: conn.Slot,
			PIN: a.PIN, Insist: a.Insist, Connections: l.Connections, MaxAge: l.MaxAge, Software: "gatehouse " + version.Number,
		})
		if err != nil {
			return nil, err // not t: a nil *Token in the interface would pass for a token
		}
		return t, nil
	}
}

// dialService opens another service as the app whose API key the connection has.
func dialService(ctx context.Context, conn groups.Connection, settings *tls.Config, a slotkeys.Access) (token.Token, error) {
	t, err := dsmtoken.Dial(ctx, dsmtoken.Config{
		Address: conn.Address, TLS: settings, APIKey: a.PIN, Software: "gatehouse/" + version.Number, Now: time.Now,
	})
	if err != nil {
		return nil, err // as above
	}
	return t, nil
}
