package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/simulators/lab/estate"
	"gatehouse/simulators/softtoken"
)

// memory is a folder that is not on a disk, on most Linux machines.
const memory = "/dev/shm"

// MakeToken makes the token and fills it, unless it is to be empty.
//
// SoftHSM2 waits for the disk with every object that it makes, which takes
// seconds for a whole estate, and minutes on a busy disk. So the token is made
// in memory where there is such a folder, and then put in its place.
func (l *Lab) MakeToken(ctx context.Context) (err error) {
	at := l.path("token")
	scratch, err := os.MkdirTemp(memory, "gatehouse-lab-*")
	if err != nil {
		scratch = at
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	}
	token, err := softtoken.SoftHSM(scratch, TokenLabel, l.opts.PIN) //nolint:contextcheck // a moment: not worth a context
	if err != nil {
		return err
	}
	if !l.opts.Empty {
		if l.Estate, err = estate.Fill(ctx, token, l.Dir); err != nil {
			return err
		}
		if err := l.writeManifest(); err != nil {
			return err
		}
	}
	if scratch != at {
		if token, err = move(token, scratch, at); err != nil {
			return fmt.Errorf("moving the token into its place: %w", err)
		}
	}
	l.Token = token
	return nil
}

func (l *Lab) writeManifest() error {
	manifest, err := json.MarshalIndent(l.Estate, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the estate's manifest: %w", err)
	}
	if err := os.WriteFile(l.path("estate.json"), append(manifest, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the estate's manifest: %w", err)
	}
	return nil
}

// move copies a token's folder, and makes its configuration name the new place.
func move(token softtoken.Token, from, to string) (softtoken.Token, error) {
	if err := os.Mkdir(to, 0o700); err != nil { // which keeps others out of all below it
		return token, err
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return token, err
	}
	const conf = "softhsm2.conf"
	text, err := os.ReadFile(filepath.Join(from, conf))
	if err != nil {
		return token, err
	}
	if err := os.WriteFile(filepath.Join(to, conf), []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		return token, err
	}
	token.Env = slices.Clone(token.Env)
	for i, kv := range token.Env {
		token.Env[i] = strings.ReplaceAll(kv, from, to)
	}
	return token, nil
}
