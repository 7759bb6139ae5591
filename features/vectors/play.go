package vectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/secret"
)

// Desk is where vectors are played: a group of keys, and who may use it.
type Desk struct {
	Client *dsmclient.Client
	Group  string
	HSM    bool // the group's keys live in an HSM

	made atomic.Int64 // keys, for their names
}

// Result is what came of a file.
type Result struct {
	Path    string
	Agreed  int
	Cannot  map[string]int // vectors that were not played, by reason
	Differs []string       // what the service did otherwise
}

// Play plays the vectors of a file and deletes their keys again. Its error
// tells that the service could not be asked.
func (d *Desk) Play(ctx context.Context, f File) (r Result, err error) {
	r = Result{Path: f.Path, Cannot: map[string]int{}}
	for reason, n := range f.Left {
		r.Cannot[reason] += n
	}
	p := player{Desk: d, keys: map[string]imported{}}
	defer func() { err = errors.Join(err, p.clear(ctx)) }()
	for _, c := range f.Cases {
		o, err := p.play(ctx, c)
		if err != nil {
			return r, fmt.Errorf("%s, vector %s, %s: %w", f.Path, c.Name, c.Act, err)
		}
		switch {
		case o.cannot != "":
			r.Cannot[o.cannot]++
		case o.differs != "":
			r.Differs = append(r.Differs, fmt.Sprintf("%s, vector %s, %s: %s", f.Path, c.Name, c.Act, o.differs))
		default:
			r.Agreed++
		}
	}
	return r, nil
}

// outcome is what came of a case: one of the two, or neither when it agrees.
type outcome struct{ cannot, differs string }

// imported is a key in the group, or the refusal of it.
type imported struct {
	kid     string
	refusal *dsmclient.Error
}

// player plays the cases of one file.
type player struct {
	*Desk

	keys map[string]imported
	more []string // further keys to be deleted
}

// play plays one case.
func (p *player) play(ctx context.Context, c Case) (outcome, error) {
	var key imported
	var err error
	if c.Act != Digest {
		if key, err = p.key(ctx, c); err != nil {
			return outcome{}, err
		}
	}
	var got []byte
	yes, refusal := true, key.refusal
	if refusal == nil {
		got, yes, err = p.do(ctx, c, key.kid)
		if err != nil && !errors.As(err, &refusal) {
			return outcome{}, err
		}
	}
	return p.judge(c, got, yes, refusal), nil
}

// judge compares what came out with what has to.
func (d *Desk) judge(c Case, got []byte, yes bool, refusal *dsmclient.Error) outcome {
	switch {
	case refusal != nil && refusal.Status == http.StatusNotImplemented:
		return outcome{cannot: "unsupported: " + refusal.Message}
	case refusal != nil && refusal.Status >= http.StatusInternalServerError:
		return outcome{differs: refusal.Error()}
	case c.Want == Either:
		return outcome{}
	case refusal != nil && c.Want == Refuses:
		return outcome{}
	case refusal != nil:
		if why := d.limit(c, refusal.Message); why != "" {
			return outcome{cannot: why}
		}
		return outcome{differs: refusal.Error()}
	}
	agrees := yes && (onlyYes[c.Act] || bytes.Equal(got, c.Out))
	switch {
	case c.Want == Agrees && !agrees:
		return outcome{differs: fmt.Sprintf("got %x and %t, want %x", got, yes, c.Out)}
	case c.Want == Refuses && agrees:
		return outcome{differs: "was done, and must not be"}
	default:
		return outcome{}
	}
}

// onlyYes are the acts that answer yes or no here.
var onlyYes = map[Act]bool{Verify: true, VerifyMAC: true, Unwrap: true, Agree: true, Derive: true}

// limit tells why a refusal of what is right is as it must be; empty when it is not.
func (d *Desk) limit(c Case, message string) string {
	switch {
	case c.Act == Unwrap && c.Mode.Name == "KWP" && len(c.Out) < 16 && message == "decryption refused":
		return "a group that opens no keys below 16 bytes by KWP cannot tell them from forged ones"
	case c.Act == Wrap && c.Mode.Name == "KWP" && len(c.In) < 16 && message == "the key is of no length that this mode wraps":
		return "no keys below 16 bytes by KWP"
	case d.HSM && c.Act == Decrypt && c.Mode.Name == dsmwire.OAEP && len(c.Label) > 0 && message == "decryption refused":
		return "an HSM that takes no OAEP labels, as SoftHSM2, says of one what it says of a forged ciphertext"
	case strings.HasPrefix(message, "iv must be 1 to 256 bytes"):
		return "an iv of more than 256 bytes"
	default:
		return ""
	}
}

// key returns the key of the case's type and value, which vectors of a file share.
func (p *player) key(ctx context.Context, c Case) (imported, error) {
	mode := ""
	if c.Mode != nil && c.Mode.Name == "ECB" { // which a key's policy has to name
		mode = c.Mode.Name
	}
	index := c.Type + " " + mode + string(c.Key)
	if k, ok := p.keys[index]; ok {
		return k, nil
	}
	k, err := p.take(ctx, c.Type, mode, c.Key)
	if err == nil {
		p.keys[index] = k
	}
	return k, err
}

// named are the key_ops of types whose default does not have them.
var named = map[string][]string{
	"SECRET": {"EXPORT", "APPMANAGEABLE"},
	"DES3":   {"ENCRYPT", "DECRYPT", "APPMANAGEABLE"}, // legacy: by itself it only decrypts
}

// take imports a key, for one mode where one is named.
func (p *player) take(ctx context.Context, objType, mode string, value []byte) (imported, error) {
	name := p.name()
	r := dsmwire.SobjectRequest{Name: &name, GroupID: &p.Group, ObjType: objType, Value: dsmwire.NewSecretBytes(secret.New(bytes.Clone(value)))}
	if ops := named[objType]; ops != nil {
		r.KeyOps = &ops
	}
	if options := (dsmwire.CipherOptions{CipherMode: mode}); mode != "" && objType == "DES3" {
		r.DES3 = &options
	} else if mode != "" {
		r.AES = &options
	}
	if objType == "RSA" { // by itself it encrypts using OAEP alone
		r.RSA = &dsmwire.RSAOptions{EncryptionPolicy: dsmwire.RSAPolicies{{}}}
	}
	o, err := p.Client.Import(ctx, r)
	var refusal *dsmclient.Error
	if err != nil && !errors.As(err, &refusal) {
		return imported{}, err
	}
	return imported{o.KID, refusal}, nil
}

func (d *Desk) name() string { return fmt.Sprintf("vector %s %d", d.Group[:8], d.made.Add(1)) }

// clear deletes the keys of a file.
func (p *player) clear(ctx context.Context) error {
	var errs []error
	for _, k := range p.keys {
		if k.kid != "" {
			errs = append(errs, p.Client.DeleteKey(ctx, k.kid))
		}
	}
	for _, kid := range p.more {
		errs = append(errs, p.Client.DeleteKey(ctx, kid))
	}
	return errors.Join(errs...)
}

// holds reports whether a key that was made by an act has this value.
func (p *player) holds(ctx context.Context, o dsmwire.Sobject, value []byte) (bool, error) {
	p.more = append(p.more, o.KID)
	e, err := p.Client.Export(ctx, dsmclient.ByID(o.KID))
	return e.Value.Secret().Equal(secret.New(bytes.Clone(value))), err
}
