package conformance_test

import (
	"context"
	"errors"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/operations"
	"gatehouse/simulators/tokensim"
)

// failures are wrong in how they fail, end and close.
var failures = []broken{
	{"error of yield swallowed", "open/inventory/error_of_yield", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
			_ = next(ctx, f, yield)
			return nil
		}
	}},
	{"error of yield does not stop", "open/inventory/error_of_yield", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
			var first error
			return errors.Join(next(ctx, f, func(o hsm.Object) error {
				if err := yield(o); first == nil {
					first = err
				}
				return nil
			}), first)
		}
	}},
	{"inventory goes on after its context", "open/inventory/context", func(w *tweaked, _ *tokensim.Slot) {
		next := w.inventory
		w.inventory = func(ctx context.Context, f hsm.Filter, yield func(hsm.Object) error) error {
			return next(context.WithoutCancel(ctx), f, yield)
		}
	}},
	{"ended context ignored", "open/context/cancelled_operate", operating(func(next operate, ctx context.Context, ref hsm.Ref, op operations.Operation) (operations.Result, error) {
		return next(context.WithoutCancel(ctx), ref, op)
	})},
	{"key made for an ended context", "open/context", func(w *tweaked, _ *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			if err := ctx.Err(); err != nil {
				_, _ = next(context.WithoutCancel(ctx), t)
			}
			return next(ctx, t)
		}
	}},
	{"error of the context as it is", "open/context/cancelled_update", func(w *tweaked, _ *tokensim.Slot) {
		next := w.update
		w.update = func(ctx context.Context, ref hsm.Ref, c hsm.Change) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return next(ctx, ref, c)
		}
	}},
	{"hang told as something else", "open/hang/destroy", func(w *tweaked, _ *tokensim.Slot) {
		next := w.destroy
		w.destroy = func(ctx context.Context, ref hsm.Ref) error {
			err := next(ctx, ref)
			if errors.Is(err, fault.TimedOut) {
				return fault.New(fault.Internal, "what now?")
			}
			return err
		}
	}},
	{"generate tried again", "open/applied_but_reported_failed/generate", func(w *tweaked, _ *tokensim.Slot) {
		next := w.generate
		w.generate = func(ctx context.Context, t hsm.Template) (hsm.Object, error) {
			o, err := next(ctx, t)
			if errors.Is(err, fault.Unavailable) {
				return next(ctx, t)
			}
			return o, err
		}
	}},
	{"destroy tried again", "open/applied_but_reported_failed/destroy", func(w *tweaked, _ *tokensim.Slot) {
		next := w.destroy
		w.destroy = func(ctx context.Context, ref hsm.Ref) error {
			err := next(ctx, ref)
			if errors.Is(err, fault.Unavailable) {
				return next(ctx, ref)
			}
			return err
		}
	}},
	{"still open after close", "^closed/check", func(w *tweaked, _ *tokensim.Slot) {
		w.close = func() error { return nil }
	}},
	{"swapped token not noticed", "^swapped", func(w *tweaked, _ *tokensim.Slot) {
		next, first := w.check, hsm.Info{}
		w.check = func(ctx context.Context) (hsm.Info, error) {
			info, err := next(ctx)
			if err == nil {
				first = info
			}
			return first, nil
		}
	}},
}
