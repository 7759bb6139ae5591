package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"gatehouse/bench/ways"
)

// byWorkers measures gateways that differ in their number of worker processes
// alone, in turn with the token directly, at the most callers.
func (b *bench) byWorkers(ctx context.Context) (err error) {
	if len(b.Workers) == 0 || len(b.Callers) == 0 {
		return nil
	}
	callers := slices.Max(b.Callers)
	all := []way{{direct, b.direct.Do, []int{os.Getpid()}}}
	var stops []func() error
	defer func() {
		for _, stop := range stops {
			err = errors.Join(err, stop())
		}
	}()
	for _, n := range b.Workers {
		w, stop, err := b.withWorkers(ctx, n)
		if err != nil {
			return err
		}
		all, stops = append(all, w), append(stops, stop)
	}
	for _, op := range []ways.Operation{ways.SignP256, ways.SignRSA2048} {
		samples, err := b.interleaved(ctx, op, callers, all)
		if err != nil {
			return err
		}
		for _, w := range all {
			b.report.Add(string(op), w.name, callers, samples[w.name], samples[direct])
		}
	}
	return nil
}

// withWorkers starts a gateway with n worker processes, which runs until stop is
// called; the token is in use through it already, so that its workers run.
func (b *bench) withWorkers(ctx context.Context, n int) (_ way, stop func() error, err error) {
	name := fmt.Sprintf("gateway, %d workers", n)
	if n == 1 {
		name = "gateway, 1 worker"
	}
	g, end, err := b.lab.AddGateway(ctx, fmt.Sprintf("gateway-workers-%d", n), fmt.Sprintf("PKCS11_WORKERS=%d", n))
	if err != nil {
		return way{}, nil, err
	}
	opened, err := ways.OpenGateway(ctx, g, b.lab.Token)
	if err != nil {
		return way{}, nil, errors.Join(fmt.Errorf("opening the token through %s: %w", name, err), end())
	}
	stop = func() error { return errors.Join(opened.Close(), end()) } //nolint:contextcheck // closing obeys none
	if err := opened.FindKeys(ctx); err != nil {
		return way{}, nil, errors.Join(fmt.Errorf("finding the keys through %s: %w", name, err), stop())
	}
	return way{name, opened.Do, []int{os.Getpid(), g.PID}}, stop, nil
}
