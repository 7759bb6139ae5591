// Tested-tokens runs the conformance suite over tokens by every way, keeps the
// results in docs/hsm/results, and makes docs/hsm/tested-tokens.md of all that
// are there. It is run in the root of the repository.
//
// Without a name it runs the software tokens. With one it runs the token that
// PKCS11_LIB_PATH, PKCS11_SLOT and PKCS11_PIN_FILE name.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"gatehouse/app/assembly/version"
	"gatehouse/simulators/softtoken"
	"gatehouse/simulators/tested"
)

// software are the tests of tokens that every machine can make, and their names.
var software = map[string]string{"TestSoftHSM": "SoftHSM2", "TestNSS": "NSS softokn"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	name := flag.String("name", "", "name of your own token in the table; empty: run the software tokens")
	table := flag.Bool("table", false, "run nothing: make the table of the results that are there")
	flag.Parse()
	err := run(ctx, *name, *table)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tested-tokens:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, tableOnly bool) error {
	dir := filepath.Join("docs", "hsm", "results")
	var failed error
	if !tableOnly {
		tests := software
		if name != "" {
			if _, err := softtoken.Own(); err != nil {
				return err
			}
			tests = map[string]string{"TestOwnToken": name}
		}
		results, err := play(ctx, tests)
		if err != nil {
			return err
		}
		for _, r := range results {
			path, err := r.Save(dir)
			if err != nil {
				return err
			}
			fmt.Println(path)
			if !r.Good() {
				failed = errors.New("not everything passed: see the results")
			}
		}
	}
	all, err := tested.Load(dir)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("docs", "hsm", "tested-tokens.md"), tested.Table(all), 0o644); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return failed
}

// play runs the tests, and tells what they printed when one fails.
func play(ctx context.Context, tests map[string]string) ([]*tested.Result, error) {
	args := []string{"test", "-json", "-count=1", "-p", "1", "-timeout", "60m", "-run"}
	var names []string
	for n := range tests {
		names = append(names, n)
	}
	args = append(args, "^("+strings.Join(names, "|")+")$")
	for _, w := range tested.Ways {
		args = append(args, "./"+strings.TrimPrefix(w.Package, "gatehouse/"))
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	// A token that is missing fails. The variables of one's own token are for its
	// own tests: the software tokens set theirs.
	cmd.Env = append(os.Environ(), "CI=true")
	ran := cmd.Run()
	results, err := tested.Read(bytes.NewReader(out.Bytes()))
	if err == nil && len(results) != len(tests) {
		_, _ = io.Copy(os.Stderr, &out)
		err = errors.Join(fmt.Errorf("%d of %d tokens were reached", len(results), len(tests)), ran)
	}
	if err != nil {
		return nil, err
	}
	var all []*tested.Result
	for test, r := range results {
		r.Name, r.Gatehouse, r.Platform = tests[test], version.Number, platform()
		r.Date = time.Now().UTC().Format(time.DateOnly)
		all = append(all, r)
	}
	return all, nil
}

// platform tells the operating system and processor.
func platform() string {
	name := runtime.GOOS
	b, err := os.ReadFile("/etc/os-release")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok && err == nil {
			name = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return name + ", " + runtime.GOARCH
}
