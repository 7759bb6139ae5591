package doctor

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
	"gatehouse/ports/token"
)

// Tries is what trying needs from outside.
type Tries struct {
	Random   io.Reader
	Now      func() time.Time
	PerCall  time.Duration                              // how long one call may take; 0 means two minutes
	Measure  time.Duration                              // how long each measurement of many callers lasts; 0: none
	Quirks   func(context.Context) ([]hsm.Quirk, error) // looks for quirks; nil: nobody does
	Progress func(what string)                          // told what is tried next; nil: nobody is
}

// label is CKA_LABEL of every key that the doctor makes.
const label = "gatehouse-doctor"

// trial is one run of Try.
type trial struct {
	Tries
	tok    token.Token
	prefix []byte
	ids    uint16             // that were given out
	made   [][]byte           // CKA_IDs of all keys that may have been made, and may be there
	have   map[string]hsm.Ref // a key to work with, by kind
	public map[string][]byte  // its public key
}

// Try does with tok everything that s lists, and adds what it finds to s. The
// keys that it makes are removed at its end, also when ctx ends before: what
// could not be is in s.Left.
func Try(ctx context.Context, tok token.Token, s *Slot, with Tries) {
	if with.PerCall <= 0 {
		with.PerCall = 2 * time.Minute
	}
	if with.Progress == nil {
		with.Progress = func(string) {}
	}
	r := &trial{Tries: with, tok: tok, prefix: make([]byte, 8), have: map[string]hsm.Ref{}, public: map[string][]byte{}}
	if _, err := io.ReadFull(with.Random, r.prefix); err != nil {
		s.find(Error, "there are no random numbers", "")
		return
	}
	s.Tried = true
	defer func() { s.leave(r.clean(context.WithoutCancel(ctx), nil)) }()
	if with.Quirks != nil {
		r.Progress("quirks")
		quirks, err := with.Quirks(ctx)
		for _, q := range quirks {
			s.Quirks = append(s.Quirks, Quirk(q))
		}
		if err != nil {
			s.find(Warning, "quirks could not be looked for: "+reason(err), "")
		}
	}
	for i := range s.Tasks {
		if ctx.Err() != nil {
			s.find(Warning, "not everything was tried: the time is over, or somebody stopped it", "")
			return
		}
		r.attempt(ctx, &s.Tasks[i])
	}
	if q, ok := r.change(ctx); ok {
		s.Quirks = append(s.Quirks, q)
	}
	s.judgeTries()
	if with.Measure > 0 {
		r.measure(ctx, s) // last: a library that does not bear threads may crash
	}
}

// kind tells which keys can stand in for each other.
func kind(t hsm.Task) string { return string(t.Type) + " " + string(t.Curve) }

// attempt tries one task.
func (r *trial) attempt(ctx context.Context, t *Task) {
	do := map[string]func(context.Context, hsm.Task) error{
		hsm.TaskGenerate: r.generate, hsm.TaskImport: r.imports,
		hsm.TaskSign: r.sign, hsm.TaskEncrypt: r.encrypt, hsm.TaskMAC: r.mac,
		hsm.TaskWrap: r.wrap, hsm.TaskAgree: r.agree, hsm.TaskDerive: r.derive,
	}[t.task.Does]
	if _, ok := r.have[kind(t.task)]; !ok && t.task.Does != hsm.TaskGenerate && t.task.Does != hsm.TaskImport {
		t.Error = "there is no such key to try it with"
		return
	}
	r.Progress(t.Key + ": " + t.Does)
	ctx, cancel := context.WithTimeout(ctx, r.PerCall)
	defer cancel()
	start := r.Now()
	err := do(ctx, t.task)
	t.Millis = float64(r.Now().Sub(start).Microseconds()) / 1000
	switch {
	case errors.Is(err, errNotHere):
		t.Error, t.Millis = reason(err), 0
	case err == nil:
		t.Tried = Works
	case fault.KindOf(err) == fault.Unsupported || fault.KindOf(err) == fault.Denied:
		t.Tried, t.Error = Refused, reason(err)
	default:
		t.Tried, t.Error = Failed, reason(err)
	}
}

// reason says why, for an operator.
func reason(err error) string {
	if m := fault.Message(err); m != "" && fault.ReasonOf(err) != fault.Unspecified {
		return m + " (" + string(fault.ReasonOf(err)) + ")"
	}
	return err.Error()
}

// newID returns a CKA_ID that nothing else has, and will be cleaned up.
func (r *trial) newID() []byte {
	r.ids++
	id := binary.BigEndian.AppendUint16(bytes.Clone(r.prefix), r.ids)
	r.made = append(r.made, id)
	return id
}

func (r *trial) template(t hsm.Task) hsm.Template {
	size := t.Size
	if size == 0 {
		size = map[keys.Type]int{keys.RSA: 2048, keys.AES: 256, keys.DES3: 168, keys.HMAC: 512}[t.Type]
	}
	if t.Type == keys.EC {
		size = t.Curve.Bits()
	}
	return hsm.Template{
		ID: r.newID(), Label: []byte(label), Type: t.Type, Size: size, Curve: t.Curve,
		Ops: keys.UseOps(t.Type, t.Curve),
	}
}

func (r *trial) generate(ctx context.Context, t hsm.Task) error {
	o, err := r.tok.Generate(ctx, r.template(t))
	if err == nil {
		r.keep(t, o)
	}
	return err
}

func (r *trial) imports(ctx context.Context, t hsm.Task) error {
	tpl := r.template(t)
	material, err := importMaterial(r.Random, tpl)
	if err != nil {
		return err
	}
	tpl.Private = t.Type.Asymmetric()
	o, err := r.tok.Import(ctx, tpl, material)
	if err == nil {
		r.keep(t, o)
	}
	return err
}

// keep remembers the first key of a kind.
func (r *trial) keep(t hsm.Task, o hsm.Object) {
	if _, ok := r.have[kind(t)]; !ok {
		r.have[kind(t)], r.public[kind(t)] = o.Ref(), o.PublicKey
	}
}

var message = []byte("what a doctor signs, encrypts and authenticates ") // whole blocks

func (r *trial) sign(ctx context.Context, t hsm.Task) error {
	ref := r.have[kind(t)]
	res, err := r.tok.Operate(ctx, ref, operations.Sign{Hash: t.Hash, Mode: t.Mode, Input: message})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		input []byte
		want  bool
	}{{message, true}, {message[1:], false}} {
		v, err := r.tok.Operate(ctx, ref, operations.Verify{Hash: t.Hash, Mode: t.Mode, Input: c.input, Signature: res.Output})
		if err != nil {
			return fmt.Errorf("verifying: %w", err)
		}
		if v.Valid != c.want {
			return fault.New(fault.Internal, "a signature verifies: %t, and should: %t", v.Valid, c.want)
		}
	}
	return nil
}

func (r *trial) encrypt(ctx context.Context, t hsm.Task) error {
	ref := r.have[kind(t)]
	res, err := r.tok.Operate(ctx, ref, operations.Encrypt{Mode: t.Mode, Hash: t.Hash, Plain: message})
	if err != nil {
		return err
	}
	back, err := r.tok.Operate(ctx, ref, operations.Decrypt{Mode: t.Mode, Hash: t.Hash, Cipher: res.Output, IV: res.IV, Tag: res.Tag})
	if err != nil {
		return fmt.Errorf("decrypting: %w", err)
	}
	if string(back.Output) != string(message) {
		return fault.New(fault.Internal, "what was encrypted is decrypted to something else")
	}
	return nil
}

func (r *trial) mac(ctx context.Context, t hsm.Task) error {
	ref := r.have[kind(t)]
	res, err := r.tok.Operate(ctx, ref, operations.MAC{Hash: t.Hash, Data: message})
	if err != nil {
		return err
	}
	v, err := r.tok.Operate(ctx, ref, operations.MACVerify{Hash: t.Hash, Data: message, MAC: res.Output})
	if err == nil && !v.Valid {
		return fault.New(fault.Internal, "a MAC does not verify")
	}
	return err
}

// change tries to change label and permissions of a key, as Gatehouse does.
func (r *trial) change(ctx context.Context) (q Quirk, ok bool) {
	for _, k := range []struct {
		kind string
		less keys.Ops
	}{{"AES ", keys.OpEncrypt}, {"RSA ", keys.OpSign}, {"EC NistP256", keys.OpSign}, {"HMAC ", keys.OpMAC}} {
		ref, have := r.have[k.kind]
		if !have {
			continue
		}
		q = Quirk{Name: "changes by Gatehouse", Good: true}
		renamed := []byte(label + "-2")
		ops := keys.UseOps(ref.Type, keys.P256) &^ k.less
		for _, c := range []struct {
			what   string
			change hsm.Change
		}{{"permissions", hsm.Change{Ops: &ops}}, {"label", hsm.Change{Label: &renamed}}} {
			ctx, cancel := context.WithTimeout(ctx, r.PerCall)
			err := r.tok.Update(ctx, ref, c.change)
			cancel()
			if err != nil {
				q.Good = false
				q.Finds += c.what + " of a key cannot be changed (" + reason(err) + "); "
			} else {
				q.Finds += c.what + " of a key can be changed; "
			}
		}
		delete(r.have, k.kind) // it has another label now
		q.Finds = q.Finds[:len(q.Finds)-2]
		return q, true
	}
	return q, false
}

// clean destroys every key of the run but the one with CKA_ID keep, and returns
// those that are still there. What is gone is not looked for again.
func (r *trial) clean(ctx context.Context, keep []byte) (left []hsm.Object, err error) {
	r.Progress("to remove the keys")
	ctx, cancel := context.WithTimeout(ctx, r.PerCall)
	defer cancel()
	made := r.made
	r.made = nil
	for _, id := range made {
		if keep != nil && bytes.Equal(id, keep) {
			r.made = append(r.made, id)
			continue
		}
		found, listErr := r.list(ctx, id)
		for range 2 { // once for a whole pair; again for a half that is left
			if listErr != nil || len(found) == 0 {
				break
			}
			if e := r.tok.Destroy(ctx, holder(found).Ref()); e != nil {
				err = e
			}
			found, listErr = r.list(ctx, id)
		}
		if len(found) > 0 || listErr != nil {
			r.made = append(r.made, id)
		}
		left = append(left, found...)
		if listErr != nil {
			err = listErr
		}
	}
	return left, err
}

// holder returns the object that holds the material, with which the rest goes.
func holder(found []hsm.Object) hsm.Object {
	for _, o := range found {
		if o.Class != hsm.PublicKey {
			return o
		}
	}
	return found[0]
}

func (r *trial) list(ctx context.Context, id []byte) (found []hsm.Object, err error) {
	err = r.tok.Inventory(ctx, hsm.Filter{ID: id}, func(o hsm.Object) error {
		found = append(found, o)
		return nil
	})
	return found, err
}

// leave reports what could not be removed.
func (s *Slot) leave(left []hsm.Object, err error) {
	for _, o := range left {
		s.Left = append(s.Left, LeftOver{Class: string(o.Class), ID: hex.EncodeToString(o.ID), Label: string(o.Label)})
	}
	switch {
	case len(left) > 0 && err != nil:
		s.find(Warning, fmt.Sprintf("%d objects of the doctor are still in the token: %s", len(left), reason(err)), "delete those labelled "+label)
	case len(left) > 0:
		s.find(Warning, fmt.Sprintf("%d objects of the doctor are still in the token", len(left)), "delete those labelled "+label)
	case err != nil:
		s.find(Warning, "the doctor cannot tell whether all its keys are removed: "+reason(err), "look for objects labelled "+label)
	}
}

// judgeTries compares what was listed with what worked.
func (s *Slot) judgeTries() {
	works, made := 0, 0
	for _, t := range s.Tasks {
		switch {
		case t.Tried == Works && (t.task.Does == hsm.TaskGenerate || t.task.Does == hsm.TaskImport):
			made++
		case t.Tried == Works:
			works++
		case t.Tried == Failed:
			s.find(Warning, fmt.Sprintf("%s: %s failed: %s", t.Key, t.Does, t.Error), "look at the HSM's own log")
		case t.Tried == Refused && t.Listed && t.Mechanism != "":
			s.find(Note, fmt.Sprintf("%s: %s is listed and refused: %s", t.Key, t.Does, t.Error), "")
		}
	}
	if made == 0 {
		s.find(Error, "no key could be made or imported", "the user may lack the right, or the token may be write-protected or full")
	} else if works == 0 {
		s.find(Error, "nothing could be done with any key", "look at what was tried, and at the HSM's own log")
	}
}
