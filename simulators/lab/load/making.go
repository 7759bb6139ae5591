package load

import (
	"context"
	"fmt"
	"sync"

	"gatehouse/adapters/dsmclient"
	"gatehouse/adapters/dsmwire"
)

// Making makes keys until Stop, one after the other by each caller.
type Making struct {
	ended chan struct{}
	done  sync.WaitGroup

	mu     sync.Mutex
	made   []string
	failed map[string]error
}

// StartMaking makes AES keys in a group with so many callers at once.
func StartMaking(ctx context.Context, app *dsmclient.Client, groupID string, callers int) *Making {
	m := &Making{ended: make(chan struct{}), failed: map[string]error{}}
	background := context.WithoutCancel(ctx)
	for caller := range callers {
		m.done.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-m.ended:
					return
				default:
				}
				name, size := fmt.Sprintf("made %d by %d", i, caller+1), uint32(256)
				_, err := app.Generate(background, dsmwire.SobjectRequest{Name: &name, GroupID: &groupID, ObjType: "AES", KeySize: &size})
				m.mu.Lock()
				if err == nil {
					m.made = append(m.made, name)
				} else {
					m.failed[name] = err
				}
				m.mu.Unlock()
			}
		})
	}
	return m
}

// Count returns how many keys were made so far.
func (m *Making) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.made)
}

// Stop ends it when what is under way has ended, and returns the names of the
// keys that were reported made, and why others were not. It may be called once.
func (m *Making) Stop() (made []string, failed map[string]error) {
	close(m.ended)
	m.done.Wait()
	return m.made, m.failed
}
