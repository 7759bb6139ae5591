// Package opensc does tasks with OpenSC's pkcs11-tool, on the very keys in the
// token that the service uses.
//
// It guarantees that keys are named by the CKA_ID that the service tells, so that
// the comparison is about the same object and not about a copy. The agreement
// tests use it. A Party is safe for concurrent use.
package opensc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"gatehouse/features/agreement/task"
	"gatehouse/simulators/lab/opensc"
)

// Party is pkcs11-tool with a folder for its files.
type Party struct {
	Tool *opensc.Tool
	Dir  string
	ID   func(ctx context.Context, k *task.Key, mode string) (ckaID []byte, err error) // of a key in the token

	calls atomic.Int64
}

var _ task.Party = (*Party)(nil)

// Calls tells how often the program was started.
func (p *Party) Calls() int64 { return p.calls.Load() }

// Make does the first half of a task.
func (p *Party) Make(ctx context.Context, t task.Task) (m task.Made, err error) {
	if t.Act == task.PublicKey {
		id, err := p.ID(ctx, t.Key, t.Mode)
		if err != nil {
			return m, err
		}
		p.calls.Add(1)
		m.Out, err = p.Tool.PublicKey(ctx, id, nil)
		return m, err
	}
	args, in, err := p.call(t)
	if err != nil {
		return m, err
	}
	switch t.Act {
	case task.Encrypt:
		if t.Mode != "ECB" {
			m.IV = make([]byte, 16)
			if t.Key.Type == "DES3" {
				m.IV = m.IV[:8]
			}
			args = append(args, "--iv", hex.EncodeToString(m.IV))
		}
		m.Out, err = p.run(ctx, t, in, append([]string{"--encrypt"}, args...)...)
	case task.Sign, task.MAC:
		m.Out, err = p.run(ctx, t, in, append([]string{"--sign"}, args...)...)
	case task.Agree:
		m.Out, err = p.run(ctx, t, in, append([]string{"--derive"}, args...)...)
	case task.Wrap:
		m.Out, err = p.wrap(ctx, t, args)
	default:
		err = fmt.Errorf("pkcs11-tool does not %s: %w", t.Act, task.ErrRefused)
	}
	return m, err
}

// Check does the second half.
func (p *Party) Check(ctx context.Context, t task.Task, m task.Made) error {
	if t.Act == task.Agree || t.Act == task.PublicKey {
		own, err := p.Make(ctx, t)
		if err != nil {
			return err
		}
		return task.Same(string(t.Act), m.Out, own.Out)
	}
	args, in, err := p.call(t)
	if err != nil {
		return err
	}
	switch t.Act {
	case task.Encrypt:
		if len(m.IV) > 0 {
			args = append(args, "--iv", hex.EncodeToString(m.IV))
		}
		plain, err := p.run(ctx, t, m.Out, append([]string{"--decrypt"}, args...)...)
		if err != nil {
			return err
		}
		return task.Same("the plaintext", plain, t.In)
	case task.Sign, task.MAC:
		signature, err := p.write("signature-*", m.Out)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(signature) }() // and with the folder in any case
		_, err = p.run(ctx, t, in, append([]string{"--verify", "--signature-file", signature}, args...)...)
		return err
	case task.Wrap:
		return p.unwrap(ctx, t, m, args)
	default:
		return fmt.Errorf("pkcs11-tool does not %s: %w", t.Act, task.ErrRefused)
	}
}

// run runs the tool with the key of a task and returns what it wrote into its
// output file; of a verification, nothing.
func (p *Party) run(ctx context.Context, t task.Task, in []byte, args ...string) (out []byte, err error) {
	id, err := p.ID(ctx, t.Key, t.Mode)
	if err != nil {
		return nil, err
	}
	input, err := p.write("in-*", in)
	if err != nil {
		return nil, err
	}
	output := input + "-out"
	defer func() { _, _ = os.Remove(input), os.Remove(output) }() // and with the folder in any case
	verify := args[0] == "--verify"
	args = append(args, "--id", hex.EncodeToString(id), "--input-file", input)
	if !verify {
		args = append(args, "--output-file", output)
	}
	p.calls.Add(1)
	said, err := p.Tool.Run(ctx, args...)
	if err != nil {
		return nil, err
	}
	if verify {
		if !strings.Contains(said, "Signature is valid") {
			return nil, errors.New("pkcs11-tool does not say that the signature is valid")
		}
		return nil, nil
	}
	return os.ReadFile(output)
}

func (p *Party) write(pattern string, content []byte) (string, error) {
	f, err := os.CreateTemp(p.Dir, pattern)
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	return filepath.Clean(f.Name()), errors.Join(err, f.Close())
}
