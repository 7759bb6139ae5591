package openssl

import (
	"context"
	"errors"
	"os"

	"gatehouse/features/agreement/task"
)

// pkeyutl runs an RSA encryption or decryption.
func (p *Party) pkeyutl(ctx context.Context, t task.Task, direction string, key, in []byte, more ...string) ([]byte, error) {
	name, err := p.file(key)
	if err != nil {
		return nil, err
	}
	args := append([]string{"pkeyutl", direction, "-keyform", "DER", "-inkey", name}, more...)
	if t.Mode == "OAEP" {
		args = append(args, "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:"+digestName(t.Hash), "-pkeyopt", "rsa_mgf1_md:"+digestName(t.Hash))
		if len(t.Label) > 0 {
			args = append(args, "-pkeyopt", "rsa_oaep_label:"+hexed(t.Label))
		}
	}
	return p.run(ctx, in, args...)
}

// scheme is how a signature is told to openssl dgst.
func scheme(t task.Task) []string {
	args := []string{digestFlag(t.Hash)}
	if t.Mode == "PSS" {
		args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
	}
	return args
}

func (p *Party) sign(ctx context.Context, t task.Task) ([]byte, error) {
	key, err := p.file(t.Key.Private)
	if err != nil {
		return nil, err
	}
	if t.Key.Curve == "Ed25519" { // which takes no message from a pipe
		message, err := p.file(t.In)
		if err != nil {
			return nil, err
		}
		return p.run(ctx, nil, "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key, "-in", message)
	}
	return p.run(ctx, t.In, append([]string{"dgst", "-keyform", "DER", "-sign", key}, scheme(t)...)...)
}

func (p *Party) verify(ctx context.Context, t task.Task, m task.Made) error {
	public := t.Key.Public
	if len(m.Public) > 0 {
		public = m.Public
	}
	key, err := p.file(public)
	if err != nil {
		return err
	}
	signature, err := p.once(m.Out)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(signature) }() // and with the folder in any case
	if t.Key.Curve == "Ed25519" {
		message, err := p.file(t.In)
		if err != nil {
			return err
		}
		_, err = p.run(ctx, nil, "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", key, "-in", message, "-sigfile", signature)
		return err
	}
	_, err = p.run(ctx, t.In, append([]string{"dgst", "-keyform", "DER", "-verify", key, "-signature", signature}, scheme(t)...)...)
	return err
}

// once returns the name of a file that is used once.
func (p *Party) once(content []byte) (string, error) {
	f, err := os.CreateTemp(p.Dir, "once-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	return f.Name(), errors.Join(err, f.Close())
}

// sameKey compares a key that was unwrapped or exported with what it was, by the
// public half of a pair as the program makes it.
func (p *Party) sameKey(ctx context.Context, k *task.Key, value []byte) error {
	switch {
	case k.Type == "CERTIFICATE":
		out, err := p.run(ctx, value, "x509", "-inform", "DER", "-outform", "DER")
		if err != nil {
			return err
		}
		return task.Same("the certificate", out, k.Private)
	case !k.Asymmetric() || k.ParamSet != "":
		return task.Same("the key", value, k.Private)
	default:
		out, err := p.run(ctx, value, "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
		if err != nil {
			return err
		}
		return task.Same("the public half", out, k.Public)
	}
}
