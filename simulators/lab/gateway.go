package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
)

// Gateway is the lab's gateway.
type Gateway struct {
	Address string // host:port
	Health  string // URL that answers 204 while it is healthy
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
	ports, err := freePorts(ctx, 3)
	if err != nil {
		return err
	}
	l.Gateway = Gateway{
		Address: loopback(ports[0]), Health: "http://" + loopback(ports[1]) + "/health", Log: l.path("gateway.log"), TLS: certs,
	}
	env := append([]string{
		"CERT_FILE=" + certs.GatewayP12,
		"CA_FILE=" + certs.CA,
		"PKCS11_LIB_PATH=" + l.Token.Lib,
		"HMG_LISTEN_ADDRESS=127.0.0.1",
		"HMG_LISTEN_PORT=" + strconv.Itoa(ports[0]),
		"HMG_HEALTH_PORT=" + strconv.Itoa(ports[1]),
		"HMG_HEALTH_TLS_PORT=" + strconv.Itoa(ports[2]),
	}, l.Token.Env...)
	p, err := startProcess("gatehouse-hmg", l.Gateway.Log, env, nil, filepath.Join(l.opts.Programs, "gatehouse-hmg"))
	if err != nil {
		return err
	}
	l.running = append(l.running, p)
	l.Gateway.PID = p.cmd.Process.Pid
	return p.ready(ctx, func(ctx context.Context) error { return expect204(ctx, http.DefaultClient, l.Gateway.Health) })
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

// freePorts returns ports on which nothing listens on 127.0.0.1.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	var listeners []net.Listener
	defer func() {
		for _, l := range listeners { // all at the end, so that the ports differ
			l.Close()
		}
	}()
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		listeners = append(listeners, l)
		addr, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("looking for a free port: listening on %s", l.Addr())
		}
		ports = append(ports, addr.Port)
	}
	return ports, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
