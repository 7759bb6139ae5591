package faultp11

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrMissing is wrapped by the error that says that there is no C compiler.
var ErrMissing = errors.New("not installed")

//go:embed src/*.c src/*.h src/*.def
var source embed.FS

var flags = []string{"-std=gnu11", "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-pthread", "-Wall", "-Wextra", "-Werror", "-shared"}

// Module returns the path of the module, built from the sources that this
// package was built with: in the user's cache, once per version of them. Several
// processes may call it at once.
func Module() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, flags)
	var units []string
	err := fs.WalkDir(source, "src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := source.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		if strings.HasSuffix(path, ".c") {
			units = append(units, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the module's sources: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "gatehouse", "faultp11")
	module := filepath.Join(cache, hex.EncodeToString(sum.Sum(nil))[:16]+".so")
	if _, err := os.Stat(module); err == nil {
		return module, nil
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", fmt.Errorf("making the cache of the module: %w", err)
	}
	return module, compile(module, units)
}

// compile compiles in a directory of its own and moves the result into place,
// so that nobody finds half a module.
func compile(module string, units []string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(module), "build-*")
	if err != nil {
		return fmt.Errorf("making a place to build the module: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.CopyFS(dir, source); err != nil {
		return fmt.Errorf("writing the module's sources: %w", err)
	}
	cc, err := exec.LookPath("gcc")
	if err != nil {
		return fmt.Errorf("gcc: %w", ErrMissing)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	args := append(append(append([]string{}, flags...), "-o", "module.so"), units...)
	cmd := exec.CommandContext(ctx, cc, append(args, "-ldl")...)
	cmd.Dir = filepath.Join(dir, "src")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the module: %w: %s", err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(filepath.Join(cmd.Dir, "module.so"), module); err != nil {
		return fmt.Errorf("moving the module into place: %w", err)
	}
	return nil
}
