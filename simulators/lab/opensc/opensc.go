// Package opensc drives OpenSC's pkcs11-tool, so that what is said of a token is
// said by a program that knows nothing of Gatehouse.
//
// It guarantees that the PIN is handed over in the environment, never as an
// argument. The lab, the features and the tests use it. A Tool may be used from
// several goroutines; each call is a process of its own.
package opensc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gatehouse/core/hsm"
	"gatehouse/simulators/softtoken"
)

// Tool is pkcs11-tool, logged in to one token.
type Tool struct {
	path  string
	token softtoken.Token
}

// New returns a Tool for token. Its error wraps softtoken.ErrMissing when
// pkcs11-tool is not installed.
func New(token softtoken.Token) (*Tool, error) {
	path, err := exec.LookPath("pkcs11-tool")
	if err != nil {
		return nil, fmt.Errorf("pkcs11-tool: %w", softtoken.ErrMissing)
	}
	return &Tool{path: path, token: token}, nil
}

// pinVariable hands the PIN to pkcs11-tool.
const pinVariable = "GATEHOUSE_LAB_PIN"

// Run runs pkcs11-tool with further arguments and returns what it printed. It
// fails when the tool does, and when it only says "error" and goes on, as it may.
func (t *Tool) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, t.path, append([]string{
		"--module", t.token.Lib, "--token-label", t.token.Label, "--login", "--pin", "env:" + pinVariable,
	}, args...)...)
	cmd.Env = append(append(os.Environ(), t.token.Env...), pinVariable+"="+t.token.PIN, "LC_ALL=C")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if err == nil && strings.Contains(complaints.String(), "error:") {
		err = errors.New("it complained")
	}
	if err != nil {
		return "", fmt.Errorf("running pkcs11-tool %s: %w: %s", args[0], err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), nil
}

// Delete removes the one object of a class that has the CKA_ID and CKA_LABEL.
func (t *Tool) Delete(ctx context.Context, class hsm.Class, ckaID, label []byte) error {
	_, err := t.Run(ctx, append([]string{"--delete-object"}, selection(class, ckaID, label)...)...)
	return err
}

// PublicKey returns the DER SubjectPublicKeyInfo of a public key in the token.
// The tool, as of OpenSC 0.23, knows how for RSA and P-256: see Object.Point.
func (t *Tool) PublicKey(ctx context.Context, ckaID, label []byte) (der []byte, err error) {
	dir, err := os.MkdirTemp("", "gatehouse-public-key-*")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the public key: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "public.der")
	args := append([]string{"--read-object", "--output-file", file}, selection(hsm.PublicKey, ckaID, label)...)
	if _, err := t.Run(ctx, args...); err != nil {
		return nil, err
	}
	der, err = os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the public key: %w", err)
	}
	return der, nil
}

func selection(class hsm.Class, ckaID, label []byte) []string {
	args := []string{"--type", typeNames[class]}
	if len(ckaID) != 0 {
		args = append(args, "--id", hex.EncodeToString(ckaID))
	}
	if len(label) != 0 {
		args = append(args, "--label", string(label))
	}
	return args
}

var typeNames = map[hsm.Class]string{
	hsm.SecretKey: "secrkey", hsm.PrivateKey: "privkey", hsm.PublicKey: "pubkey",
	hsm.Certificate: "cert", hsm.Data: "data",
}
