// Package report holds what a benchmark has found: rates and latencies by way,
// ratios to the baseline of the same run, and the aims beside them. It prints
// them as a table and writes them as JSON.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"gatehouse/bench/measure"
)

// Row is one operation, by one way, with a number of callers.
type Row struct {
	Operation string        `json:"operation"`
	Way       string        `json:"way"`
	Callers   int           `json:"callers"`
	Rate      float64       `json:"per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	CPU       time.Duration `json:"cpu_per_operation_ns"` // of client, service, gateway and workers together
	Added     time.Duration `json:"cpu_added_ns"`         // to the baseline's
	Ratio     float64       `json:"ratio"`                // of the rate to the baseline's with as many callers
}

// Ratio is one figure that an aim exists for.
type Ratio struct {
	What  string  `json:"what"`
	Ratio float64 `json:"ratio"`
	Aim   string  `json:"aim"`
}

// Report is one run.
type Report struct {
	At       time.Time `json:"at"`
	CPUs     int       `json:"cpus"`
	Go       string    `json:"go"`
	Baseline string    `json:"baseline"`
	Rows     []Row     `json:"rows"`
	Ratios   []Ratio   `json:"ratios"`
}

// Add adds a row, compared with a baseline (the zero Sample: none).
func (r *Report) Add(operation, way string, callers int, s, baseline measure.Sample) {
	row := Row{Operation: operation, Way: way, Callers: callers, Rate: s.Rate(), P50: s.P50, P99: s.P99, CPU: s.CPUPerOp()}
	if baseline.Ops > 0 {
		row.Ratio, row.Added = row.Rate/baseline.Rate(), row.CPU-baseline.CPUPerOp()
	}
	r.Rows = append(r.Rows, row)
}

// Print writes the report as tables.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "operation\tway\tcallers\tper second\tp50\tp99\tCPU each\tadded\tratio\t\n")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%s\t%s\t\n", row.Operation, row.Way, row.Callers, row.Rate,
			short(row.P50), short(row.P99), short(row.CPU), short(row.Added), ratio(row.Ratio))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nadded, ratio: to %s, in this run, with as many callers\n\n", r.Baseline)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "what\tmeasured\taim\n")
	for _, x := range r.Ratios {
		fmt.Fprintf(t, "%s\t%s\t%s\n", x.What, ratio(x.Ratio), x.Aim)
	}
	return t.Flush()
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(time.Microsecond).String()
	}
}

func ratio(r float64) string {
	if r == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", r)
}

// Write stores the report as JSON in dir, in a file named after its time.
func (r *Report) Write(dir string) (string, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encoding the report: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of results: %w", err)
	}
	path := filepath.Join(dir, r.At.UTC().Format("20060102T150405Z")+".json")
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("writing the report: %w", err)
	}
	return path, nil
}
