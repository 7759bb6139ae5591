package main_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/app/assembly/service"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
	"gatehouse/simulators/lab/simgateway"
	"gatehouse/simulators/tokensim"
)

const administrator = "admin@gatehouse.example"

// program builds the program once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gatehouse-cli")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse-cli")
	out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// site is a service with its gateway, in this process, over TLS; it runs until
// the tests end.
type site struct {
	endpoint string
	caFile   string // of the service's certificate
	password string
	gateway  *simgateway.Gateway
	pki      simgateway.PKI
	admin    *dsmclient.Client
	data     string
	stop     func() error
}

var shared = sync.OnceValues(startSite)

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	if s, err := shared(); err == nil {
		if err := s.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "the service did not end well:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// need returns the service that all tests share.
func need(t *testing.T) *site {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func startSite() (_ *site, err error) {
	dir, err := os.MkdirTemp("", "gatehouse-cli-service")
	if err != nil {
		return nil, err
	}
	s := &site{data: filepath.Join(dir, "data"), caFile: filepath.Join(dir, "data", "tls", "cert.pem")}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s.stop = func() error {
		cancel()
		err := <-ended
		if s.gateway != nil {
			err = errors.Join(err, s.gateway.Close())
		}
		return errors.Join(err, os.RemoveAll(dir))
	}
	log := slog.New(slog.DiscardHandler)
	if s.pki, err = simgateway.NewPKI(filepath.Join(dir, "pki"), "127.0.0.1"); err != nil {
		return nil, err
	}
	if s.gateway, err = simgateway.Start(ctx, simgateway.Config{CertFile: s.pki.Gateway, CAFile: s.pki.CAFile, Log: log}); err != nil {
		return nil, err
	}
	if err := os.Mkdir(s.data, 0o700); err != nil {
		return nil, err
	}
	cfg := service.Config{
		StoreConfig: service.StoreConfig{DataDir: s.data, MasterKey: "file"}, Listen: "127.0.0.1:0", Account: "main", Admin: administrator,
		DrainWithin: time.Second,
	}
	var told bytes.Buffer
	ready := make(chan net.Addr, 1)
	go func() { ended <- service.Serve(ctx, cfg, &told, log, func(a net.Addr) { ready <- a }) }()
	select {
	case a := <-ready:
		s.endpoint = "https://" + a.String()
	case err := <-ended:
		ended <- nil
		return nil, errors.Join(fmt.Errorf("starting the service: %w", err), s.stop())
	}
	_, password, _ := strings.Cut(told.String(), "password: ")
	s.password = strings.TrimSpace(password)
	err = s.login(ctx)
	return s, err
}

// login makes the client that prepares what scripts find.
func (s *site) login(ctx context.Context) error {
	roots, err := rootsIn(s.caFile)
	if err != nil {
		return err
	}
	s.admin, err = dsmclient.New(dsmclient.Config{Endpoint: s.endpoint, Roots: roots, User: administrator, Password: secret.FromString(s.password)})
	if err != nil {
		return err
	}
	_, err = s.admin.Login(ctx)
	return err
}

// place is what one script has for itself: an account, and a slot of the HSM.
type place struct {
	site *site
	slot *tokensim.Slot
	env  []string
	pin  string
}

// newPlace makes an account and a slot, and writes the files that a user has.
func (s *site) newPlace(ctx context.Context, dir, name, pin string) (place, error) {
	p := place{site: s, pin: pin}
	if _, err := s.admin.CreateAccount(ctx, dsmwire.AccountRequest{Name: &name}); err != nil {
		return p, err
	}
	var number uint
	p.slot, number = s.gateway.Insert(tokensim.Options{PIN: secret.FromString(pin), Label: "simulated"})
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.pki.CA})
	service, err := os.ReadFile(s.caFile)
	for file, text := range map[string][]byte{
		"ca.pem": service, "password": []byte(s.password + "\n"), "pin": []byte(pin + "\n"),
		"hsm-ca.pem": ca, "hsm-client.pem": s.pki.ClientCert, "hsm-client.key": s.pki.ClientKey,
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file), text, 0o600))
	}
	home := filepath.Join(dir, "home")
	err = errors.Join(err, os.Mkdir(home, 0o700))
	p.env = []string{
		"HOME=" + home, "ACCOUNT=" + name, "ADMIN=" + administrator, "HSM_URL=" + s.gateway.Address, "HSM_SLOT=" + strconv.FormatUint(uint64(number), 10),
		"GATEHOUSE_API_ENDPOINT=" + s.endpoint, "GATEHOUSE_SSL_CA_CERT=" + filepath.Join(dir, "ca.pem"),
		"COLUMNS=100",
	}
	return p, err
}

// fill puts an AES key into the HSM, as another application would.
func (p place) fill(label string) error {
	material := sha256.Sum256([]byte(label))
	return p.slot.Add(hsm.Object{
		Class: hsm.SecretKey, Type: keys.AES, ID: []byte(label), Label: []byte(label), Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt,
	}, secret.New(material[:]))
}
