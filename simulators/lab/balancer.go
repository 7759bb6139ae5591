package lab

import (
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gatehouse/simulators/softtoken"
)

// haproxyConfig is the configuration in docs/load-balancer.md.
//
//go:embed haproxy.cfg
var haproxyConfig string

// Balancer is HAProxy in front of two gateways, configured as the documentation
// has it. It is ended by Close, not with the lab. Its methods, and those of its
// nodes, are for one goroutine at a time, apart from Servers.
type Balancer struct {
	Address string // host:port: what an HSM group is configured with
	Config  string // file
	Log     string // file
	Nodes   [2]*Node

	stats   string // host:port
	process *process
}

// StartBalancer starts two gateways over a token, and HAProxy in front of them,
// and waits until it takes both for healthy. Its error wraps
// softtoken.ErrMissing when HAProxy is not installed. Name tells the files of
// several balancers of one lab apart.
func (l *Lab) StartBalancer(ctx context.Context, name string, t softtoken.Token) (_ *Balancer, err error) {
	program, err := haproxy()
	if err != nil {
		return nil, err
	}
	if l.Gateway.TLS.CA == "" {
		if l.Gateway.TLS, err = makeCertificates(ctx, l.path("tls")); err != nil {
			return nil, err
		}
	}
	b := &Balancer{Config: l.path(name + ".cfg"), Log: l.path(name + ".log")}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.Close())
		}
	}()
	for i := range b.Nodes {
		if b.Nodes[i], err = l.startNode(ctx, fmt.Sprintf("%s-gateway%d", name, i+1), t); err != nil {
			return nil, err
		}
	}
	if err := b.configure(l); err != nil {
		return nil, err
	}
	if b.process, err = startProcess("haproxy", b.Log, nil, nil, program, "-db", "-f", b.Config); err != nil {
		return nil, err
	}
	err = b.Await(ctx, func(servers []Server) error {
		for _, s := range servers {
			if !s.Up {
				return fmt.Errorf("the load balancer holds %s for unhealthy", s.Name)
			}
		}
		return nil
	})
	return b, err
}

// HaveBalancer reports whether StartBalancer can work here: an error that wraps
// softtoken.ErrMissing when HAProxy is not installed.
func HaveBalancer() error {
	_, err := haproxy()
	return err
}

// haproxy finds the program.
func haproxy() (string, error) {
	for _, path := range []string{"haproxy", "/usr/sbin/haproxy"} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("haproxy: %w", softtoken.ErrMissing)
}

// configure writes HAProxy's configuration: the documented one, with the addresses of this lab.
func (b *Balancer) configure(l *Lab) error {
	at, err := l.ports.Keep()
	if err != nil {
		return err
	}
	stats, err := l.ports.Keep()
	if err != nil {
		return err
	}
	b.Address, b.stats = at.Address(), stats.Address()
	text := haproxyConfig
	for old, by := range map[string]string{
		"stats socket /run/haproxy/admin.sock mode 600": "stats socket ipv4@" + b.stats,
		"bind :4442":                     "bind " + b.Address,
		"server gateway1 10.0.0.11:4442": b.Nodes[0].server("gateway1"),
		"server gateway2 10.0.0.12:4442": b.Nodes[1].server("gateway2"),
	} {
		if !strings.Contains(text, old) {
			return fmt.Errorf("haproxy.cfg does not hold %q", old)
		}
		text = strings.ReplaceAll(text, old, by)
	}
	if err := os.WriteFile(b.Config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing HAProxy's configuration: %w", err)
	}
	return nil
}

// Close ends HAProxy and then its gateways. It returns what did not end well,
// but for gateways that were killed on purpose.
func (b *Balancer) Close() error {
	var errs []error
	if b.process != nil {
		select {
		case <-b.process.done:
			errs = append(errs, b.process.stop(0)) // which tells why
		default:
			b.process.kill() // it keeps nothing
		}
	}
	for _, n := range b.Nodes {
		if n != nil {
			errs = append(errs, n.close())
		}
	}
	return errors.Join(errs...)
}

// Server is what HAProxy knows of a gateway.
type Server struct {
	Name     string
	Up       bool
	Sessions int    // connections that are open
	Bytes    uint64 // sent to it since HAProxy was started
	Check    string // how the last health check ended, such as L7STS
}

// Servers asks HAProxy about its gateways, in the order of Nodes.
func (b *Balancer) Servers(ctx context.Context) ([]Server, error) {
	text, err := b.command(ctx, "show stat")
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("reading HAProxy's statistics: %q: %w", text, err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var all []Server
	for _, row := range rows[1:] {
		if !strings.HasPrefix(row[column["svname"]], "gateway") {
			continue
		}
		s := Server{Name: row[column["svname"]], Up: strings.HasPrefix(row[column["status"]], "UP"), Check: row[column["check_status"]]}
		var sessionsErr, bytesErr error
		s.Sessions, sessionsErr = strconv.Atoi(row[column["scur"]])
		s.Bytes, bytesErr = strconv.ParseUint(row[column["bin"]], 10, 64)
		if err := errors.Join(sessionsErr, bytesErr); err != nil {
			return nil, fmt.Errorf("reading HAProxy's statistics: %w", err)
		}
		all = append(all, s)
	}
	if len(all) != len(b.Nodes) {
		return nil, fmt.Errorf("HAProxy tells of %d gateways: %q", len(all), text)
	}
	return all, nil
}

// command gives HAProxy a command and returns its answer.
func (b *Balancer) command(ctx context.Context, text string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.stats)
	if err != nil {
		return "", fmt.Errorf("asking HAProxy: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(grace))
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		return "", fmt.Errorf("asking HAProxy: %w", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return "", fmt.Errorf("asking HAProxy: %w", err)
	}
	return strings.TrimSpace(string(answer)), nil
}

// Await waits until check is content with what HAProxy knows of its gateways.
func (b *Balancer) Await(ctx context.Context, check func([]Server) error) error {
	var last error
	err := b.process.ready(ctx, func(ctx context.Context) error {
		servers, err := b.Servers(ctx)
		if err == nil {
			err = check(servers)
			last = err
		}
		return err
	})
	if err != nil {
		err = errors.Join(last, err) // the last question may have been cut off
	}
	return err
}

// copyToken copies a token's folder to a new one beside the others.
func copyToken(t softtoken.Token, to string) (softtoken.Token, error) {
	conf := strings.TrimPrefix(t.Env[0], "SOFTHSM2_CONF=")
	return move(t, filepath.Dir(conf), to)
}
