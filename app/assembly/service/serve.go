package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"gatehouse/adapters/restapi"
	"gatehouse/adapters/tlsconf"
	"gatehouse/app/assembly/version"
)

// reloadEvery is how often the files of the TLS certificate are looked at for a change.
const reloadEvery = 2 * time.Second

// Serve runs the service until ctx ends, then lets requests under way end. The
// first administrator's password goes to out or to the configuration's file,
// once, at the first start; ready, when not nil, is called with the address once requests are served.
func Serve(ctx context.Context, cfg Config, out io.Writer, log *slog.Logger, ready func(net.Addr)) (err error) {
	st, ring, _, err := cfg.OpenStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	live, err := tlsconf.NewLive(tlsconf.LiveConfig{Load: cfg.loadTLS, Files: cfg.tlsFiles, Now: time.Now, Log: log})
	if err != nil {
		return err
	}
	svc, err := New(ctx, Outside{
		Store: st, Sealer: ring, Dial: Dialer(cfg.Links), Log: log, RecoverEvery: cfg.RecoverEvery, RecoveryGrace: cfg.RecoveryGrace,
		ProbeEvery: cfg.ProbeEvery,
	})
	if err != nil {
		return err
	}
	defer svc.Stop()
	if err := svc.announceAdministrator(ctx, cfg, out, log); err != nil {
		return err
	}

	listener, err := restapi.Listen(ctx, cfg.Listen, 0)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", cfg.Listen, err)
	}
	server := restapi.Server(svc.Handler(log), live.Config(nil), log)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	looks := time.NewTicker(reloadEvery)
	defer looks.Stop()
	go live.Follow(background, looks.C, cfg.Hangup, nil)
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	log.Info("serving", "address", listener.Addr().String(), "version", version.Number)
	if ready != nil {
		ready(listener.Addr())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: requests under way may end", "within", cfg.DrainWithin)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.DrainWithin)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return errors.Join(fmt.Errorf("some requests were cut off: %w", err), server.Close())
	}
	return nil
}

// Handler returns the REST API of the service.
func (s *Service) Handler(log *slog.Logger) http.Handler {
	return restapi.New(restapi.Services{
		Sessions: s.Sessions, Accounts: s.Accounts, Grouping: s.Grouping, Keyring: s.Keyring, Syncing: s.Syncing,
	}, restapi.Config{Version: version.Number, Now: s.now, Log: log, Healthy: s.healthy})
}

// healthy reports whether the store answers: without it nothing can be done.
func (s *Service) healthy(ctx context.Context) error {
	_, err := s.store.AuditHead(ctx)
	return err
}
