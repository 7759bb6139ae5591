// Workflows plays all features and prints how each workflow of docs/workflows.md
// stands. It ends with status 1 unless every one that is built passes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"gatehouse/features/results"
	"gatehouse/features/workflows"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	last := flag.Bool("last", false, "do not play the features: show how they ended the last time")
	flag.Parse()
	err := run(ctx, *last, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "workflows:", err)
		os.Exit(1)
	}
}

var errNotGood = errors.New("not every workflow that is built passes")

// run must be called in the root of the repository.
func run(ctx context.Context, last bool, out io.Writer) error {
	dir := filepath.Join("features", ".results")
	var played error
	if !last {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		played = play(ctx)
	}
	runs, err := results.Read(dir)
	if err != nil {
		return errors.Join(played, err)
	}
	all, err := workflows.Read(filepath.Join("docs", "workflows.md"))
	if err != nil {
		return err
	}
	return errors.Join(played, table(out, workflows.Table(all, runs), runs))
}

// play plays all features; nothing is left out when something is missing.
func play(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout", "14m", "-run", "^TestFeatures", "./features")
	cmd.Env = append(os.Environ(), "CI=true", "GATEHOUSE_FEATURES=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("playing the features: %w", err)
	}
	return nil
}

// table prints the rows and tells whether all is good.
func table(out io.Writer, rows []workflows.Row, runs []*results.Run) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "id\tworkflow\t")
	for _, r := range runs {
		fmt.Fprintf(w, "%s\t", r.Stage)
	}
	fmt.Fprintln(w, "failing\tverdict")
	var failing []string
	var err error
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t", r.ID, r.Name)
		for _, run := range runs {
			fmt.Fprintf(w, "%s\t", count(r.Passing[run.Stage]))
		}
		fmt.Fprintf(w, "%s\t%s\n", count(len(r.Failing)), r.Verdict())
		failing = append(failing, r.Failing...)
		if !r.Good() {
			err = errNotGood
		}
	}
	err = errors.Join(err, w.Flush())
	slices.Sort(failing)
	for _, f := range slices.Compact(failing) {
		fmt.Fprintln(out, "failing:", f)
	}
	return err
}

func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}
