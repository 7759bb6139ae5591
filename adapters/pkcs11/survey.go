package pkcs11

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"gatehouse/core/hsm"
)

// Survey tells what the library says of itself, its slots and tokens, without
// logging in. What cannot be read of one slot is told there and stops nothing.
func (m *Module) Survey(ctx context.Context) (hsm.Survey, error) {
	s, err := do(ctx, m, nothing, m.survey)
	return s, translate("asking the PKCS#11 library what it is", err)
}

func (m *Module) survey() (s hsm.Survey, err error) {
	info, err := m.lib.GetInfo()
	if err != nil {
		return s, err
	}
	s.Library = hsm.Library{
		Description: text(info.LibraryDescription), Manufacturer: text(info.ManufacturerID),
		Version: version(info.LibraryVersion), Cryptoki: version(info.CryptokiVersion),
	}
	ids, err := m.lib.Slots()
	if err != nil {
		return s, err
	}
	for _, id := range ids {
		s.Slots = append(s.Slots, m.surveySlot(id))
	}
	return s, nil
}

func (m *Module) surveySlot(id uint) hsm.Slot {
	s := hsm.Slot{ID: id}
	cannot := func(what string, err error) {
		if s.Unreadable == "" {
			s.Unreadable = fmt.Sprintf("%s: %v", what, err)
		}
	}
	if info, err := m.lib.GetSlotInfo(id); err == nil {
		s.Description = text(info.SlotDescription)
		s.TokenPresent = info.Flags&pkcs11.CKF_TOKEN_PRESENT != 0
	} else {
		cannot("C_GetSlotInfo", err)
	}
	info, err := m.lib.GetTokenInfo(id)
	if err != nil {
		if s.TokenPresent {
			cannot("C_GetTokenInfo", err)
		}
		return s
	}
	s.TokenPresent = true
	s.Token = hsm.TokenInfo{
		Label: text(info.Label), Manufacturer: text(info.ManufacturerID), Model: text(info.Model), Serial: text(info.SerialNumber),
		Hardware: version(info.HardwareVersion), Firmware: version(info.FirmwareVersion), Flags: hsm.TokenFlags(info.Flags),
		PINMin: info.MinPinLen, PINMax: info.MaxPinLen,
		Sessions:   hsm.Count{Now: count(info.SessionCount), Max: limit(info.MaxSessionCount)},
		RWSessions: hsm.Count{Now: count(info.RwSessionCount), Max: limit(info.MaxRwSessionCount)},
	}
	list, err := m.lib.Mechanisms(id)
	if err != nil {
		cannot("C_GetMechanismList", err)
	}
	infos := map[uint]pkcs11.MechanismInfo{}
	slices.Sort(list)
	for _, n := range list {
		// A mechanism that is listed and not described is known by its number alone.
		info, err := m.lib.GetMechanismInfo(id, []*pkcs11.Mechanism{pkcs11.NewMechanism(n, nil)})
		if err == nil {
			infos[n] = info
		}
		s.Mechanisms = append(s.Mechanisms, hsm.ListedMechanism{Number: n, Name: mechanismName(n), MinSize: info.MinKeySize, MaxSize: info.MaxKeySize})
	}
	for _, task := range hsm.Tasks() {
		s.Offers = append(s.Offers, offer(task, infos))
	}
	return s
}

// count returns a number of sessions; -1 when it is CK_UNAVAILABLE_INFORMATION
// or none that can be.
func count(n uint) int {
	if n >= maxSessions {
		return -1
	}
	return int(n)
}

// limit is count for a limit, where CK_EFFECTIVELY_INFINITE is 0 and so is what
// no token means.
func limit(n uint) int {
	if n == ^uint(0) {
		return -1
	}
	return max(count(n), 0)
}
