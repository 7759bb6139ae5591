// Package dsmtoken makes keys of another service, a Gatehouse or a DSM, usable
// like those in a HSM: it implements token.Token over that service's REST API.
//
// It guarantees what token.Token does. A key's own name (CKA_UNIQUE_ID) is its
// id in the other service; its label is its name there; its CKA_ID is what
// this service gave it, kept in the key's custom metadata, or else the 16 bytes
// of its id. An API key that was refused is not sent again, and what was asked
// for by another service is not passed on to a third. It is used by
// app/assembly. All methods may be called at once.
package dsmtoken

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

// Config tells which service to use, and as whom.
type Config struct {
	Address  string       // host:port
	TLS      *tls.Config  // whom to trust and what to show (package tlsconf makes one)
	APIKey   secret.Value // of an app of that service
	Software string       // name and version, told to the service
	Now      func() time.Time
}

// Token is what an app may use of another service.
type Token struct {
	client *dsmclient.Client
	info   hsm.Info
	known  *cache
	making *claims

	mu     sync.Mutex
	closed bool
	calls  sync.WaitGroup
}

var _ token.Token = (*Token)(nil)

// Dial logs in. It fails as every method of token.Token may; a refused API key
// is a refused PIN.
func Dial(ctx context.Context, cfg Config) (*Token, error) {
	if cfg.APIKey.Empty() {
		return nil, fault.New(fault.Unavailable, "the connection has no API key of the other service").Because(fault.PINMissing)
	}
	client, err := dsmclient.New(dsmclient.Config{
		Endpoint: "https://" + cfg.Address, TLS: cfg.TLS, APIKey: cfg.APIKey, DeniedMayBeLost: true, Now: cfg.Now,
		Header: http.Header{dsmwire.ForwardedHeader: {"1"}, "User-Agent": {cfg.Software}},
	})
	if err != nil { // whatever it is, it cannot be an API key
		return nil, fault.Wrap(fault.Unavailable, err, "what the connection has is no API key").Because(fault.PINIncorrect)
	}
	t := &Token{client: client, known: newCache(), making: newClaims()}
	if err := t.open(ctx, cfg.Address); err != nil {
		client.Close()
		return nil, err
	}
	return t, nil
}

func (t *Token) open(ctx context.Context, address string) error {
	v, err := t.client.Version(ctx)
	if err != nil {
		return translate(ctx, asking, err)
	}
	app, err := t.client.Login(ctx)
	if err != nil {
		return translate(ctx, asking, err)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	t.info = hsm.Info{
		Label: host, Serial: app, Manufacturer: "another service", Model: v.ServerMode, Firmware: v.Version,
		Library: "REST API " + v.APIVersion, Capabilities: capabilities(),
	}
	if v.FIPSLevel != nil {
		t.info.Model += " (FIPS 140 level " + strconv.Itoa(int(*v.FIPSLevel)) + ")"
	}
	return nil
}

// Check asks the service whether it is well, and for something that only a
// caller with a session gets.
func (t *Token) Check(ctx context.Context) (hsm.Info, error) {
	done, err := t.begin(ctx)
	if err != nil {
		return hsm.Info{}, err
	}
	defer done()
	if err := t.client.Health(ctx); err != nil {
		return hsm.Info{}, translate(ctx, asking, err)
	}
	if _, err := t.client.Keys(ctx, dsmclient.KeyQuery{Limit: 1}); err != nil {
		return hsm.Info{}, translate(ctx, asking, err)
	}
	return t.info, nil
}

// begin notes that a call begins; done that it ends.
func (t *Token) begin(ctx context.Context) (done func(), err error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, fault.New(fault.Unavailable, "the connection to the other service is closed").Untried()
	}
	t.calls.Add(1)
	return t.calls.Done, nil
}

// beginOwn is begin for what must not be passed on from one service to the next.
func (t *Token) beginOwn(ctx context.Context) (done func(), err error) {
	if dsmwire.IsForwarded(ctx) {
		return nil, fault.New(fault.Unsupported, "what another service asks for is not passed on to a third one")
	}
	return t.begin(ctx)
}

// logoutWithin bounds how long Close waits for the service.
const logoutWithin = 2 * time.Second

// Close waits for the calls under way and ends the session.
func (t *Token) Close() error {
	t.mu.Lock()
	first := !t.closed
	t.closed = true
	t.mu.Unlock()
	t.calls.Wait()
	if !first {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), logoutWithin)
	defer cancel()
	_ = t.client.Logout(ctx) // it ends by itself otherwise
	t.client.Close()
	return nil
}

// ended is the error of a call whose context has ended.
func ended(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, errors.Join(ctx.Err(), context.Cause(ctx)), "the other service did not answer in time").Because(fault.TimedOut)
}
