package openssl

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"gatehouse/features/agreement/task"
)

func blockSize(k *task.Key) int {
	if k.Type == "DES3" {
		return 8
	}
	return 16
}

// cipher is the argument that chooses a block cipher.
func cipher(k *task.Key, mode string) string {
	switch {
	case k.Type != "DES3":
		return fmt.Sprintf("-aes-%d-%s", k.Size, mode)
	case k.Size == 112 && mode == "ecb":
		return "-des-ede"
	case k.Size == 112:
		return "-des-ede-" + mode
	case mode == "ecb":
		return "-des-ede3"
	default:
		return "-des-ede3-" + mode
	}
}

// enc runs the program's cipher.
func (p *Party) enc(ctx context.Context, k *task.Key, direction, cipher string, iv, in []byte, more ...string) ([]byte, error) {
	args := []string{"enc", direction, cipher, "-K", hexed(k.Private)}
	if len(iv) > 0 {
		args = append(args, "-iv", hexed(iv))
	}
	return p.run(ctx, in, append(args, more...)...)
}

// keyWraps are how the program names key wrap, with its fixed IV (RFC 3394,
// 2.2.3.1; RFC 5649, 3).
var keyWraps = map[string]struct {
	suffix string
	iv     []byte
}{
	"KW":  {"wrap", []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}},
	"KWP": {"wrap-pad", []byte{0xa6, 0x59, 0x59, 0xa6}},
}

// simple are the modes that enc has as they are.
var simple = map[string]struct {
	mode string
	iv   bool
	more []string
}{
	"ECB": {"ecb", false, []string{"-nopad"}}, "CBC": {"cbc", true, nil},
	"CBCNOPAD": {"cbc", true, []string{"-nopad"}}, "CTR": {"ctr", true, nil},
}

func (p *Party) encrypt(ctx context.Context, t task.Task) (task.Made, error) {
	if t.Key.Type == "RSA" {
		out, err := p.pkeyutl(ctx, t, "-encrypt", t.Key.Public, t.Plain(), "-pubin")
		return task.Made{Out: out}, err
	}
	n := blockSize(t.Key)
	if t.Mode == "GCM" || t.Mode == "CCM" {
		n = 12
	}
	iv := t.IV
	if len(iv) == 0 {
		iv = make([]byte, n)
		_, _ = rand.Read(iv) // never fails
	}
	if w, ok := keyWraps[t.Mode]; ok {
		out, err := p.enc(ctx, t.Key, "-e", fmt.Sprintf("-id-aes%d-%s", t.Key.Size, w.suffix), w.iv, t.Plain())
		return task.Made{Out: out}, err
	}
	if s, ok := simple[t.Mode]; ok {
		if !s.iv {
			iv = nil
		}
		out, err := p.enc(ctx, t.Key, "-e", cipher(t.Key, s.mode), iv, t.Plain(), s.more...)
		return task.Made{Out: out, IV: iv}, err
	}
	switch {
	case t.Mode == "CCM":
		out, tag, err := p.ccm(ctx, t, iv, t.Plain(), t.Tag())
		return task.Made{Out: out, IV: iv, Tag: tag}, err
	case t.Mode == "GCM" && len(t.Plain()) == 0:
		tag, err := p.gmac(ctx, t, iv)
		return task.Made{Out: []byte{}, IV: iv, Tag: tag}, err
	case t.Mode == "GCM":
		return p.sealCMS(ctx, t)
	default:
		return task.Made{}, fmt.Errorf("openssl has no mode %s: %w", t.Mode, task.ErrRefused)
	}
}

func (p *Party) decrypt(ctx context.Context, t task.Task, m task.Made) ([]byte, error) {
	if t.Key.Type == "RSA" {
		return p.pkeyutl(ctx, t, "-decrypt", t.Key.Private, m.Out)
	}
	if w, ok := keyWraps[t.Mode]; ok {
		return p.enc(ctx, t.Key, "-d", fmt.Sprintf("-id-aes%d-%s", t.Key.Size, w.suffix), w.iv, m.Out)
	}
	if s, ok := simple[t.Mode]; ok {
		return p.enc(ctx, t.Key, "-d", cipher(t.Key, s.mode), m.IV, m.Out, s.more...)
	}
	switch {
	case t.Mode == "CCM":
		plain, _, err := p.ccm(ctx, t, m.IV, m.Out, 0)
		if err != nil {
			return nil, err
		}
		_, tag, err := p.ccm(ctx, t, m.IV, plain, len(m.Tag))
		if err != nil {
			return nil, err
		}
		return plain, task.Same("the tag", m.Tag, tag)
	case t.Mode == "GCM" && len(t.Plain()) == 0:
		tag, err := p.gmac(ctx, t, m.IV)
		if err != nil {
			return nil, err
		}
		return nil, task.Same("the tag", m.Tag, tag)
	case t.Mode == "GCM":
		return p.openCMS(ctx, t, m)
	default:
		return nil, fmt.Errorf("openssl has no mode %s: %w", t.Mode, task.ErrRefused)
	}
}

// ccm is the program's CBC and CTR, as task.Blocks says. With a tag of 0 bytes
// it is CTR alone.
func (p *Party) ccm(ctx context.Context, t task.Task, nonce, message []byte, size int) (out, tag []byte, err error) {
	auth, counter := task.Blocks(nonce, t.AD, message, max(size, 4))
	mac := make([]byte, 16)
	if size > 0 {
		chain, err := p.enc(ctx, t.Key, "-e", cipher(t.Key, "cbc"), mac, auth, "-nopad")
		if err != nil {
			return nil, nil, err
		}
		mac = chain[len(chain)-16:]
	}
	both, err := p.enc(ctx, t.Key, "-e", cipher(t.Key, "ctr"), counter, append(bytes.Clone(mac), message...))
	if err != nil {
		return nil, nil, err
	}
	return both[16:], both[:size], nil
}

// gmac is GCM of nothing but associated data.
func (p *Party) gmac(ctx context.Context, t task.Task, iv []byte) ([]byte, error) {
	return p.run(ctx, t.AD, "mac", "-cipher", fmt.Sprintf("AES-%d-GCM", t.Key.Size), "-macopt", "hexkey:"+hexed(t.Key.Private),
		"-macopt", "hexiv:"+hexed(iv), "-in", "-", "-binary", "GMAC")
}
