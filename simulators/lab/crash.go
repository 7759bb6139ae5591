package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CrashService kills the service as kill -9 does, and returns when it is dead;
// one that somebody has killed so already is as good. Resume starts it again, as it was and over what it left on disk, and waits
// until it is healthy.
func (l *Lab) CrashService() (resume func(context.Context) error, err error) {
	dead, resume, err := l.crash("gatehouse", &l.Service.PID, l.Service.healthy)
	if err != nil {
		return nil, err
	}
	dead.kill()
	return resume, nil
}

// ServiceGone is closed when the service has ended; nil when it was never started.
func (l *Lab) ServiceGone() <-chan struct{} {
	if p := l.process("gatehouse"); p != nil {
		return p.done
	}
	return nil
}

// CrashGateway does to the gateway what CrashService does to the service.
func (l *Lab) CrashGateway() (resume func(context.Context) error, err error) {
	dead, resume, err := l.crash("gatehouse-hmg", &l.Gateway.PID, l.Gateway.healthy)
	if err != nil {
		return nil, err
	}
	dead.kill()
	return resume, nil
}

// process returns a program that runs, or has run until it ended by itself.
func (l *Lab) process(name string) *process {
	i := slices.IndexFunc(l.running, func(p *process) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return l.running[i]
}

// crash takes a program out of those that must live until the lab is closed,
// and returns how to start it again. Each life has a log of its own.
func (l *Lab) crash(name string, pid *int, healthy func(context.Context) error) (dead *process, resume func(context.Context) error, err error) {
	i := slices.IndexFunc(l.running, func(p *process) bool { return p.name == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("%s does not run", name)
	}
	dead = l.running[i]
	select {
	case <-dead.done:
		if !dead.killed() {
			return nil, nil, errors.Join(fmt.Errorf("%s had ended by itself", name), dead.stop(0))
		}
	default:
	}
	l.running = slices.Delete(l.running, i, i+1)
	l.crashes++
	log := fmt.Sprintf("%s-%d.log", strings.TrimSuffix(l.path(name), ".log"), l.crashes)
	return dead, func(ctx context.Context) error {
		p, err := startProcess(name, log, dead.env, nil, dead.cmd.Path, dead.cmd.Args[1:]...)
		if err != nil {
			return err
		}
		l.running = slices.Insert(l.running, min(i, len(l.running)), p)
		*pid = p.cmd.Process.Pid
		return p.ready(ctx, healthy)
	}, nil
}
