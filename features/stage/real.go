package stage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
	"gatehouse/features/steps"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

// Real sets up the programs as they ship, in processes of their own, over
// SoftHSM2 tokens, and asks them over TLS. Its error wraps
// softtoken.ErrMissing when something of Debian's is not installed.
func Real(ctx context.Context, o Options) (_ *Set, err error) { return real(ctx, o, false) }

// Balanced is Real with a load balancer in front of two gateways for whoever
// asks for one. Its error wraps softtoken.ErrMissing when HAProxy is not
// installed, too.
func Balanced(ctx context.Context, o Options) (*Set, error) { return real(ctx, o, true) }

func real(ctx context.Context, o Options, balanced bool) (_ *Set, err error) {
	set := &Set{}
	defer func() {
		if err != nil {
			err = errors.Join(err, set.Close())
		}
	}()
	if balanced {
		if err := lab.HaveBalancer(); err != nil {
			return nil, err
		}
	}
	programs := filepath.Join(o.Dir, "programs")
	if err := lab.Build(ctx, programs); err != nil {
		return nil, err
	}
	l, err := lab.New(lab.Options{Dir: filepath.Join(o.Dir, "lab"), Programs: programs, PIN: newPIN(), Empty: true})
	if err != nil {
		return nil, err
	}
	set.onClose(l.Close)
	if err := l.MakeToken(ctx); err != nil {
		return nil, err
	}
	tokens, err := set.tokens(l, o.Scenarios+spareHSMs) //nolint:contextcheck // softhsm2-util ends by itself
	if err != nil {
		return nil, err
	}
	// Everything is logged, that a secret among it be found.
	for _, name := range []string{"GATEHOUSE_LOG_LEVEL", "HMG_LOG_LEVEL"} {
		if err := os.Setenv(name, "debug"); err != nil {
			return nil, err
		}
	}
	if err := l.StartGateway(ctx); err != nil {
		return nil, err
	}
	if err := l.StartService(ctx); err != nil {
		return nil, err
	}
	set.Data, set.Logs = l.Service.Data, []string{l.Service.Log, l.Gateway.Log}
	log, err := set.openLog(o.Dir, "trust.log")
	if err != nil {
		return nil, err
	}
	trust, err := set.trust(ctx, o.Dir, log)
	if err != nil {
		return nil, err
	}
	transport, err := trusting(l.Service.CA)
	if err != nil {
		return nil, err
	}
	set.onClose(func() error { transport.CloseIdleConnections(); return nil })
	settings, err := shown(l.Gateway.TLS)
	set.Stage = &steps.Stage{
		Endpoint: l.Service.Endpoint, Transport: o.Wrap(transport), Email: l.Service.Email, Password: secret.FromString(l.Service.Password),
		Scan: set.scan, Trust: trust,
		NewHSM: func(context.Context) (steps.HSM, error) {
			select {
			case t := <-tokens:
				h := steps.HSM{
					Token: t.application, Behind: steps.Behind{Change: t.application.Change, AddFixed: t.application.AddFixed},
					Gateway: l.Gateway.Address, TLS: settings, Slot: uint64(t.Slot), PIN: t.PIN,
				}
				if balanced {
					h.Balance = func(ctx context.Context) (*lab.Balancer, error) { return set.balance(ctx, l, t.Token) }
				}
				return h, nil
			default:
				return steps.HSM{}, fmt.Errorf("all %d HSMs of the stage are taken", o.Scenarios+spareHSMs)
			}
		},
	}
	if err != nil {
		return nil, err
	}
	set.Stage.Packages = packages(o.Dir) //nolint:contextcheck // made once, for all scenarios and not within the time of one
	set.Stage.Try = func(ctx context.Context, settings ...string) (lab.Trial, error) {
		return l.TryGateway(ctx, fmt.Sprintf("trial-%d", set.trials.Add(1)), settings...)
	}
	if set.Stage.NewService, err = overTheNetwork(l.Service); err != nil {
		return nil, err
	}
	err = set.Stage.Prepare(ctx, o.Scenarios+spareAccounts)
	return set, err
}

// balance starts gateways of a token behind a load balancer; scenarios do it
// one at a time.
func (s *Set) balance(ctx context.Context, l *lab.Lab, t softtoken.Token) (*lab.Balancer, error) {
	b, err := l.StartBalancer(ctx, "balancer-"+t.Label[len("scenario "):], t)
	if err != nil {
		return nil, err
	}
	s.Logs = append(s.Logs, b.Log)
	for _, n := range b.Nodes {
		s.Logs = append(s.Logs, n.Log)
	}
	return b, nil
}

// spareHSMs are for the scenarios that need a second one.
const spareHSMs = 4

// madeToken is a token with the application that uses it as somebody else.
type madeToken struct {
	softtoken.Token

	application *softtoken.Application
}

// tokens makes so many tokens beside the lab's: SoftHSM2 shows a new one only
// to who starts after it was made.
func (s *Set) tokens(l *lab.Lab, n int) (<-chan madeToken, error) {
	made := make(chan madeToken, n)
	dir := filepath.Join(l.Dir, "token")
	all := make([]softtoken.Token, n)
	for i := range all {
		var err error
		if all[i], err = softtoken.SoftHSM(dir, fmt.Sprintf("scenario %d", i+1), newPIN()); err != nil {
			return nil, err
		}
	}
	module, err := softtoken.LoadModule(l.Token)
	if err != nil {
		return nil, err
	}
	s.onClose(module.Close)
	for _, t := range all {
		application, err := module.Application(t)
		if err != nil {
			return nil, err
		}
		made <- madeToken{t, application}
	}
	return made, nil
}

// trusting returns a way to the service that trusts the certificates in a PEM file alone.
func trusting(caFile string) (*http.Transport, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", caFile)
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConns: 64, MaxIdleConnsPerHost: 64,
	}, nil
}

// shown returns settings that trust the lab's CA and show its client certificate.
func shown(files lab.TLS) (dsmwire.TLSConfig, error) {
	ca, caErr := os.ReadFile(files.CA)
	cert, certErr := os.ReadFile(files.ClientCert)
	key, keyErr := os.ReadFile(files.ClientKey)
	settings := steps.Trusting(ca)
	settings.ClientCert, settings.ClientKey = cert, dsmwire.NewSecretBytes(secret.New(key))
	return settings, errors.Join(caErr, certErr, keyErr)
}
