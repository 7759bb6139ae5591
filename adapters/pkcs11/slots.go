package pkcs11

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/pkcs11"

	"gatehouse/core/fault"
)

// SlotInfo is what a library says of a slot, for operators.
type SlotInfo struct {
	ID           uint
	Description  string
	TokenPresent bool
	Initialised  bool // the token has been initialised
	Label        string
	Serial       string
	Manufacturer string
	Model        string
	Firmware     string
	Flags        uint // of the token (CKF_…)
}

// Slots lists the slots, with a token in them or without.
func (m *Module) Slots(ctx context.Context) ([]SlotInfo, error) {
	select {
	case m.listing <- struct{}{}: // one at a time, so that those that hang are one
	case <-ctx.Done():
		return nil, ended(ctx)
	}
	slots, err := do(ctx, m, func() { <-m.listing }, m.slots)
	return slots, translate("listing slots", err)
}

func (m *Module) slots() ([]SlotInfo, error) {
	ids, err := m.lib.Slots()
	if err != nil {
		return nil, err
	}
	slots := make([]SlotInfo, 0, len(ids))
	for _, id := range ids {
		s := SlotInfo{ID: id}
		if info, err := m.lib.GetSlotInfo(id); err == nil {
			s.Description = text(info.SlotDescription)
			s.TokenPresent = info.Flags&pkcs11.CKF_TOKEN_PRESENT != 0
		}
		if info, err := m.tokenInfo(id, true); err == nil {
			s.TokenPresent = true
			s.Initialised = info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0
			s.Label, s.Serial = text(info.Label), text(info.SerialNumber)
			s.Manufacturer, s.Model = text(info.ManufacturerID), text(info.Model)
			s.Firmware, s.Flags = version(info.FirmwareVersion), info.Flags
		}
		slots = append(slots, s)
	}
	return slots, nil
}

func version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// identity tells one token from another. Each part alone may be the same for
// all tokens of a maker.
type identity struct{ label, serial, manufacturer string }

func (i identity) softHSM() bool { return strings.Contains(i.manufacturer, "SoftHSM") }

// pauses are those after which a token that does not tell who it is, and not why,
// is asked again.
var pauses = []time.Duration{time.Millisecond, 4 * time.Millisecond, 16 * time.Millisecond, 64 * time.Millisecond, 256 * time.Millisecond}

// tokenInfo asks what is in a slot, if need be again: a login has SoftHSM2 write its
// token's own file anew, and all other processes fail to read it meanwhile, or read,
// without an error, that it has no label. Labelled says that it should have one.
func (m *Module) tokenInfo(slot uint, labelled bool) (pkcs11.TokenInfo, error) {
	info, err := m.lib.GetTokenInfo(slot)
	for _, pause := range pauses {
		blank := err == nil && labelled && identityOf(info).softHSM() && info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 && text(info.Label) == ""
		if code(err) != pkcs11.CKR_GENERAL_ERROR && !blank {
			break
		}
		time.Sleep(pause)
		info, err = m.lib.GetTokenInfo(slot)
	}
	return info, err
}

func identityOf(info pkcs11.TokenInfo) identity {
	return identity{text(info.Label), text(info.SerialNumber), text(info.ManufacturerID)}
}

// tokenIn asks for the token in a slot, as tokenInfo does; Unavailable with
// fault.WrongSlot when there is none that is initialised.
func (m *Module) tokenIn(slot uint, labelled bool) (identity, pkcs11.TokenInfo, error) {
	info, err := m.tokenInfo(slot, labelled)
	switch code(err) {
	case pkcs11.CKR_OK:
	case pkcs11.CKR_SLOT_ID_INVALID, pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED:
		return identity{}, info, fault.Wrap(fault.Unavailable, err, "the slot is not there, or holds no token").Because(fault.WrongSlot)
	default:
		return identity{}, info, err
	}
	if err != nil {
		return identity{}, info, err
	}
	if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
		return identity{}, info, fault.New(fault.Unavailable, "the slot holds a token that is not initialised").Because(fault.WrongSlot)
	}
	return identityOf(info), info, nil
}
