// Package openssl does tasks with the program openssl, version 3.0 of Debian or
// later.
//
// It guarantees that what it says is said by that program: nothing here computes
// but the layout of messages that the program does not know (CCM, and CMS with
// AES-GCM, the only way to GCM that its command line has). Symmetric keys go by
// argument; all keys are made up for the tests. The agreement tests use it. A
// Party is safe for concurrent use.
package openssl

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/features/agreement/task"
	"gatehouse/simulators/lab/openssl"
)

// Party is openssl with a folder for its files.
type Party struct {
	Dir string

	calls atomic.Int64
	mu    sync.Mutex
	files map[string]string // of keys, by content
}

var _ task.Party = (*Party)(nil)

// Calls tells how often the program was started.
func (p *Party) Calls() int64 { return p.calls.Load() }

// Cannot tells why the program cannot do t; empty when it can.
func Cannot(t task.Task) string {
	switch {
	case t.Key != nil && t.Key.ParamSet != "" && t.Act != task.ValueDigest:
		return "OpenSSL 3.0 has neither ML-DSA nor ML-KEM"
	case t.Mode == "GCM" && len(t.Plain()) > 0 && (len(t.AD) > 0 || t.TagBits != 0 || len(t.IV) != 0 && len(t.IV) != 12):
		return "OpenSSL's command does AES-GCM in CMS only: with 12 bytes of iv, 16 of tag, and no associated data"
	case t.Mode == "GCM" && t.Act == task.EncryptData:
		return "OpenSSL's command does AES-GCM in CMS only, with a key that it makes"
	default:
		return ""
	}
}

func (p *Party) run(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	p.calls.Add(1)
	return openssl.Run(ctx, stdin, args...)
}

// file returns the name of a file with this content.
func (p *Party) file(content []byte) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name, ok := p.files[string(content)]; ok {
		return name, nil
	}
	if p.files == nil {
		p.files = map[string]string{}
	}
	name := filepath.Join(p.Dir, fmt.Sprintf("file-%d", len(p.files)))
	p.files[string(content)] = name
	return name, os.WriteFile(name, content, 0o600)
}

// Make does the first half of a task.
func (p *Party) Make(ctx context.Context, t task.Task) (task.Made, error) {
	switch t.Act {
	case task.Encrypt, task.Wrap:
		return p.encrypt(ctx, t)
	case task.Sign:
		out, err := p.sign(ctx, t)
		return task.Made{Out: out}, err
	default:
		out, err := p.value(ctx, t)
		return task.Made{Out: out}, err
	}
}

// Check does the second half.
func (p *Party) Check(ctx context.Context, t task.Task, m task.Made) error {
	switch t.Act {
	case task.Encrypt, task.Wrap:
		plain, err := p.decrypt(ctx, t, m)
		if err != nil {
			return err
		}
		if t.Act == task.Wrap {
			return p.sameKey(ctx, t.Subject, plain)
		}
		return task.Same("the plaintext", plain, t.In)
	case task.Sign:
		return p.verify(ctx, t, m)
	case task.Value:
		return p.sameKey(ctx, t.Key, m.Out)
	default:
		out, err := p.value(ctx, t)
		if err != nil {
			return err
		}
		return task.Same(string(t.Act), m.Out, out)
	}
}

// value is what can come out in one way only.
func (p *Party) value(ctx context.Context, t task.Task) ([]byte, error) {
	switch t.Act {
	case task.MAC:
		if t.Key.Type == "HMAC" {
			return p.run(ctx, t.In, "dgst", "-binary", digestFlag(t.Hash), "-mac", "HMAC", "-macopt", "hexkey:"+hexed(t.Key.Private))
		}
		return p.cmac(ctx, t.Key, t.In)
	case task.Digest:
		return p.run(ctx, t.In, "dgst", "-binary", digestFlag(t.Hash))
	case task.ValueDigest:
		return p.run(ctx, t.Key.Private, "dgst", "-binary", digestFlag(t.Hash))
	case task.HKDF:
		return p.hkdf(ctx, t)
	case task.EncryptData:
		m, err := p.encrypt(ctx, t)
		if err != nil || len(m.Out) < t.Bits/8 {
			return nil, errors.Join(err, errors.New("too little came out"))
		}
		return m.Out[:t.Bits/8], nil
	case task.Agree:
		own, err := p.file(t.Peer.Private)
		if err != nil {
			return nil, err
		}
		theirs, err := p.file(t.Key.Public)
		if err != nil {
			return nil, err
		}
		return p.run(ctx, nil, "pkeyutl", "-derive", "-keyform", "DER", "-inkey", own, "-peerform", "DER", "-peerkey", theirs)
	case task.Value:
		return t.Key.Private, nil
	case task.PublicKey:
		return p.run(ctx, t.Key.Private, "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
	case task.CheckValue:
		return p.checkValue(ctx, t)
	default:
		return nil, fmt.Errorf("openssl does not %s: %w", t.Act, task.ErrRefused)
	}
}

// checkValue is the beginning of a block of zeros encrypted, or of its CMAC, or
// of a HMAC key's SHA-1.
func (p *Party) checkValue(ctx context.Context, t task.Task) ([]byte, error) {
	zeros := make([]byte, blockSize(t.Key))
	var out []byte
	var err error
	n := 3
	switch {
	case t.Key.Type == "HMAC":
		out, err = p.run(ctx, t.Key.Private, "dgst", "-binary", "-sha1")
	case t.Mode == "CMAC":
		n = 5
		out, err = p.cmac(ctx, t.Key, zeros)
	default:
		out, err = p.run(ctx, zeros, "enc", "-e", cipher(t.Key, "ecb"), "-nopad", "-K", hexed(t.Key.Private))
	}
	if err != nil || len(out) < n {
		return nil, errors.Join(err, errors.New("too little came out"))
	}
	return out[:n], nil
}

func (p *Party) cmac(ctx context.Context, k *task.Key, data []byte) ([]byte, error) {
	name, value := fmt.Sprintf("AES-%d-CBC", k.Size), k.Private
	if k.Type == "DES3" {
		name, value = "DES-EDE3-CBC", append(append([]byte(nil), value...), value[:24-len(value)]...)
	}
	return p.run(ctx, data, "mac", "-cipher", name, "-macopt", "hexkey:"+hexed(value), "-in", "-", "-binary", "CMAC")
}

func (p *Party) hkdf(ctx context.Context, t task.Task) ([]byte, error) {
	args := []string{"kdf", "-binary", "-keylen", fmt.Sprint(t.Bits / 8), "-kdfopt", "digest:" + digestName(t.Hash), "-kdfopt", "hexkey:" + hexed(t.Key.Private)}
	for name, value := range map[string][]byte{"hexsalt": t.Salt, "hexinfo": t.Info} {
		if len(value) > 0 {
			args = append(args, "-kdfopt", name+":"+hexed(value))
		}
	}
	return p.run(ctx, nil, append(args, "HKDF")...)
}

func hexed(b []byte) string { return hex.EncodeToString(b) }

// digestName is openssl's name of a hash of the API.
func digestName(hash string) string {
	return strings.ToLower(strings.Replace(hash, "SHA3_", "SHA3-", 1))
}

func digestFlag(hash string) string { return "-" + digestName(hash) }
