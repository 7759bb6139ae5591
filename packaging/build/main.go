// Build makes the packages: deb and rpm of every program that is delivered.
//
//	go run ./packaging/build -out dist
//
// What it makes depends on the commit alone: the same commit, compiler and C
// library give the same bytes. It needs git, Go and a C compiler, and runs nfpm,
// which is pinned in tools/nfpm.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
)

// A product is a program with its package.
type product struct {
	name, summary, description string

	tool bool // runs for whoever calls it, and not as a service
}

var products = []product{
	{
		"gatehouse-hmg", "HSM gateway of Gatehouse",
		"Runs beside an HSM, loads its PKCS#11 library, and lets the key management\n  service Gatehouse use its keys over mutual TLS.", false,
	},
	{
		"gatehouse", "Key management service in front of HSMs",
		"Puts the HSMs of an organisation behind one REST API: virtual keys,\n  policies, and an audit log. Reaches HSMs through gatehouse-hmg.", false,
	},
	{
		"gatehouse-cli", "Command line of Gatehouse",
		"Works on the key management service Gatehouse over its REST API: keys,\n  groups, HSMs, applications, and what keys are for.", true,
	},
}

func main() {
	out := flag.String("out", "dist", "folder for the packages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := build(ctx, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}

// build makes all packages in out, which loses what was in it.
func build(ctx context.Context, out string) error {
	r, err := findRelease(ctx)
	if err != nil {
		return err
	}
	stage := filepath.Join(out, "stage")
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := compile(ctx, r, filepath.Join(stage, "bin")); err != nil {
		return err
	}
	for _, p := range products {
		dir := filepath.Join(stage, p.name)
		values, err := p.prepare(ctx, r, filepath.Join(stage, "bin", p.name), dir)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		for _, format := range []string{"deb", "rpm"} {
			file, err := p.pack(ctx, r, format, dir, out, values)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", p.name, format, err)
			}
			fmt.Println(file)
		}
	}
	return nil
}

// compile builds the programs: position independent, with read-only
// relocations, and without symbols.
func compile(ctx context.Context, r release, dir string) error {
	args := []string{
		"build", "-trimpath", "-buildmode=pie",
		"-ldflags=-s -w -linkmode=external -extldflags '-Wl,-z,relro,-z,now,--build-id=sha1'", "-o", dir + string(filepath.Separator),
	}
	if r.commit == "" {
		args = append(args, "-buildvcs=false")
	}
	for _, p := range products {
		args = append(args, "./app/cmd/"+p.name)
	}
	_, err := run(ctx, []string{"CGO_ENABLED=1"}, "go", args...)
	return err
}

// prepare writes into dir what the package holds beside the sources, and
// returns what nfpm.yaml needs to know.
func (p product) prepare(ctx context.Context, r release, program, dir string) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Rename(program, filepath.Join(dir, p.name)); err != nil {
		return nil, err
	}
	program = filepath.Join(dir, p.name)
	source := filepath.Join("packaging", p.name)
	values := map[string]string{
		"NAME": p.name, "SUMMARY": p.summary, "DESCRIPTION": p.description, "ARCH": runtime.GOARCH,
		"VERSION": r.number, "PRERELEASE": r.prerelease, "DATE": r.date.Format("2006-01-02T15:04:05Z"), "STAGE": dir, "SOURCE": source,
	}
	examples, err := filepath.Glob(filepath.Join(source, "examples", "*.conf"))
	if err != nil {
		return nil, err
	}
	var list strings.Builder
	for _, e := range examples {
		fmt.Fprintf(&list, "  - src: %s\n    dst: /usr/share/doc/%s/examples/%s\n    file_info: { mode: 0644 }\n", e, p.name, filepath.Base(e))
	}
	values["EXAMPLES"] = list.String()
	if p.tool {
		if err := completions(ctx, program, dir); err != nil {
			return nil, err
		}
	}
	return values, p.documents(ctx, r, program, dir)
}
