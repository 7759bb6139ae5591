package service

import (
	"context"

	"gatehouse/adapters/hmgclient"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/assembly/version"
	"gatehouse/app/slotkeys"
	"gatehouse/core/groups"
	"gatehouse/ports/token"
)

// Dialer opens tokens through gateways. Tokens at one gateway, trusted alike,
// share a connection.
func Dialer() slotkeys.Dial {
	pool := &hmgclient.Pool{}
	return func(ctx context.Context, conn groups.Connection, a slotkeys.Access) (token.Token, error) {
		settings, err := tlsconf.Client(conn.Address, conn.TLS, a.ClientKey)
		if err != nil {
			return nil, err
		}
		t, err := pool.Dial(ctx, hmgclient.Config{
			Address: conn.Address, TLS: settings, Trust: tlsconf.Trust(conn.TLS, a.ClientKey), Slot: conn.Slot,
			PIN: a.PIN, Insist: a.Insist, Software: "gatehouse " + version.Number,
		})
		if err != nil {
			return nil, err // not t: a nil *Token in the interface would pass for a token
		}
		return t, nil
	}
}
