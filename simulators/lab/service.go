package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Service is the lab's service.
type Service struct {
	Endpoint string // https://host:port
	CA       string // PEM file with the certificate to trust
	Log      string // file
	Data     string // folder of the database
	Email    string // of the first administrator
	Password string
	PID      int
}

// StartService starts gatehouse with a new database, and waits until it is
// healthy and has told the first administrator's password.
func (l *Lab) StartService(ctx context.Context) error {
	at, err := l.ports.Keep()
	if err != nil {
		return err
	}
	data := l.path("service")
	s := Service{
		Endpoint: "https://" + at.Address(), CA: filepath.Join(data, "tls", "cert.pem"), Data: data, Log: l.path("service.log"),
	}
	told := make(chan struct{})
	once := sync.OnceFunc(func() { close(told) })
	p, err := startProcess("gatehouse", s.Log, l.opts.Service, func(line string) {
		// Nowhere else: the password is in no log.
		if email, ok := strings.CutPrefix(line, "administrator: "); ok {
			s.Email = email
		}
		if password, ok := strings.CutPrefix(line, "password: "); ok && s.Email != "" {
			s.Password = password
			once()
		}
	}, filepath.Join(l.opts.Programs, "gatehouse"), "serve", "--data-dir", data, "--listen", at.Address())
	if err != nil {
		return err
	}
	l.running = append(l.running, p)
	s.PID = p.cmd.Process.Pid
	err = p.ready(ctx, func(ctx context.Context) error {
		select {
		case <-told:
		default:
			return errors.New("the administrator's password is not told yet")
		}
		return s.healthy(ctx)
	})
	if err != nil {
		return err
	}
	l.Service = s
	return nil
}

// healthy fails unless the service says that it is healthy.
func (s Service) healthy(ctx context.Context) error {
	client, err := trusting(s.CA)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return expect204(ctx, client, s.Endpoint+"/sys/v1/health")
}

// trusting returns a client that trusts the certificates in a PEM file alone.
func trusting(ca string) (*http.Client, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("reading the service's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", ca)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}, nil
}
