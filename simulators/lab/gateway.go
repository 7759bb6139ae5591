package lab

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"

	"gatehouse/simulators/lab/ports"
	"gatehouse/simulators/softtoken"
)

// Gateway is the lab's gateway.
type Gateway struct {
	Address string // host:port
	Health  string // URL that answers 204 while it is healthy
	Secure  string // the same over HTTPS
	Log     string // file
	TLS     TLS
	PID     int
}

// StartGateway makes certificates, starts gatehouse-hmg beside the token, and
// waits until it is healthy.
func (l *Lab) StartGateway(ctx context.Context) error {
	certs, err := makeCertificates(ctx, l.path("tls"))
	if err != nil {
		return err
	}
	l.Gateway.TLS = certs
	g, env, err := l.gateway("gateway", l.Token)
	if err != nil {
		return err
	}
	l.Gateway = g
	p, err := l.runGateway(g, env)
	if err != nil {
		return err
	}
	l.running = append(l.running, p)
	l.Gateway.PID = p.cmd.Process.Pid
	return p.ready(ctx, g.healthy)
}

// AddGateway starts a further gateway beside the lab's token, once StartGateway
// has, with settings as TryGateway takes them, and waits until it is healthy.
// Name tells its files apart. It ends with the lab, or when stop is called before.
func (l *Lab) AddGateway(ctx context.Context, name string, settings ...string) (g Gateway, stop func() error, err error) {
	t, err := l.TryGateway(ctx, name, settings...)
	if err != nil {
		return Gateway{}, nil, fmt.Errorf("adding %s: %w", name, err)
	}
	if t.Ended() {
		return Gateway{}, nil, fmt.Errorf("adding %s: %w", name, t.Stop(0))
	}
	t.p.name += ", " + name // what looks for the lab's own gateway does not find this one
	l.running = append(l.running, t.p)
	return t.Gateway, func() error {
		l.running = slices.DeleteFunc(l.running, func(p *process) bool { return p == t.p })
		return t.Stop(grace)
	}, nil
}

// gateway describes a gateway that does not run yet, with its environment. It
// has the certificate of the lab's gateway.
func (l *Lab) gateway(name string, t softtoken.Token) (Gateway, []string, error) {
	var at [3]*ports.Port // requests, health, health over TLS
	for i := range at {
		var err error
		if at[i], err = l.ports.Keep(); err != nil {
			return Gateway{}, nil, err
		}
	}
	g := Gateway{
		Address: at[0].Address(), Health: "http://" + at[1].Address() + "/health", Secure: "https://" + at[2].Address() + "/health",
		Log: l.path(name + ".log"), TLS: l.Gateway.TLS,
	}
	return g, append([]string{
		"CERT_FILE=" + g.TLS.GatewayP12,
		"CA_FILE=" + g.TLS.CA,
		"PKCS11_LIB_PATH=" + t.Lib,
		"HMG_LISTEN_ADDRESS=127.0.0.1",
		"HMG_LISTEN_PORT=" + at[0].String(),
		"HMG_HEALTH_PORT=" + at[1].String(),
		"HMG_HEALTH_TLS_PORT=" + at[2].String(),
	}, t.Env...), nil
}

func (l *Lab) runGateway(g Gateway, env []string) (*process, error) {
	return startProcess("gatehouse-hmg", g.Log, env, nil, filepath.Join(l.opts.Programs, "gatehouse-hmg"))
}

// healthy fails unless the gateway says that it is healthy.
func (g Gateway) healthy(ctx context.Context) error {
	return expect204(ctx, http.DefaultClient, g.Health)
}

// expect204 asks url and fails unless the answer is 204.
func expect204(ctx context.Context, c *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := c.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s answers %d, not 204", url, answer.StatusCode)
	}
	return nil
}
