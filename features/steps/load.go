package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cucumber/godog"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/simulators/lab/load"
)

func loadSteps() []Step {
	return []Step{
		{Given, `^the application uses keys of "([^"]*)" all the time$`, on1((*scenario).usesAllTheTime)},
		{Given, `^the application makes keys in "([^"]*)" all the time$`, on1((*scenario).makesAllTheTime)},
		{Then, `^no use of a key has failed$`, on0((*scenario).nothingHasFailed)},
		{Then, `^each key whose making failed is refused plainly$`, on0((*scenario).refusedPlainly)},
		{Then, `^the HSM holds the keys of "([^"]*)" and no others$`, on1((*scenario).holdsTheSame)},
	}
}

// users and makers are how many callers there are at once.
const users, makers = 8, 4

func (s *scenario) usesAllTheTime(ctx context.Context, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	if s.balanced == nil {
		return errNotBalanced
	}
	if s.balanced.using, err = load.Start(ctx, app, g.GroupID, users, time.Now); err != nil {
		return err
	}
	return s.flows(ctx)
}

func (s *scenario) makesAllTheTime(ctx context.Context, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	app, err := s.application()
	if err != nil {
		return err
	}
	if s.balanced == nil {
		return errNotBalanced
	}
	s.balanced.made = load.StartMaking(ctx, app, g.GroupID, makers)
	return s.flows(ctx)
}

// flows waits until the load has begun to flow.
func (s *scenario) flows(ctx context.Context) error {
	return eventually(ctx, func() error {
		if n := s.balanced.progress(); n < goOn {
			return fmt.Errorf("%d requests were served", n)
		}
		return nil
	})
}

// nothingHasFailed ends the load and looks at each of its uses.
func (s *scenario) nothingHasFailed(ctx context.Context) error {
	b := s.balanced
	r := b.using.Stop()
	b.using = nil
	godog.Logf(ctx, "%d uses of a key were right, the slowest after %s; %d failed", r.Uses, r.Slowest.Round(time.Millisecond), len(r.Failures))
	var errs []error
	for _, f := range r.Failures[:min(5, len(r.Failures))] {
		errs = append(errs, errors.New(f.String()))
	}
	if len(r.Failures) > 0 {
		return fmt.Errorf("%d of %d uses have failed: %w", len(r.Failures), r.Uses+len(r.Failures), errors.Join(errs...))
	}
	return nil
}

// refusedPlainly ends the making.
func (s *scenario) refusedPlainly(ctx context.Context) error {
	b := s.balanced
	made, failed := b.made.Stop()
	b.made = nil
	godog.Logf(ctx, "%d keys were made, %d requests were refused", len(made), len(failed))
	for name, err := range failed {
		if !isRefusal(err, fault.Unavailable) || !strings.Contains(err.Error(), "Not Connected") {
			return fmt.Errorf("making the key %q: %w; want a refusal that says Not Connected", name, err)
		}
	}
	for _, name := range made {
		if _, err := s.key(ctx, name); err != nil {
			return fmt.Errorf("the key %q was reported made: %w", name, err)
		}
	}
	return nil
}

// holdsTheSame waits until what was interrupted is settled.
func (s *scenario) holdsTheSame(ctx context.Context, group string) error {
	g, err := s.group(group)
	if err != nil {
		return err
	}
	return eventually(ctx, func() error {
		known := map[string]int{}
		if err := s.admin.AllKeys(ctx, dsmclient.KeyQuery{GroupID: g.GroupID}, func(k dsmwire.Sobject) error {
			known[k.Name]++
			return nil
		}); err != nil {
			return err
		}
		objects, err := s.hsm.Objects()
		if err != nil {
			return err
		}
		for _, o := range objects {
			if o.Class == hsm.SecretKey && len(o.ID) > 0 { // without: SoftHSM2 was killed while it made it
				known[string(o.Label)]--
			}
		}
		for name, n := range known {
			if n != 0 {
				return fmt.Errorf("the key %q is known %+d times more often than the HSM holds it", name, n)
			}
		}
		return nil
	})
}

// eventually calls try until it is content or ctx ends. It returns what try said
// last before that.
func eventually(ctx context.Context, try func() error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil { // a try that ctx has ended tells nothing
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(last, ctx.Err())
		}
	}
}
