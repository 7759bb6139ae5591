// Package measure runs one operation over and over with a number of callers,
// and tells rate, latencies and the CPU time that the processes concerned took.
// It is used by the benchmarks only.
package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Op is one operation of one caller.
type Op func(ctx context.Context) error

// Sample is what one run has shown.
type Sample struct {
	Ops     int
	Elapsed time.Duration
	CPU     time.Duration // of all processes concerned
	P50     time.Duration
	P99     time.Duration
}

// Rate returns operations per second.
func (s Sample) Rate() float64 { return float64(s.Ops) / s.Elapsed.Seconds() }

// CPUPerOp returns CPU time per operation.
func (s Sample) CPUPerOp() time.Duration {
	if s.Ops == 0 {
		return 0
	}
	return s.CPU / time.Duration(s.Ops)
}

// Run lets callers repeat op for the given time. The first error ends it: a
// benchmark of failures is none. CPU is counted over the processes pids and
// those that they have started.
func Run(ctx context.Context, callers int, during time.Duration, op Op, pids ...int) (Sample, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pids, err := family(pids)
	if err != nil {
		return Sample{}, err
	}
	before, err := cpu(pids)
	if err != nil {
		return Sample{}, err
	}
	latencies := make([][]time.Duration, callers)
	errs := make([]error, callers)
	start := time.Now()
	deadline := start.Add(during)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				if began.After(deadline) {
					return
				}
				if err := op(ctx); err != nil {
					errs[i] = err
					cancel()
					return
				}
				latencies[i] = append(latencies[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	s := Sample{Elapsed: time.Since(start)}
	after, err := cpu(pids)
	if err != nil {
		return Sample{}, err
	}
	if err := errors.Join(errs...); err != nil {
		return Sample{}, err
	}
	s.CPU = after - before
	all := slices.Concat(latencies...)
	slices.Sort(all)
	s.Ops = len(all)
	s.P50, s.P99 = quantile(all, 0.50), quantile(all, 0.99)
	return s, nil
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// tick is the unit of the times in /proc/PID/stat (USER_HZ).
const tick = 10 * time.Millisecond

// cpu returns the user and system time that the processes have taken so far.
func cpu(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		fields, err := stat(pid)
		if err != nil {
			return 0, err
		}
		for _, f := range fields[11:13] {
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// stat returns what /proc/PID/stat tells of a process, after its name.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name, in brackets, may hold blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return nil, fmt.Errorf("reading the CPU time of process %d: unknown format", pid)
	}
	return fields, nil
}

// family returns pids and the processes that descend from them, as a gateway's
// workers do; but not what this process has started for other reasons.
func family(pids []int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing the processes: %w", err)
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		fields, err := stat(pid)
		if err != nil {
			continue // it has ended
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	all := slices.Clone(pids)
	for i := 0; i < len(all); i++ {
		if all[i] == os.Getpid() {
			continue
		}
		for _, c := range children[all[i]] {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// Median returns the sample in the middle of the rates: rounds differ because
// the machine does something else now and then.
func Median(samples []Sample) Sample {
	sorted := slices.Clone(samples)
	slices.SortFunc(sorted, func(a, b Sample) int {
		switch {
		case a.Rate() < b.Rate():
			return -1
		case a.Rate() > b.Rate():
			return 1
		default:
			return 0
		}
	})
	return sorted[len(sorted)/2]
}
