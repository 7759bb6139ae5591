package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gatehouse/simulators/softtoken"
)

// Node is a gateway behind a Balancer, to which things can happen.
type Node struct {
	Gateway

	lab     *Lab
	token   softtoken.Token
	env     []string
	process *process // nil: killed
	own     string   // folder of its own copy of the HSM; empty: it shares
	lives   int
	locks   []*os.File // held, so that calls to the HSM hang
}

func (l *Lab) startNode(ctx context.Context, name string, t softtoken.Token) (*Node, error) {
	g, env, err := l.gateway(name, t)
	if err != nil {
		return nil, err
	}
	n := &Node{Gateway: g, lab: l, token: t, env: env}
	err = n.Start(ctx)
	return n, err
}

// server returns the node's line in HAProxy's configuration.
func (n *Node) server(name string) string {
	_, health, _ := strings.Cut(strings.TrimSuffix(n.Health, "/health"), "://127.0.0.1:")
	return fmt.Sprintf("server %s %s port %s", name, n.Address, health)
}

// Start starts a gateway that was killed, as it was, and waits until it is healthy.
func (n *Node) Start(ctx context.Context) error {
	if n.process != nil {
		return errors.New("the gateway runs")
	}
	n.lives++
	life := n.Gateway
	if n.lives > 1 {
		life.Log = fmt.Sprintf("%s-%d.log", strings.TrimSuffix(n.Log, ".log"), n.lives)
	}
	p, err := n.lab.runGateway(life, n.env)
	if err != nil {
		return err
	}
	n.process, n.PID = p, p.cmd.Process.Pid
	return p.ready(ctx, n.healthy)
}

// Kill ends the gateway as kill -9 does.
func (n *Node) Kill() error {
	if n.process == nil {
		return errors.New("the gateway is dead already")
	}
	n.process.kill()
	n.process = nil
	return nil
}

// Freeze stops the gateway where it is, though not its workers; what connects to it
// waits. Thaw lets it go on.
func (n *Node) Freeze() error { return n.signal(syscall.SIGSTOP) }

// Thaw lets a frozen gateway go on.
func (n *Node) Thaw() error { return n.signal(syscall.SIGCONT) }

func (n *Node) signal(s syscall.Signal) error {
	if n.process == nil {
		return errors.New("the gateway is dead")
	}
	return syscall.Kill(-n.PID, s)
}

// CopyHSM gives the gateway a copy of the HSM for its own, with the same keys,
// as clusters of HSMs have them. It starts the gateway again for it.
func (n *Node) CopyHSM(ctx context.Context) error {
	own := strings.TrimSuffix(n.Log, ".log") + "-token"
	t, err := copyToken(n.token, own)
	if err != nil {
		return fmt.Errorf("copying the token: %w", err)
	}
	if err := n.process.stop(grace); err != nil {
		return err
	}
	for i, kv := range n.env {
		if strings.HasPrefix(kv, "SOFTHSM2_CONF=") {
			n.env[i] = t.Env[0]
		}
	}
	n.token, n.own, n.process = t, own, nil
	return n.Start(ctx)
}

var errShared = errors.New("the gateway shares its HSM: make a copy first")

// tokens returns the folders of the node's own copy, and of its backup.
func (n *Node) tokens() (here, backup string) {
	return filepath.Join(n.own, "tokens"), filepath.Join(n.own, "backup")
}

// RemoveHSM takes the node's copy of the HSM away; RestoreHSM brings it back.
func (n *Node) RemoveHSM() error {
	if n.own == "" {
		return errShared
	}
	here, backup := n.tokens()
	return os.Rename(here, backup)
}

// ReinitialiseHSM makes the node's copy of the HSM an empty one, as an operator
// does with the vendor's tool. RestoreHSM brings the keys back.
func (n *Node) ReinitialiseHSM(ctx context.Context) error {
	if n.own == "" {
		return errShared
	}
	here, backup := n.tokens()
	if err := os.CopyFS(backup, os.DirFS(here)); err != nil {
		return fmt.Errorf("making a backup: %w", err)
	}
	return reinitialise(ctx, n.token)
}

// RestoreHSM brings back what RemoveHSM or ReinitialiseHSM took.
func (n *Node) RestoreHSM() error {
	here, backup := n.tokens()
	return errors.Join(os.RemoveAll(here), os.Rename(backup, here))
}

// close ends the gateway, which may be frozen, dead, or hang.
func (n *Node) close() error {
	_ = n.ReleaseHSM()
	if n.process == nil {
		return nil
	}
	_ = n.Thaw()
	return n.process.stop(grace + 20*time.Second)
}
