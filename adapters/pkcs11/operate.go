package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"

	"gatehouse/adapters/pkcs11/internal/ckr"
	"gatehouse/adapters/pkcs11/internal/cryptoki"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// scratchSize is room for every signature and MAC.
const scratchSize = 2048

// Operate does op with the key that ref names. A handle that turns out to be
// stale is looked up again; nothing was done with it.
func (t *Token) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	res, err := t.operate(ctx, ref, op)
	if err != nil {
		return operations.Result{}, translate(operations.Name(op), err)
	}
	return res, nil
}

func (t *Token) operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	var res operations.Result
	for try := 0; ; try++ {
		k, err := t.resolve(ctx, ref)
		if errors.Is(err, errMoved) && try < moves {
			continue
		}
		if err != nil {
			return res, err
		}
		if err := checkKey(op, ref, k); err != nil {
			return res, err
		}
		res, err = t.perform(ctx, k, op)
		switch {
		case errors.Is(err, errMoved) && try < moves:
			t.forget(k.gen)
			ctx = context.WithValue(ctx, climbed{}, true)
			continue
		case staleHandle(err) && try < moves:
			t.handles.drop(ref)
			continue
		case staleHandle(err): // of a key that it has just found, again and again
			err = atToken(translate("using a key that was found", err))
		}
		return res, forbidden(k, op, err)
	}
}

// moves is how often a key is found again in one call because of that.
const moves = 3

// checkKey refuses what is not for a key of this kind.
func checkKey(op operations.Operation, ref hsm.Ref, k *key) error {
	return operations.Check(op, keys.Key{Type: ref.Type, Curve: k.Curve, Size: k.Size})
}

// forbidden makes Denied of the other words in which tokens say that a key's
// attributes do not permit an operation.
func forbidden(k *key, op operations.Operation, err error) error {
	if code(err) != pkcs11.CKR_KEY_TYPE_INCONSISTENT {
		return err
	}
	ops := k.Ops
	if k.public != nil {
		ops |= k.public.Ops
	}
	if ops.Has(op.Needs()) {
		return err
	}
	return fault.Wrap(fault.Denied, err, "%s", ckr.Of(pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED).Message)
}

func (t *Token) perform(ctx context.Context, k *key, op operations.Operation) (operations.Result, error) {
	switch op := op.(type) {
	case operations.Sign:
		return t.sign(ctx, k, op)
	case operations.Verify:
		return t.verify(ctx, k, op)
	case operations.Encrypt:
		return t.encrypt(ctx, k, op)
	case operations.Decrypt:
		return t.decrypt(ctx, k, op)
	case operations.MAC:
		return t.mac(ctx, k, op)
	case operations.MACVerify:
		return t.macVerify(ctx, k, op)
	default:
		return operations.Result{}, fault.New(fault.Unsupported, "operation is not supported")
	}
}

// job is one call of the token.
type job struct {
	kind      cryptoki.Kind
	object    cryptoki.Object
	mechanism cryptoki.Mechanism
	in        []byte
	room      int    // bytes of output to make room for; 0: as much as a signature has
	signature []byte // Verify
}

// forget forgets where keys were found, if nobody has since that was in generation gen.
func (t *Token) forget(gen uint64) {
	if t.handles.generation() == gen {
		t.handles.clear()
	}
}

// errInput says that the token accepted key and mechanism, and then refused the
// input; it wraps why.
type errInput struct{ cause error }

func (e errInput) Error() string { return fmt.Sprintf("processing the input: %v", e.cause) }
func (e errInput) Unwrap() error { return e.cause }

// done is what a job has come to.
type done struct {
	out []byte
	by  *copied // the copy of the key that it was done with; nil: the key itself
}

// runOnce is run without the confirmation that a result needs.
func (t *Token) runOnce(ctx context.Context, k *key, j job) (done, error) {
	return again(ctx, t, quick, func(s *session) (done, error) {
		if k.gen != t.handles.generation() {
			return done{}, errMoved
		}
		c := t.standIn(s, k, j)
		if c != nil {
			out, err := t.runWith(s, k, j, c.object)
			if err == nil || lost(err) || t.renew(s, err) != nil {
				return done{out, c}, err
			}
		}
		out, err := t.runWith(s, k, j, j.object)
		if err == nil && c != nil { // what fails with a copy alone is the copy's fault
			c.over.Store(true)
		}
		return done{out, nil}, err
	})
}

// runWith does j with an object: k's, or a copy of it.
func (t *Token) runWith(s *session, k *key, j job, object cryptoki.Object) ([]byte, error) {
	out := s.scratch
	switch {
	case j.kind == cryptoki.Verify:
		out = j.signature
	case j.room > 0:
		out = make([]byte, j.room)
	}
	out, begun, err := t.m.lib.Run(j.kind, s.handle, object, &j.mechanism, j.in, out)
	if err != nil && object == j.object && !lost(err) && !staleHandle(err) && t.m.opts.Recheck != RecheckNever {
		// A refusal is not believed before it is known whose it is.
		if moved := t.recheck(s, k, j, nil); errors.Is(moved, errMoved) {
			if spoils(err) && !s.lent {
				t.drop(s)
			}
			return nil, moved // and nothing of what the other key had to say
		}
	}
	switch {
	case err != nil && begun && !errors.Is(err, cryptoki.ErrNonsense):
		return nil, errInput{err}
	case err != nil:
		return nil, err
	case j.room == 0 && j.kind != cryptoki.Verify:
		return append([]byte(nil), out...), nil
	}
	return out, nil
}

// refusedInput reports whether err is the token's refusal of the input: nothing
// is wrong with it, the key or the mechanism. Whatever it calls that is taken so,
// as long as it answers other calls (judge has asked it): whoever makes the
// input must not be able to make an HSM look broken.
func refusedInput(err error) bool {
	var e errInput
	if !errors.As(err, &e) || errors.Is(err, fault.Unavailable) {
		return false
	}
	v, ok := meaning(e)
	return ok && (v.Class == ckr.Request || v.Class == ckr.Unclear || v.Code == pkcs11.CKR_DEVICE_ERROR)
}
