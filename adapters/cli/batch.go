package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/alecthomas/kong"

	"gatehouse/adapters/cli/shellwords"
	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
)

// batchFile names the file that a batch is in.
type batchFile struct {
	In string `help:"File with the flags of one call on each line, as --kid UUID --in FILE --out FILE; - is the standard input. Empty lines and lines that begin with # count and do nothing." placeholder:"FILE" required:""`
}

type (
	batchEncrypt struct{ batchFile }
	batchDecrypt struct{ batchFile }
	batchSign    struct{ batchFile }
	batchVerify  struct{ batchFile }
)

// entry is a line of a batch with what it said.
type entry[L any] struct {
	number int // from 1
	flags  L
}

// entries reads the lines of a batch.
func entries[L any](t *tool, path string) ([]entry[L], error) {
	text, err := t.read(path)
	if err != nil {
		return nil, err
	}
	var all []entry[L]
	var wrong []error
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		words, err := shellwords.Split(line)
		if err == nil && len(words) == 0 {
			continue
		}
		e := entry[L]{number: number}
		if err == nil {
			err = parseLine(&e.flags, words)
		}
		if err != nil {
			wrong = append(wrong, fault.New(fault.Invalid, "line %d: %s", number, err))
		}
		all = append(all, e)
	}
	if len(all) == 0 && len(wrong) == 0 {
		return nil, fault.New(fault.Invalid, "%s holds no line", path)
	}
	return all, errors.Join(wrong...)
}

func parseLine(flags any, words []string) error {
	p, err := kong.New(flags, kong.NoDefaultHelp(), kong.Exit(func(int) {}))
	if err != nil {
		return err
	}
	_, err = p.Parse(words)
	return err
}

// cipherLine is a line of batch-encrypt and batch-decrypt.
type cipherLine struct {
	cipherFlags

	KID    string `name:"kid" required:""`
	In     string `required:""`
	Out    string
	TagLen int `name:"tag-len"` // of batch-encrypt
	Tag    string
}

// signLine is a line of batch-sign and batch-verify.
type signLine struct {
	KID     string `name:"kid" required:""`
	HashAlg string `name:"hash-alg"`
	Mode    string
	In      string `required:""`
	Out     string // of batch-sign
	SigIn   string `name:"sig-in"` // of batch-verify
}

// finished tells what has become of the lines: number, file and status (0 good,
// 1 not, 2 refused), and an error when one of them is not good.
func (t *tool) finished(results []lineResult) error {
	var wrong []error
	for _, r := range results {
		if r.reason != "" {
			wrong = append(wrong, fault.New(fault.Invalid, "line %d: %s", r.Line, r.reason))
		} else if r.Status != 0 {
			wrong = append(wrong, fault.New(fault.Invalid, "line %d: the signature is not good", r.Line))
		}
	}
	err := t.show(results, func(w io.Writer) error {
		for _, r := range results {
			if _, err := fmt.Fprintln(w, strings.Join(strings.Fields(fmt.Sprint(r.Line, " ", r.Out, " ", r.Status)), " ")); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(append([]error{err}, wrong...)...)
}

// lineResult is what has become of a line.
type lineResult struct {
	Line   int    `json:"line"`
	Out    string `json:"out,omitempty"`
	Status int    `json:"status"`

	reason string
}

// Run encrypts several files in one request.
func (b batchEncrypt) Run(ctx context.Context, t *tool) error {
	lines, err := entries[cipherLine](t, b.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		var items []dsmwire.BatchItem[dsmwire.EncryptRequest]
		for _, l := range lines {
			v, err := l.flags.values()
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			plain, err := t.read(l.flags.In)
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			alg, err := algorithm(ctx, c, l.flags.Alg, dsmclient.ByID(l.flags.KID))
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			items = append(items, dsmwire.BatchItem[dsmwire.EncryptRequest]{KID: l.flags.KID, Request: dsmwire.EncryptRequest{
				Alg: alg, Plain: plain, Mode: v.mode, IV: v.iv, AD: v.ad, TagLen: given(l.flags.TagLen),
			}})
		}
		replies, err := c.BatchEncrypt(ctx, items)
		if err != nil {
			return err
		}
		return outcomes(t, lines, replies, func(l cipherLine) string { return orElse(l.Out, l.In+".enc") },
			func(out string, l cipherLine, r dsmwire.EncryptResponse) (int, error) {
				if l.IV != "" {
					r.IV = nil
				}
				return 0, errors.Join(t.write(out, r.Cipher), t.beside(out, "iv", r.IV), t.beside(out, "tag", r.Tag))
			})
	})
}

// Run decrypts several files in one request.
func (b batchDecrypt) Run(ctx context.Context, t *tool) error {
	lines, err := entries[cipherLine](t, b.In)
	if err != nil {
		return err
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		var items []dsmwire.BatchItem[dsmwire.DecryptRequest]
		for _, l := range lines {
			v, err := l.flags.values()
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			tag, err := decrypt{In: l.flags.In, Tag: l.flags.Tag}.found(&v)
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			cipher, err := t.read(l.flags.In)
			if err != nil {
				return fmt.Errorf("line %d: %w", l.number, err)
			}
			items = append(items, dsmwire.BatchItem[dsmwire.DecryptRequest]{KID: l.flags.KID, Request: dsmwire.DecryptRequest{
				Alg: strings.ToUpper(l.flags.Alg), Cipher: cipher, Mode: v.mode, IV: v.iv, AD: v.ad, Tag: tag,
			}})
		}
		replies, err := c.BatchDecrypt(ctx, items)
		if err != nil {
			return err
		}
		return outcomes(t, lines, replies, func(l cipherLine) string { return orElse(l.Out, l.In+".dec") },
			func(out string, _ cipherLine, r dsmwire.DecryptResponse) (int, error) {
				return 0, t.write(out, r.Plain)
			})
	})
}

// Run signs several files in one request.
func (b batchSign) Run(ctx context.Context, t *tool) error {
	lines, err := entries[signLine](t, b.In)
	if err != nil {
		return err
	}
	var items []dsmwire.SignRequest
	for _, l := range lines {
		m, modeErr := mode(l.flags.Mode)
		data, err := t.data(l.flags.In)
		if err := errors.Join(modeErr, err); err != nil {
			return fmt.Errorf("line %d: %w", l.number, err)
		}
		items = append(items, dsmwire.SignRequest{Key: ptr(dsmclient.ByID(l.flags.KID)), HashAlg: l.flags.HashAlg, Data: data, Mode: m})
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		replies, err := c.BatchSign(ctx, items)
		if err != nil {
			return err
		}
		return outcomes(t, lines, replies, func(l signLine) string { return orElse(l.Out, l.In+".sig") },
			func(out string, _ signLine, r dsmwire.SignResponse) (int, error) { return 0, t.write(out, r.Signature) })
	})
}

// Run verifies several signatures in one request.
func (b batchVerify) Run(ctx context.Context, t *tool) error {
	lines, err := entries[signLine](t, b.In)
	if err != nil {
		return err
	}
	var items []dsmwire.VerifyRequest
	for _, l := range lines {
		m, modeErr := mode(l.flags.Mode)
		data, dataErr := t.data(l.flags.In)
		signature, err := t.read(l.flags.SigIn)
		if err := errors.Join(modeErr, dataErr, err); err != nil {
			return fmt.Errorf("line %d: %w", l.number, err)
		}
		items = append(items, dsmwire.VerifyRequest{
			Key: ptr(dsmclient.ByID(l.flags.KID)), HashAlg: l.flags.HashAlg, Data: data, Mode: m, Signature: signature,
		})
	}
	return t.use(ctx, either, func(ctx context.Context, c *dsmclient.Client) error {
		replies, err := c.BatchVerify(ctx, items)
		if err != nil {
			return err
		}
		return outcomes(t, lines, replies, func(signLine) string { return "" }, func(_ string, _ signLine, r dsmwire.VerifyResponse) (int, error) {
			if r.Result {
				return 0, nil
			}
			return 1, nil
		})
	})
}

// outcomes deals with the replies to a batch, each with its line.
func outcomes[L, R any](t *tool, lines []entry[L], replies []dsmwire.BatchResult[R], out func(L) string, good func(out string, l L, r R) (int, error)) error {
	if len(replies) != len(lines) {
		return fault.New(fault.Unavailable, "the service has answered %d of %d calls", len(replies), len(lines))
	}
	b := t.bar("files")
	defer b.end()
	results := []lineResult{}
	for i, l := range lines {
		r := lineResult{Line: l.number, Out: out(l.flags)}
		switch reply := replies[i]; {
		case reply.Status != http.StatusOK || reply.Body == nil:
			r.Status, r.reason = refusedLine(r.Out), orElse(reply.Error, http.StatusText(reply.Status))
		default:
			var err error
			if r.Status, err = good(r.Out, l.flags, *reply.Body); err != nil {
				r.Status, r.reason = 1, err.Error()
			}
		}
		results = append(results, r)
		b.set(i+1, len(lines))
	}
	return t.finished(results)
}

// refusedLine is the status of a line that the service refused: a verification
// tells it from a signature that is not good.
func refusedLine(out string) int {
	if out == "" {
		return 2
	}
	return 1
}

func orElse(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}
