package doctor

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/operations"
)

// crowd is how many callers there are at once.
const crowd = 4

// measure finds out whether callers at once gain anything from each other, and
// recommends settings.
func (r *trial) measure(ctx context.Context, s *Slot) {
	ref, op, does := r.busy(s)
	if does == "" {
		return
	}
	// The others go first: when the library crashes, one key is left and not thirty.
	// What cannot be removed now is tried again, and told, at the end.
	_, _ = r.clean(ctx, ref.ID)
	r.Progress(does + " from several threads")
	one := r.rate(ctx, ref, op, does, 1)
	many := r.rate(ctx, ref, op, does, crowd)
	s.Callers = []Rate{one, many}
	recommend(s, one, many)
}

// busy chooses an operation that worked.
func (r *trial) busy(s *Slot) (hsm.Ref, operations.Operation, string) {
	for _, c := range []struct {
		kind string
		task hsm.Task
		op   operations.Operation
	}{
		{"EC NistP256", hsm.Task{Does: hsm.TaskSign, Type: keys.EC, Curve: keys.P256, Hash: operations.SHA256}, operations.Sign{Hash: operations.SHA256, Input: message}},
		{"RSA ", hsm.Task{Does: hsm.TaskSign, Type: keys.RSA, Mode: operations.PKCS1v15, Hash: operations.SHA256}, operations.Sign{Hash: operations.SHA256, Mode: operations.PKCS1v15, Input: message}},
		{"HMAC ", hsm.Task{Does: hsm.TaskMAC, Type: keys.HMAC, Hash: operations.SHA256}, operations.MAC{Hash: operations.SHA256, Data: message}},
	} {
		ref, ok := r.have[c.kind]
		for _, t := range s.Tasks {
			if ok && t.task == c.task && t.Tried == Works {
				return ref, c.op, t.Key + " " + t.Does
			}
		}
	}
	return hsm.Ref{}, nil, ""
}

// rate counts operations by callers at once.
func (r *trial) rate(ctx context.Context, ref hsm.Ref, op operations.Operation, does string, callers int) Rate {
	var done, failed atomic.Int64
	start := r.Now()
	end := start.Add(r.Measure)
	ctx, cancel := context.WithTimeout(ctx, r.PerCall)
	defer cancel()
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for r.Now().Before(end) && ctx.Err() == nil {
				if _, err := r.tok.Operate(ctx, ref, op); err != nil {
					failed.Add(1)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	rate := Rate{Callers: callers, Does: does, Failed: int(failed.Load())}
	if took := r.Now().Sub(start).Seconds(); took > 0 {
		rate.PerSecond = float64(done.Load()) / took
	}
	return rate
}

// recommend turns the rates into settings.
func recommend(s *Slot, one, many Rate) {
	set := func(name, value, why string) { s.Settings = append(s.Settings, Setting{name, value, why}) }
	switch {
	case one.Failed > 0:
		s.find(Warning, "a lone caller's requests fail now and then", "look at the HSM's own log")
	case many.Failed > 0:
		s.find(Warning, "requests fail when there are several at once", "PKCS11_SINGLE_THREAD=true, and more workers")
		set("PKCS11_SINGLE_THREAD", "true", "requests failed when there were several at once")
		set("PKCS11_WORKERS", "2", "each is a process of its own")
	case one.PerSecond > 0 && many.PerSecond < 1.3*one.PerSecond:
		set("PKCS11_WORKERS", "2", fmt.Sprintf("%d callers do %.1f times the work of one: the library does calls one after the other, or its device does. "+
			"Another process may gain; where the device is the limit it only makes the gateway hardier", crowd, many.PerSecond/one.PerSecond))
		set("PKCS11_SESSIONS", "4", "more sessions in a worker gain nothing")
	case one.PerSecond > 0:
		set("PKCS11_WORKERS", "2", "the second is there when the first one fails")
		set("PKCS11_SESSIONS", fmt.Sprint(2*crowd), fmt.Sprintf("%d callers do %.1f times the work of one: threads gain", crowd, many.PerSecond/one.PerSecond))
	}
}
