package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"gatehouse/bench/measure"
	"gatehouse/bench/report"
	"gatehouse/bench/ways"
	"gatehouse/simulators/lab"
	"gatehouse/simulators/softtoken"
)

const (
	direct  = "SoftHSM2 directly"
	gateway = "gateway"
	rest    = "REST + gateway"
)

// bench is the stage of one run.
type bench struct {
	program
	lab     *lab.Lab
	direct  *ways.Direct
	gateway *ways.Gateway
	rest    *ways.REST
	input   []byte
	report  report.Report
}

func run(ctx context.Context, p program) (err error) {
	b := &bench{program: p, input: make([]byte, 4096), report: report.Report{
		At: time.Now(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Baseline: direct,
	}}
	if _, err := rand.Read(b.input); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	fmt.Fprintln(os.Stderr, "setting up a token, a gateway and a service in", dir)
	token, err := tokenFolder(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(token)) }()
	if b.lab, err = startLab(ctx, p.Programs, dir, token); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.lab.Close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.gateway.Close(), b.direct.Close()) }() //nolint:contextcheck // closing obeys none
	if err := b.operations(ctx); err != nil {
		return err
	}
	if err := b.byWorkers(ctx); err != nil {
		return err
	}
	if err := b.ordinary(ctx); err != nil {
		return err
	}
	if err := b.syncs(ctx); err != nil {
		return err
	}
	if err := b.report.Print(os.Stdout); err != nil {
		return err
	}
	path, err := b.report.Write(p.Results)
	fmt.Println("\nwritten to", path)
	return err
}

// tokenFolder makes the folder of the token, in memory where the machine allows
// it: writing 10,000 objects to a disk takes minutes and is not what is
// measured. The service's database stays on disk.
func tokenFolder(dir string) (string, error) {
	if at, err := os.MkdirTemp("/dev/shm", "gatehouse-bench-"); err == nil {
		return at, nil
	}
	return os.MkdirTemp(dir, "token-")
}

// startLab starts a gateway beside a new token in the folder token, and a service.
func startLab(ctx context.Context, programs, dir, token string) (*lab.Lab, error) {
	programs, err := filepath.Abs(programs)
	if err != nil {
		return nil, err
	}
	l, err := lab.New(lab.Options{Dir: filepath.Join(dir, "lab"), Programs: programs})
	if err != nil {
		return nil, err
	}
	if l.Token, err = softtoken.SoftHSM(token, "bench", "bench-4711"); err == nil { //nolint:contextcheck // takes milliseconds
		err = l.StartGateway(ctx)
	}
	if err == nil {
		err = l.StartService(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (b *bench) open(ctx context.Context) (err error) {
	if b.rest, err = ways.OpenREST(ctx, b.lab); err != nil {
		return err
	}
	if b.gateway, err = ways.OpenGateway(ctx, b.lab.Gateway, b.lab.Token); err != nil {
		return err
	}
	if err := b.gateway.FindKeys(ctx); err != nil {
		return err
	}
	if b.direct, err = ways.OpenDirect(b.lab.Token, 16); err != nil {
		return err
	}
	return b.direct.FindKeys()
}

// way is one way to do an operation.
type way struct {
	name string
	do   func(context.Context, ways.Operation, []byte) error
	pids []int
}

func (b *bench) ways() []way {
	self, hmg, service := os.Getpid(), b.lab.Gateway.PID, b.lab.Service.PID
	return []way{
		{direct, b.direct.Do, []int{self}},
		{gateway, b.gateway.Do, []int{self, hmg}},
		{rest, b.rest.Do, []int{self, hmg, service}},
	}
}

// operations measures every operation by every way, interleaved.
func (b *bench) operations(ctx context.Context) error {
	for _, op := range []ways.Operation{ways.SignP256, ways.SignRSA2048, ways.EncryptGCM} {
		for _, callers := range b.Callers {
			samples, err := b.interleaved(ctx, op, callers, b.ways())
			if err != nil {
				return err
			}
			for _, w := range b.ways() {
				b.report.Add(string(op), w.name, callers, samples[w.name], samples[direct])
			}
			b.aims(op, callers, samples)
		}
	}
	return b.batch(ctx)
}

// interleaved measures the ways in turn, round by round, and returns the median of each.
func (b *bench) interleaved(ctx context.Context, op ways.Operation, callers int, all []way) (map[string]measure.Sample, error) {
	rounds := map[string][]measure.Sample{}
	for range b.Rounds {
		for _, w := range all {
			fmt.Fprintf(os.Stderr, "%s, %s, %d callers\n", op, w.name, callers)
			s, err := measure.Run(ctx, callers, b.Each, func(ctx context.Context) error { return w.do(ctx, op, b.input) }, w.pids...)
			if err != nil {
				return nil, fmt.Errorf("%s, %s, %d callers: %w", op, w.name, callers, err)
			}
			rounds[w.name] = append(rounds[w.name], s)
		}
	}
	medians := map[string]measure.Sample{}
	for name, samples := range rounds {
		medians[name] = measure.Median(samples)
	}
	return medians, nil
}

// restAims are the aims of REST and gateway at 64 callers.
var restAims = map[ways.Operation]string{ways.SignP256: "0.75, then 0.90", ways.SignRSA2048: "0.92", ways.EncryptGCM: "0.40"}

// aims adds the ratios that aims exist for.
func (b *bench) aims(op ways.Operation, callers int, s map[string]measure.Sample) {
	add := func(what string, ratio float64, aim string) {
		b.report.Ratios = append(b.report.Ratios, report.Ratio{What: what, Ratio: ratio, Aim: aim})
	}
	base := s[direct].Rate()
	if callers >= 64 {
		add(fmt.Sprintf("gateway alone, %s, %d callers", op, callers), s[gateway].Rate()/base, "1.00")
	}
	switch {
	case callers == 64:
		add(fmt.Sprintf("REST + gateway, %s, %d callers", op, callers), s[rest].Rate()/base, restAims[op])
	case callers == 16 && op == ways.SignP256:
		add(fmt.Sprintf("gateway alone, %s, %d callers", op, callers), s[gateway].Rate()/base, "1.05")
	case callers == 1 && op == ways.SignP256:
		added := s[rest].P50 - s[direct].P50
		add(fmt.Sprintf("%s at one caller: p50 added by REST + gateway is %s", op, short(added)), 0, "at most 90µs")
	}
}

func short(d time.Duration) string { return d.Round(time.Microsecond).String() }

// batch measures 16 signatures in one request.
func (b *bench) batch(ctx context.Context) error {
	const size = 16
	var base, batched []measure.Sample
	w := b.ways()
	for range b.Rounds {
		s, err := measure.Run(ctx, 16, b.Each, func(ctx context.Context) error { return b.direct.Do(ctx, ways.SignP256, b.input) }, w[0].pids...)
		if err != nil {
			return err
		}
		base = append(base, s)
		if s, err = measure.Run(ctx, 4, b.Each, func(ctx context.Context) error { return b.rest.SignBatch(ctx, size, b.input) }, w[2].pids...); err != nil {
			return fmt.Errorf("signing in batches: %w", err)
		}
		batched = append(batched, s)
	}
	s := measure.Median(batched)
	s.Ops *= size
	median := measure.Median(base)
	b.report.Add("sign P-256, batch of 16, per signature", rest, 4, s, median)
	b.report.Ratios = append(b.report.Ratios, report.Ratio{What: "batch of 16, per signature", Ratio: s.Rate() / median.Rate(), Aim: "1.0"})
	return nil
}

// ordinary measures keys of ordinary groups, for which there is no baseline here.
func (b *bench) ordinary(ctx context.Context) error {
	w := b.ways()[2]
	for _, callers := range b.Callers {
		samples, err := b.interleaved(ctx, ways.Ordinary, callers, []way{{rest, w.do, []int{os.Getpid(), b.lab.Service.PID}}})
		if err != nil {
			return err
		}
		b.report.Add(string(ways.Ordinary), "REST", callers, samples[rest], measure.Sample{})
	}
	return nil
}
