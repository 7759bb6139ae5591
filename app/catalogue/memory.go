package catalogue

import "sync"

// memory is a bounded map in front of one kind of entry. What a read brings
// is kept only if nothing of the memory was changed or forgotten meanwhile, so that an
// old value can never replace a newer one.
type memory[K comparable, V any] struct {
	mu      sync.RWMutex
	entries map[K]V
	changes uint64
}

func newMemory[K comparable, V any]() *memory[K, V] {
	return &memory[K, V]{entries: map[K]V{}}
}

// read returns the entry, or what load returns.
func (m *memory[K, V]) read(k K, load func() (V, error)) (V, error) {
	m.mu.RLock()
	v, ok := m.entries[k]
	before := m.changes
	m.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := load()
	if err != nil {
		return v, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes == before {
		m.keep(k, v)
	}
	return v, nil
}

// moment returns what remember wants to know of when a reading began.
func (m *memory[K, V]) moment() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.changes
}

// peek returns the entry if it is there.
func (m *memory[K, V]) peek(k K) (V, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok := m.entries[k]
	return v, ok
}

// remember keeps what a reading brought that began at before.
func (m *memory[K, V]) remember(before uint64, read map[K]V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.changes != before {
		return
	}
	for k, v := range read {
		m.keep(k, v)
	}
}

// write forgets the entry before and after change: a value read while it ran
// may be the old one, and two changes may return in another order than they
// were stored, so that only a fresh read knows.
func (m *memory[K, V]) write(k K, change func() (V, error)) (V, error) {
	m.forget(k)
	defer m.forget(k)
	return change()
}

func (m *memory[K, V]) keep(k K, v V) {
	if len(m.entries) >= Entries {
		clear(m.entries)
	}
	m.entries[k] = v
}

func (m *memory[K, V]) forget(k K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	delete(m.entries, k)
}

func (m *memory[K, V]) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	clear(m.entries)
}
