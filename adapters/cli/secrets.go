package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// maxSecret bounds what is read of a file that holds a secret, in bytes.
const maxSecret = 64 << 10

// apiKey returns the API key that was given, or none.
func (t *tool) apiKey() (secret.Value, error) {
	if t.flags.APIKeyFile != "" {
		return t.secretFile(t.flags.APIKeyFile)
	}
	return t.flags.APIKey.v, nil
}

// secret returns a secret: as given, or from a file, or from a person; flag is
// what names the ways to give it.
func (t *tool) secret(was secretFlag, file, flag, prompt string) (secret.Value, error) {
	switch {
	case file != "":
		return t.secretFile(file)
	case !was.v.Empty():
		return was.v, nil
	case t.Ask != nil:
		return t.Ask(prompt + ": ")
	default:
		return secret.Value{}, fault.New(fault.Invalid, "%s is missing, and there is no terminal to ask at: give --%s-file", prompt, flag)
	}
}

// secretFile reads the first line of a file; - is the standard input.
func (t *tool) secretFile(path string) (secret.Value, error) {
	in := t.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return secret.Value{}, fault.New(fault.Invalid, "%s", err)
		}
		defer f.Close() //nolint:errcheck // only read
		in = f
	}
	text, err := bufio.NewReader(io.LimitReader(in, maxSecret)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Value{}, err
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) == 0 {
		return secret.Value{}, fault.New(fault.Invalid, "%s holds no secret", path)
	}
	return secret.New(text), nil
}

// read returns what a file holds; - is the standard input.
func (t *tool) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(t.Stdin)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s", err)
	}
	return b, nil
}

// write puts bytes into a file for its owner alone; - is the standard output.
func (t *tool) write(path string, b []byte) error {
	if path == "-" {
		_, err := t.Stdout.Write(b)
		return err
	}
	return fresh(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// fresh makes a file for its owner alone, or replaces it: whole or not at all.
// What is there and no file, as a pipe, is written to.
func fresh(path string, fill func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fault.New(fault.Invalid, "%s", err)
		}
		return errors.Join(fill(f), f.Close())
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".gatehouse-*")
	if err != nil {
		return fault.New(fault.Invalid, "%s", err)
	}
	err = fill(temp)
	if err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temp.Name()) // what failed is told
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
