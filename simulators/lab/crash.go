package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// CrashService kills the service as kill -9 does, and returns when it is dead.
// Resume starts it again, as it was and over what it left on disk, and waits
// until it is healthy.
func (l *Lab) CrashService() (resume func(context.Context) error, err error) {
	return l.crash("gatehouse", &l.Service.PID, func(ctx context.Context) error {
		client, err := trusting(l.Service.CA)
		if err != nil {
			return err
		}
		defer client.CloseIdleConnections()
		return expect204(ctx, client, l.Service.Endpoint+"/sys/v1/health")
	})
}

// CrashGateway does the same to the gateway.
func (l *Lab) CrashGateway() (resume func(context.Context) error, err error) {
	return l.crash("gatehouse-hmg", &l.Gateway.PID, l.Gateway.healthy)
}

// crash kills a program. Each life has a log of its own.
func (l *Lab) crash(name string, pid *int, healthy func(context.Context) error) (resume func(context.Context) error, err error) {
	i := slices.IndexFunc(l.running, func(p *process) bool { return p.name == name })
	if i < 0 {
		return nil, fmt.Errorf("%s does not run", name)
	}
	dead := l.running[i]
	select {
	case <-dead.done:
		return nil, errors.Join(fmt.Errorf("%s had ended by itself", name), dead.stop(0))
	default:
	}
	dead.kill()
	l.running = slices.Delete(l.running, i, i+1)
	l.crashes++
	log := fmt.Sprintf("%s-%d.log", strings.TrimSuffix(l.path(filepath.Base(dead.log)), ".log"), l.crashes)
	return func(ctx context.Context) error {
		p, err := startProcess(name, log, dead.cmd.Env, nil, dead.cmd.Path, dead.cmd.Args[1:]...)
		if err != nil {
			return err
		}
		l.running = slices.Insert(l.running, min(i, len(l.running)), p)
		*pid = p.cmd.Process.Pid
		return p.ready(ctx, healthy)
	}, nil
}
