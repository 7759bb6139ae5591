package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"gatehouse/core/fault"
)

func registerOutcome(sc *godog.ScenarioContext) {
	sc.Then(`^it is refused as invalid$`, refused(fault.Invalid, ""))
	sc.Then(`^it is refused as not supported$`, refused(fault.Unsupported, "not supported"))
	sc.Then(`^it is denied$`, refused(fault.Denied, ""))
	sc.Then(`^it is refused because the group exists already$`, refused(fault.Conflict, "group already exists"))
	sc.Then(`^it is refused because the key exists already$`, refused(fault.Conflict, "sobject already exists"))
	sc.Then(`^it is refused because there is no such key$`, refused(fault.NotFound, "sobject does not exist"))
	sc.Then(`^it is refused because the key is not enabled$`, refused(fault.Conflict, "not enabled"))
	sc.Then(`^it is refused because the group is not connected$`, refused(fault.Unavailable, "not connected"))
	sc.Then(`^the decryption is refused$`, refused(fault.Invalid, "decryption refused"))
	sc.Then(`^it is not connected because (?:of )?(.+)$`, notConnectedBecause)
	sc.Then(`^it is connected$`, func(ctx context.Context) error {
		s := of(ctx)
		s.met = true
		return s.outcome
	})
}

// refused says that the last When was refused with this kind and these words.
func refused(kind fault.Kind, words string) func(context.Context) error {
	return func(ctx context.Context) error {
		s := of(ctx)
		s.met = true
		if !errors.Is(s.outcome, kind) {
			return fmt.Errorf("got %v, want a refusal of the kind %q", s.outcome, kind)
		}
		return contains("the refusal", s.outcome.Error(), words)
	}
}

// reasons are the words that operators get, by what the features call them.
var reasons = map[string]string{
	"TLS":                       string(fault.TLSRefused),
	"the connection is refused": string(fault.Refused),
	"there is no such slot":     string(fault.WrongSlot),
	"the PIN is incorrect":      string(fault.PINIncorrect),
	"the PIN is missing":        string(fault.PINMissing),
}

func notConnectedBecause(ctx context.Context, reason string) error {
	words, known := reasons[reason]
	if !known {
		return fmt.Errorf("no such reason: %q", reason)
	}
	if err := refused(fault.Unavailable, "Not Connected")(ctx); err != nil {
		return err
	}
	return contains("the reason", of(ctx).outcome.Error(), words)
}
