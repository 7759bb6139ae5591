package agreement

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gatehouse/features/agreement/task"
)

// Comparison is the service's groups and everybody that they are compared with.
type Comparison struct {
	Service map[Kind]task.Party
	Peers   map[Peer]task.Party
}

// Result is what came of a row in one kind of group.
type Result struct {
	Agrees map[Peer]Directions // as Does, without what turned out otherwise
	Errors []error             // disagreements, each with who and which way
}

// Row compares the service with all peers of a row.
func (c Comparison) Row(ctx context.Context, k Kind, t task.Task) Result {
	service := c.Service[k]
	res := Result{Agrees: map[Peer]Directions{}}
	fail := func(format string, args ...any) {
		res.Errors = append(res.Errors, fmt.Errorf("%s, %s: %w", k, t, fmt.Errorf(format, args...)))
	}
	offered, why := Offers(k, t)
	var made task.Made
	if offered&Makes != 0 || why != "" {
		var err error
		made, err = service.Make(ctx, t)
		switch {
		case offered&Makes == 0 && !errors.Is(err, task.ErrRefused):
			fail("the table says that it is refused (%s), and it ended in: %v", why, err)
		case offered&Makes != 0 && err != nil:
			fail("the service: %w", err)
			return res
		case offered == Makes && why != "" && !errors.Is(service.Check(ctx, t, made), task.ErrRefused):
			fail("the table says that the service does not take what it makes (%s), and it does", why)
		}
	}
	for _, p := range Peers() {
		does, _ := Does(p, k, t)
		peer := c.Peers[p]
		if does&Opens != 0 {
			if err := peer.Check(ctx, t, made); err != nil {
				fail("%s does not take what the service made: %w", p, err)
				does &^= Opens
			}
		}
		if does&Makes != 0 && (offered&Makes == 0 || !Once(t.Act)) {
			if err := c.opens(ctx, service, peer, t); err != nil {
				fail("the service does not take what %s made: %w", p, err)
				does &^= Makes
			}
		}
		res.Agrees[p] = does
	}
	return res
}

// opens has a peer make something that the service takes, and does not take any
// more when it is changed.
func (c Comparison) opens(ctx context.Context, service, peer task.Party, t task.Task) error {
	made, err := peer.Make(ctx, t)
	if err != nil {
		return err
	}
	if err := service.Check(ctx, t, made); err != nil {
		return err
	}
	if service.Check(ctx, t, changed(made)) == nil {
		return errors.New("it takes it with a bit changed, too")
	}
	return nil
}

// changed is made with one bit changed.
func changed(m task.Made) task.Made {
	for _, part := range []*[]byte{&m.Out, &m.Tag} {
		if len(*part) > 0 {
			*part = slices.Clone(*part)
			(*part)[0] ^= 0x80
			break
		}
	}
	return m
}

// derives reports whether an act makes a key of another.
func derives(a task.Act) bool { return a == task.Agree || a == task.HKDF || a == task.EncryptData }
