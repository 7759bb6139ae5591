package campaign

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Measure is what the gateway holds at a quiet moment.
type Measure struct {
	At          time.Duration // since the soak began
	Descriptors int           // of the gateway
	Threads     int
	Goroutines  int   // 0: the gateway does not tell
	Resident    int64 // bytes of the gateway
	Workers     int   // processes
	Zombies     int
	WorkerFiles int   // descriptors of the worker that has most
	WorkerSpace int64 // bytes of the worker that has most
	Temporary   int   // files that were left behind
	Objects     int   // in the token, but for keys in use
	Crowd       int   // most sessions of a process that had more open than it should; else 0
}

// Soak is what became of a long campaign.
type Soak struct {
	Seed     uint64
	Report   Report
	Measures []Measure
	Found    []string // leaks
}

// RunSoak injects faults of the table at random until it has lasted so long,
// and looks for what is never given back. Told is called now and then.
func RunSoak(ctx context.Context, w *World, lasting time.Duration, seed uint64, told func(Soak)) (s Soak, err error) {
	s.Seed = seed
	c, err := Begin(ctx, w, 14, 2)
	if err != nil {
		return s, err
	}
	defer func() {
		if e := c.End(); err == nil {
			err = e
		}
	}()
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // it is to come again, not to be unforeseeable
	table := slices.DeleteFunc(Faults(), func(f Fault) bool { return f.Hold > 5*time.Second && lasting < 10*time.Minute })
	begun := time.Now()
	every := min(lasting/20, 30*time.Second)
	next := every
	for time.Since(begun) < lasting {
		res, err := c.Inject(ctx, table[random.IntN(len(table))])
		if err != nil {
			return s, err
		}
		s.Report.Results = append(s.Report.Results, res)
		if time.Since(begun) >= next {
			m, err := c.measure(ctx)
			if err != nil {
				return s, err
			}
			m.At = time.Since(begun)
			s.Measures = append(s.Measures, m)
			next = m.At + every
			told(s)
		}
	}
	s.Report.Steps = w.log.ladder
	s.judge(w.opts.Workers)
	return s, nil
}

// measure looks at the gateway while no fault is on and every worker serves.
func (c *Campaign) measure(ctx context.Context) (m Measure, err error) {
	w := c.w
	if err := w.ready(ctx, w.Tokens[0].Slot); err != nil {
		return m, err
	}
	if m.Crowd, err = w.crowded(ctx); err != nil {
		return m, err
	}
	gateway, _ := statOf(w.Lab.Gateway.PID)
	m.Descriptors, m.Threads, m.Resident = descriptors(gateway.pid), gateway.threads, gateway.rss
	m.Goroutines = w.goroutines(ctx)
	list, err := children(gateway.pid)
	if err != nil {
		return m, err
	}
	for _, p := range list {
		if p.zombie() {
			m.Zombies++
			continue
		}
		m.Workers++
		m.WorkerFiles, m.WorkerSpace = max(m.WorkerFiles, descriptors(p.pid)), max(m.WorkerSpace, p.rss)
	}
	left, err := filepath.Glob(filepath.Join(w.temp, "*"))
	m.Temporary = len(left)
	m.Objects = c.traffic.ledger.unreadable
	return m, err
}

// crowded returns how many sessions a worker has open, as far as it counts, that
// works with more than it should within a second; 0 when none does.
func (w *World) crowded(ctx context.Context) (most int, err error) {
	before := w.injected()
	var rules []string
	for n := 4 * sessions; n > sessions; n-- { // the first that holds acts
		rules = append(rules, crowdOf(n))
	}
	if err := w.Faults.Set(rules...); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Faults.Clear()) }()
	rest(ctx, time.Second)
	log, err := w.injectedSince(before)
	if err != nil {
		return 0, err
	}
	for n := 4 * sessions; n > sessions && most == 0; n-- { // by its rule: a line may be of an earlier one
		if strings.Contains(log, crowdOf(n)+"\n") {
			most = n
		}
	}
	return most, nil
}

// crowdOf is a rule that a process meets which works while it has n sessions open.
func crowdOf(n int) string { return fmt.Sprintf("C_*Init open %d -> delay 1us", n) }

// judge looks for what grows.
func (s *Soak) judge(workers int) {
	found := func(format string, args ...any) { s.Found = append(s.Found, fmt.Sprintf(format, args...)) }
	half := s.Measures[len(s.Measures)/2:]
	if len(half) < 2 {
		found("it was too short to tell")
		return
	}
	for _, m := range s.Measures {
		at := m.At.Round(time.Second)
		if m.Workers != workers {
			found("%s: %d worker processes instead of %d", at, m.Workers, workers)
		}
		if m.Zombies > 0 {
			found("%s: %d zombies", at, m.Zombies)
		}
		if m.Crowd > 0 {
			found("%s: a worker has %d sessions or more, and should have no more than %d", at, m.Crowd, sessions)
		}
		if m.Temporary > 0 {
			found("%s: %d temporary files", at, m.Temporary)
		}
	}
	grows(found, "file descriptors of the gateway", half, 8, func(m Measure) float64 { return float64(m.Descriptors) })
	grows(found, "threads of the gateway", half, 8, func(m Measure) float64 { return float64(m.Threads) })
	grows(found, "file descriptors of a worker", half, 8, func(m Measure) float64 { return float64(m.WorkerFiles) })
	grows(found, "goroutines of the gateway", half, 20, func(m Measure) float64 { return float64(m.Goroutines) })
	grows(found, "memory of the gateway (MB)", half, max(16, float64(half[0].Resident>>20)/4), func(m Measure) float64 { return float64(m.Resident >> 20) })
}

// grows tells when the straight line through values rises by more than slack
// from the first measure to the last.
func grows(found func(string, ...any), what string, ms []Measure, slack float64, of func(Measure) float64) {
	var n, sx, sy, sxx, sxy float64
	for _, m := range ms {
		x, y := m.At.Seconds(), of(m)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	rise := (n*sxy - sx*sy) / (n*sxx - sx*sx) * (ms[len(ms)-1].At - ms[0].At).Seconds()
	if rise > slack {
		found("%s grow by %.0f in the second half", what, rise)
	}
}

// Table is the measures as a table in Markdown.
func (s Soak) Table() string {
	var b strings.Builder
	fmt.Fprintln(&b, "| after | faults | file descriptors | threads | goroutines | memory | workers | of a worker: file descriptors | memory |")
	fmt.Fprintln(&b, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	n := max(1, len(s.Measures)/10)
	for i, m := range s.Measures {
		if i%n != 0 && i != len(s.Measures)-1 {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d MB | %d | %d | %d MB |\n", m.At.Round(time.Second), len(s.Report.Results)*(i+1)/len(s.Measures),
			m.Descriptors, m.Threads, m.Goroutines, m.Resident>>20, m.Workers, m.WorkerFiles, m.WorkerSpace>>20)
	}
	return b.String()
}

// Seed returns a seed that nobody has chosen.
func Seed() uint64 { return rand.Uint64() % 1_000_000 } //nolint:gosec // see above

// goroutines returns how many goroutines the gateway says that it has; 0 when
// it does not say.
func (w *World) goroutines(ctx context.Context) int {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: w.trust, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.metrics, http.NoBody)
	if err != nil {
		return 0
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(v), 64) // the metrics library writes numbers
			return int(n)
		}
	}
	return 0
}
