package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is what became of a campaign.
type Report struct {
	Results []Result
	Steps   map[string]int // of the healing ladder, that helped
}

// row is a class of faults in the report.
type row struct {
	class          string
	faults, wrong  int
	good           int64
	failed, strays int
	reasons        map[string]int
	back           []time.Duration
}

// rows sums the results up by class, in order of their first appearance.
func (r Report) rows() []*row {
	var rows []*row
	for _, res := range r.Results {
		i := slices.IndexFunc(rows, func(w *row) bool { return w.class == res.Fault.Class })
		if i < 0 {
			i = len(rows)
			rows = append(rows, &row{class: res.Fault.Class, reasons: map[string]int{}})
		}
		w := rows[i]
		w.faults++
		w.good += res.Good
		w.failed += res.Failed
		w.strays += res.Strays
		w.wrong += len(res.Violations)
		for reason, n := range res.Reasons {
			w.reasons[reason] += n
		}
		w.back = append(w.back, res.Back)
	}
	return rows
}

// Table is the report as a table in Markdown.
func (r Report) Table() string {
	var b strings.Builder
	fmt.Fprintln(&b, "| fault | how many | requests served | failed | why | serves again after, median | slowest | violations |")
	fmt.Fprintln(&b, "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |")
	all := &row{class: "**all**", reasons: map[string]int{}}
	for _, w := range r.rows() {
		w.write(&b)
		all.faults += w.faults
		all.good += w.good
		all.failed += w.failed
		all.wrong += w.wrong
		all.back = append(all.back, w.back...)
	}
	all.write(&b)
	return b.String()
}

func (w *row) write(b *strings.Builder) {
	slices.Sort(w.back)
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(w.reasons)) {
		why = append(why, fmt.Sprintf("%d %s", w.reasons[reason], reason))
	}
	fmt.Fprintf(b, "| %s | %d | %d | %d | %s | %s | %s | %d |\n", w.class, w.faults, w.good, w.failed, strings.Join(why, ", "),
		milliseconds(w.back[len(w.back)/2]), milliseconds(w.back[len(w.back)-1]), w.wrong)
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// Violations returns how many things were that must not be.
func (r Report) Violations() (n int) {
	for _, res := range r.Results {
		n += len(res.Violations)
	}
	return n
}

// Lost returns how many tokens SoftHSM2 has lost when its process died in a login.
func (r Report) Lost() (n int) {
	for _, res := range r.Results {
		n += res.Lost
	}
	return n
}

// latencies are how long something took, again and again.
type latencies []time.Duration

// at returns the p-th percentile.
func (l latencies) at(p int) time.Duration {
	if len(l) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(l))
	return s[min(len(s)-1, len(s)*p/100)]
}

// String tells the distribution.
func (l latencies) String() string {
	return fmt.Sprintf("%d, median %s, p99 %s, slowest %s", len(l), l.at(50).Round(10*time.Microsecond), l.at(99).Round(10*time.Microsecond), l.at(100).Round(10*time.Microsecond))
}
