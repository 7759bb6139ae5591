package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"gatehouse/core/secret"
	"gatehouse/features/steps"
	"gatehouse/simulators/lab/simgateway"
	"gatehouse/simulators/tokensim"
)

// host is the name that the gateways of scenarios about trust have.
const host = "localhost"

// trust sets up the gateways for scenarios about trust.
func (s *Set) trust(ctx context.Context, dir string, log *slog.Logger) (steps.Trust, error) {
	company, companyErr := simgateway.NewPKI(filepath.Join(dir, "company"), host)
	other, otherErr := simgateway.NewPKI(filepath.Join(dir, "other"), host)
	if err := errors.Join(companyErr, otherErr); err != nil {
		return steps.Trust{}, err
	}
	ago := time.Now().Add(-time.Hour)
	common, commonErr := serverFile(dir, "common.pem", company, simgateway.Server{Name: host})
	expired, expiredErr := serverFile(dir, "expired.pem", company, simgateway.Server{Hosts: []string{host}, Ends: ago})
	lapsedCert, lapsedKey, lapsedErr := company.Client(ago)
	if err := errors.Join(commonErr, expiredErr, lapsedErr); err != nil {
		return steps.Trust{}, err
	}
	t := steps.Trust{
		PIN: newPIN(), CA: company.CA, OtherCA: other.CA, ClientCert: company.ClientCert, ClientKey: company.ClientKey, Own: company.Own,
		Foreign: steps.Shown{Cert: other.ClientCert, Key: other.ClientKey}, Lapsed: steps.Shown{Cert: lapsedCert, Key: lapsedKey},
	}
	for _, g := range []struct {
		at           *string
		cert, caFile string
	}{{&t.Plain, company.Gateway, ""}, {&t.Mutual, company.Gateway, company.CAFile}, {&t.Common, common, ""}, {&t.Expired, expired, ""}} {
		_, address, slot, err := s.raise(ctx, simgateway.Config{CertFile: g.cert, CAFile: g.caFile, Log: log}, t.PIN)
		if err != nil {
			return t, err
		}
		*g.at, t.Slot = address, slot
	}
	var made atomic.Int64
	t.Renewing = func(ctx context.Context) (steps.Renewing, error) {
		return s.renewing(ctx, filepath.Join(dir, fmt.Sprintf("renewing %d", made.Add(1))), company, other, log)
	}
	return t, nil
}

// raise starts a gateway with a slot, until the stage ends.
func (s *Set) raise(ctx context.Context, cfg simgateway.Config, pin string) (*simgateway.Gateway, string, uint64, error) {
	g, err := simgateway.Start(ctx, cfg)
	if err != nil {
		return nil, "", 0, err
	}
	s.mu.Lock()
	s.onClose(g.Close)
	s.mu.Unlock()
	_, slot := g.Insert(tokensim.Options{PIN: secret.FromString(pin)})
	address, err := named(g.Address)
	return g, address, uint64(slot), err
}

// renewing starts a gateway of the company whose TLS files are its own.
func (s *Set) renewing(ctx context.Context, dir string, company, other simgateway.PKI, log *slog.Logger) (steps.Renewing, error) {
	cfg := simgateway.Config{CertFile: filepath.Join(dir, "cert.pem"), CAFile: filepath.Join(dir, "ca.pem"), Log: log}
	err := os.Mkdir(dir, 0o700)
	for to, from := range map[string]string{cfg.CertFile: company.Gateway, cfg.CAFile: company.CAFile} {
		err = errors.Join(err, copyFile(to, from))
	}
	r := steps.Renewing{PIN: newPIN()}
	if err != nil {
		return r, err
	}
	var g *simgateway.Gateway
	g, r.Address, r.Slot, err = s.raise(ctx, cfg, r.PIN)
	reloaded := func(err error) error {
		if err == nil {
			g.Reload()
		}
		return err
	}
	r.Renew = func() error { return reloaded(copyFile(cfg.CertFile, other.Gateway)) }
	r.Spoil = func() error { return reloaded(os.WriteFile(cfg.CertFile, []byte("half a certif"), 0o600)) }
	r.TrustOthers = func() error { return reloaded(copyFile(cfg.CAFile, other.CAFile)) }
	return r, err
}

func serverFile(dir, name string, by simgateway.PKI, o simgateway.Server) (path string, err error) {
	both, _, err := by.Server(o)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, name)
	return path, os.WriteFile(path, both, 0o600)
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}
