package steps

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/core/fault"
)

func outcomeSteps() []Step {
	return []Step{
		{Then, `^it is refused as invalid$`, refused(fault.Invalid, "")},
		{Then, `^it is refused as not supported$`, refused(fault.Unsupported, "not supported")},
		{Then, `^it is denied$`, refused(fault.Denied, "")},
		{Then, `^it is refused because the group exists already$`, refused(fault.Conflict, "group already exists")},
		{Then, `^it is refused because the key exists already$`, refused(fault.Conflict, "sobject already exists")},
		{Then, `^it is refused because there is no such key$`, refused(fault.NotFound, "sobject does not exist")},
		{Then, `^it is refused because there is no such transient key$`, refused(fault.NotFound, "transient key does not exist")},
		{Then, `^it is refused because the key is not enabled$`, refused(fault.Conflict, "not enabled")},
		{Then, `^it is refused because the group is not connected$`, refused(fault.Unavailable, "not connected")},
		{Then, `^the decryption is refused$`, refused(fault.Invalid, "decryption refused")},
		{Then, `^it is not connected because (?:of )?(.+)$`, on1((*scenario).isNotConnectedBecause)},
		{Then, `^it is connected$`, on0((*scenario).isConnected)},
	}
}

// refused says that the last When was refused with this kind and these words.
func refused(kind fault.Kind, words string) func(context.Context) error {
	return on0(func(s *scenario, _ context.Context) error { return s.wasRefused(kind, words) })
}

func (s *scenario) wasRefused(kind fault.Kind, words string) error {
	s.met = true
	if s.outcome == nil {
		return fmt.Errorf("it was not refused, want one of the kind: %w", kind)
	}
	if !errors.Is(s.outcome, kind) {
		return fmt.Errorf("got %w, want a refusal of the kind: %w", s.outcome, kind)
	}
	return says("the refusal", s.outcome.Error(), words)
}

// reasons are the words that operators get, by what the features call them.
var reasons = map[string]fault.Reason{
	"TLS":                       fault.TLSRefused,
	"the connection is refused": fault.Refused,
	"there is no such slot":     fault.WrongSlot,
	"the PIN is incorrect":      fault.PINIncorrect,
	"the PIN is missing":        fault.PINMissing,
	"the PIN is locked":         fault.PINLocked,
	"the HSM reports a failure": fault.TokenFailed,
}

func (s *scenario) isNotConnectedBecause(_ context.Context, reason string) error {
	words, known := reasons[reason]
	if !known {
		return fmt.Errorf("no such reason: %q", reason)
	}
	if err := s.wasRefused(fault.Unavailable, "Not Connected"); err != nil {
		return err
	}
	return says("the reason", s.outcome.Error(), string(words))
}

func (s *scenario) isConnected(context.Context) error {
	s.met = true
	return s.outcome
}
