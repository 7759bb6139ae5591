package tokensim

import (
	"context"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/healing"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/core/secret"
	"gatehouse/ports/token"
)

var (
	_ token.Token  = (*Worker)(nil)
	_ token.Worker = (*Worker)(nil)
)

// Worker is a Token that can be killed: calls that hang end with it.
type Worker struct {
	slot *Slot
	pin  secret.Value
	life context.Context //nolint:containedctx // it is the worker's life
	end  context.CancelFunc

	mu    sync.Mutex
	token *Token
	steps []healing.Step
}

// StartWorker logs in, once, as a worker does.
func (s *Slot) StartWorker(ctx context.Context, pin secret.Value) (*Worker, error) {
	t, err := s.Open(ctx, pin)
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	return &Worker{slot: s, pin: pin, life: life, end: end, token: t}, nil
}

// Kill ends the worker at once, and with it its login.
func (w *Worker) Kill() {
	w.end()
	w.mu.Lock()
	t := w.token
	w.mu.Unlock()
	w.slot.mu.Lock()
	defer w.slot.mu.Unlock()
	delete(w.slot.open, t)
}

// Killed reports whether the worker was killed.
func (w *Worker) Killed() bool { return w.life.Err() != nil }

// Steps returns the steps that the worker was asked to take.
func (w *Worker) Steps() []healing.Step {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]healing.Step(nil), w.steps...)
}

// Heal logs in anew, once, to whatever token is in the slot.
func (w *Worker) Heal(ctx context.Context, step healing.Step) error {
	w.mu.Lock()
	w.steps = append(w.steps, step)
	old := w.token
	w.mu.Unlock()
	_, err := alive(ctx, w, func(ctx context.Context, _ *Token) (struct{}, error) {
		t, err := w.slot.Open(ctx, w.pin)
		if err != nil {
			return struct{}{}, err
		}
		if t.serial != old.serial {
			_ = t.Close() // it is another token: of no use here
			return struct{}{}, tokenGone()
		}
		w.mu.Lock()
		w.token = t
		w.mu.Unlock()
		return struct{}{}, old.Close()
	})
	return err
}

// alive makes a call that ends with the worker.
func alive[T any](ctx context.Context, w *Worker, call func(context.Context, *Token) (T, error)) (T, error) {
	var zero T
	if w.Killed() {
		return zero, fault.New(fault.Unavailable, "the worker has ended").Untried()
	}
	w.mu.Lock()
	t := w.token
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.life, cancel)() //nolint:contextcheck // the worker's life is another
	v, err := call(ctx, t)
	if err != nil && w.Killed() {
		return zero, fault.New(fault.Unavailable, "the worker has ended")
	}
	return v, err
}

// Check is Token's.
func (w *Worker) Check(ctx context.Context) (hsm.Info, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (hsm.Info, error) { return t.Check(ctx) })
}

// Inventory is Token's.
func (w *Worker) Inventory(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
	_, err := alive(ctx, w, func(ctx context.Context, t *Token) (struct{}, error) {
		return struct{}{}, t.Inventory(ctx, f, yield)
	})
	return err
}

// Generate is Token's.
func (w *Worker) Generate(ctx context.Context, tpl hsm.Template) (hsm.Object, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (hsm.Object, error) { return t.Generate(ctx, tpl) })
}

// Import is Token's.
func (w *Worker) Import(ctx context.Context, tpl hsm.Template, m secret.Value) (hsm.Object, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (hsm.Object, error) { return t.Import(ctx, tpl, m) })
}

// Operate is Token's.
func (w *Worker) Operate(ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (operations.Result, error) { return t.Operate(ctx, ref, op) })
}

// Wrap is Token's.
func (w *Worker) Wrap(ctx context.Context, with, subject hsm.Ref, o operations.Wrap) (operations.Result, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (operations.Result, error) { return t.Wrap(ctx, with, subject, o) })
}

// Unwrap is Token's.
func (w *Worker) Unwrap(ctx context.Context, with hsm.Ref, tpl hsm.Template, u operations.Unwrap) (hsm.Object, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (hsm.Object, error) { return t.Unwrap(ctx, with, tpl, u) })
}

// Derive is Token's.
func (w *Worker) Derive(ctx context.Context, base hsm.Ref, tpl hsm.Template, d operations.Operation) (hsm.Object, error) {
	return alive(ctx, w, func(ctx context.Context, t *Token) (hsm.Object, error) { return t.Derive(ctx, base, tpl, d) })
}

// Update is Token's.
func (w *Worker) Update(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
	_, err := alive(ctx, w, func(ctx context.Context, t *Token) (struct{}, error) { return struct{}{}, t.Update(ctx, ref, c) })
	return err
}

// Destroy is Token's.
func (w *Worker) Destroy(ctx context.Context, ref hsm.Ref) error {
	_, err := alive(ctx, w, func(ctx context.Context, t *Token) (struct{}, error) { return struct{}{}, t.Destroy(ctx, ref) })
	return err
}

// Close logs out.
func (w *Worker) Close() error {
	w.mu.Lock()
	t := w.token
	w.mu.Unlock()
	return t.Close()
}
