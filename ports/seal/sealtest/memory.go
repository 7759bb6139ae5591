package sealtest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"gatehouse/core/fault"
	"gatehouse/core/secret"
	"gatehouse/core/secret/reveal"
	"gatehouse/ports/seal"
)

// Memory is a Sealer that seals nothing: it keeps the secrets itself and hands
// out claims to them. It holds its callers to the contract as the real one
// does. Sealers made from each other with With share what they keep.
type Memory struct {
	masters []string // newest first
	vault   *vault
}

type vault struct {
	mu    sync.Mutex
	kept  map[string]entry
	count int
}

type entry struct {
	master  string
	purpose seal.Purpose
	owner   string
	value   []byte
}

var _ seal.Sealer = (*Memory)(nil)

// NewMemory returns a sealer whose only master key has the given name.
func NewMemory(master string) *Memory {
	return &Memory{masters: []string{master}, vault: &vault{kept: map[string]entry{}}}
}

// With returns a sealer over the same secrets that holds the master keys of
// these names, the newest first.
func (m *Memory) With(masters ...string) *Memory {
	return &Memory{masters: masters, vault: m.vault}
}

// Seal keeps v and returns a claim to it.
func (m *Memory) Seal(p seal.Purpose, owner string, v secret.Value) (secret.Sealed, error) {
	if p == "" || owner == "" {
		return nil, fault.Wrap(fault.Internal, seal.Unbound, "sealing a secret")
	}
	m.vault.mu.Lock()
	defer m.vault.mu.Unlock()
	m.vault.count++
	claim := fmt.Sprintf("claim %d under %s.", m.vault.count, m.masters[0])
	m.vault.kept[claim] = entry{master: m.masters[0], purpose: p, owner: owner, value: bytes.Clone(v.Reveal(reveal.Permit{}))}
	return secret.Sealed(claim), nil
}

// Open returns what the claim s is for.
func (m *Memory) Open(p seal.Purpose, owner string, s secret.Sealed) (secret.Value, error) {
	m.vault.mu.Lock()
	defer m.vault.mu.Unlock()
	e, found := m.vault.kept[string(s)]
	if !found {
		return secret.Value{}, fault.Wrap(fault.Internal, seal.Damaged, "opening a secret")
	}
	if !slices.Contains(m.masters, e.master) {
		return secret.Value{}, fault.Wrap(fault.Internal, seal.UnknownMaster, "opening a secret")
	}
	if e.purpose != p || e.owner != owner {
		return secret.Value{}, fault.Wrap(fault.Internal, seal.Damaged, "opening a secret")
	}
	return secret.New(bytes.Clone(e.value)), nil
}

// Reseal moves the claim s to the newest master key.
func (m *Memory) Reseal(p seal.Purpose, owner string, s secret.Sealed) (secret.Sealed, bool, error) {
	v, err := m.Open(p, owner, s)
	if err != nil {
		return nil, false, err
	}
	m.vault.mu.Lock()
	newest := m.vault.kept[string(s)].master == m.masters[0]
	m.vault.mu.Unlock()
	if newest {
		return s, false, nil
	}
	out, err := m.Seal(p, owner, v)
	return out, err == nil, err
}
