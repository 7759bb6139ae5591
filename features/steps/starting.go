package steps

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/simulators/lab"
)

// Programs is the tag of scenarios that start gateways of their own.
const Programs = "@programs"

var errNoPrograms = errors.New("there are no programs to start here: the scenario needs the tag " + Programs)

// starting is a gateway that a scenario has started.
type starting struct {
	trial lab.Trial
	runs  bool // it has been started, and is to be ended
	ended error
}

func startingSteps() []Step {
	return []Step{
		{Given, `^the settings of a gateway that serves$`, on0((*scenario).hasPrograms)},
		{Given, `^a gateway was started with them$`, on0(func(s *scenario, ctx context.Context) error { return s.startsGateway(ctx) })},
		{When, `^a gateway is started with the settings as they are$`, on0(func(s *scenario, ctx context.Context) error { return s.startsGateway(ctx) })},
		{When, `^a gateway is started with ([A-Z0-9_]+) left out$`, on1((*scenario).startsWithout)},
		{When, `^a gateway is started with ([A-Z0-9_]+) naming (a file that is not there|a file of noise)$`, on2((*scenario).startsWithFile)},
		{When, `^a gateway is started with HMG_LISTEN_PORT (that somebody else listens at|that is no number)$`, on1((*scenario).startsWithPort)},
		{When, `^a gateway is started with ([A-Z0-9_]+) set to (-[0-9]+s?)$`, on2((*scenario).startsBelow)},
		{When, `^it is told to end$`, on0((*scenario).endsGateway)},
		{Then, `^it does not start, and says in one line what is wrong with ([A-Z0-9_]+)$`, on1((*scenario).didNotStart)},
		{Then, `^it serves at port 4442, and tells its health at 4441 and 4440$`, on0((*scenario).servesAsUsual)},
		{Then, `^it turns a client without a certificate away$`, on0((*scenario).turnsAway)},
		{Then, `^it lets a client in that has no certificate$`, on0((*scenario).letsIn)},
		{Then, `^its log tells that it serves$`, on0((*scenario).saysThatItServes)},
		{Then, `^it ends without an error$`, on0(func(s *scenario, _ context.Context) error { return s.starting.ended })},
	}
}

func (s *scenario) hasPrograms(context.Context) error {
	if s.stage.Try == nil {
		return errNoPrograms
	}
	return nil
}

func (s *scenario) startsGateway(ctx context.Context, settings ...string) (err error) {
	s.starting.trial, err = s.stage.Try(ctx, settings...)
	s.starting.runs = err == nil
	return err
}

func (s *scenario) startsWithout(ctx context.Context, setting string) error {
	return s.startsGateway(ctx, setting)
}

func (s *scenario) startsWithFile(ctx context.Context, setting, file string) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-noise-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "file")
	if file == "a file of noise" {
		if err := os.WriteFile(path, []byte(rand.Text()), 0o600); err != nil {
			return err
		}
	}
	return s.startsGateway(ctx, setting+"="+path)
}

func (s *scenario) startsWithPort(ctx context.Context, port string) error {
	if port == "that is no number" {
		return s.startsGateway(ctx, "HMG_LISTEN_PORT=many")
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	_, number, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return err
	}
	return s.startsGateway(ctx, "HMG_LISTEN_PORT="+number)
}

func (s *scenario) startsBelow(ctx context.Context, setting, value string) error {
	return s.startsGateway(ctx, setting+"="+value)
}

func (s *scenario) endsGateway(context.Context) error {
	s.starting.ended = s.starting.trial.Stop(20 * time.Second)
	return nil
}

// didNotStart fails unless the gateway has ended with an error, and has told one
// thing: what is wrong with the setting.
func (s *scenario) didNotStart(_ context.Context, setting string) error {
	t := s.starting.trial
	if !t.Failed() {
		return errors.New("the gateway has not ended with an error")
	}
	said, err := t.Said()
	if err != nil {
		return err
	}
	said = slices.DeleteFunc(said, func(line string) bool { return strings.HasPrefix(line, "time=") }) // of its log
	if len(said) != 1 || !strings.Contains(said[0], setting) {
		return fmt.Errorf("it says %q, want one line about %s", said, setting)
	}
	return nil
}

func (s *scenario) servesAsUsual(ctx context.Context) error {
	t := s.starting.trial
	if t.Ended() {
		said, err := t.Said()
		return errors.Join(fmt.Errorf("it has ended: %q", said), err)
	}
	settings, err := s.trusting()
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}
	for _, url := range []string{"http://127.0.0.1:4441/health", "https://127.0.0.1:4440/health"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := client.Do(request)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNoContent {
			return fmt.Errorf("%s answers %d", url, answer.StatusCode)
		}
	}
	c, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:4442")
	if err != nil {
		return err
	}
	return c.Close()
}

// trusting returns the settings of a client that trusts the gateway and has no
// certificate.
func (s *scenario) trusting() (*tls.Config, error) {
	pem, err := os.ReadFile(s.starting.trial.TLS.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the gateway's CA cannot be read")
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13, ServerName: "127.0.0.1"}, nil
}

// visits connects without a certificate, and waits so long for the gateway to end
// the connection.
func (s *scenario) visits(ctx context.Context, wait time.Duration) error {
	settings, err := s.trusting()
	if err != nil {
		return err
	}
	c, err := (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", s.starting.trial.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

func (s *scenario) turnsAway(ctx context.Context) error {
	var alert tls.AlertError
	if err := s.visits(ctx, 20*time.Second); !errors.As(err, &alert) && (err == nil || !strings.Contains(err.Error(), "certificate required")) {
		return fmt.Errorf("got %w, want to be told that a certificate is required", err)
	}
	return nil
}

func (s *scenario) letsIn(ctx context.Context) error {
	if err := s.visits(ctx, 2*time.Second); !errors.Is(err, os.ErrDeadlineExceeded) { // it waits for a request
		return fmt.Errorf("got %w, want a connection that stands", err)
	}
	return nil
}

func (s *scenario) saysThatItServes(context.Context) error {
	said, err := s.starting.trial.Said()
	if err != nil {
		return err
	}
	for _, line := range said {
		var record struct{ Msg string }
		if json.Unmarshal([]byte(line), &record) == nil && record.Msg == "serving" || strings.Contains(line, "msg=serving") {
			return nil
		}
	}
	return fmt.Errorf("its log is %q", said)
}
