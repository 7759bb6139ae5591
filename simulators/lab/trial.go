package lab

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"
)

// Trial is a gateway that was started to see whether it starts.
type Trial struct {
	Gateway

	p *process
}

// TryGateway starts a further gateway beside the lab's token, with settings of
// its own in place of those that it would have, each as NAME=value, or left
// out, as NAME alone. It returns when the gateway is healthy, or has ended. The
// caller closes the trial.
func (l *Lab) TryGateway(ctx context.Context, name string, settings ...string) (Trial, error) {
	g, env, err := l.gateway(name, l.Token)
	if err != nil {
		return Trial{}, err
	}
	for _, s := range settings {
		key, _, given := strings.Cut(s, "=")
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, key+"=") })
		if given {
			env = append(env, s)
		}
	}
	if slices.ContainsFunc(settings, func(s string) bool { return s == "HMG_LISTEN_PORT" }) { // those that are usual then
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "HMG_HEALTH_") })
		g.Address, g.Health, g.Secure = "127.0.0.1:4442", "http://127.0.0.1:4441/health", "https://127.0.0.1:4440/health"
	}
	p, err := l.runGateway(g, env)
	if err != nil {
		return Trial{}, err
	}
	g.PID = p.cmd.Process.Pid
	t := Trial{Gateway: g, p: p}
	if err := p.ready(ctx, g.healthy); err != nil && !t.Ended() {
		p.kill()
		return Trial{}, err
	}
	return t, nil
}

// Ended reports whether the gateway has ended.
func (t Trial) Ended() bool {
	select {
	case <-t.p.done:
		return true
	default:
		return false
	}
}

// Said returns the lines that the gateway has written.
func (t Trial) Said() ([]string, error) {
	b, err := os.ReadFile(t.Log)
	return strings.Split(strings.TrimSpace(string(b)), "\n"), err
}

// Stop has the gateway end, and tells how it did.
func (t Trial) Stop(within time.Duration) error { return t.p.stop(within) }

// Close ends the gateway if it has not ended.
func (t Trial) Close() {
	if !t.Ended() {
		t.p.kill()
	}
}

// Failed reports whether the gateway ended with an error.
func (t Trial) Failed() bool {
	return t.Ended() && t.p.err != nil && !errors.Is(t.p.err, context.Canceled)
}
