package softkeys

import (
	"bytes"
	"sync"

	"gatehouse/core/id"
	"gatehouse/core/secret"
)

// cache keeps the keys used last opened. An opened key belongs to one sealed
// blob: a record with other material never gets a key opened from what it had
// before. A key that leaves the cache is wiped after its last user has released
// it, never under one.
type cache struct {
	mu   sync.Mutex
	max  int
	keys map[id.Key]*opened
	// ends the ring of opened keys: after it the one used last, before it the
	// one used longest ago
	ends opened
}

// opened is a key in the cache, or one that is too large or has left it and
// is still in use.
type opened struct {
	id     id.Key
	sealed secret.Sealed
	key    key
	users  int  // under the cache's lock
	gone   bool // not in the cache
	before *opened
	after  *opened
}

// maxCached is the longest sealed material in bytes that is kept opened. All
// keys but outsized HMAC keys are shorter.
const maxCached = 8 * 1024

func newCache(limit int) *cache {
	c := &cache{max: limit, keys: map[id.Key]*opened{}}
	c.ends.before, c.ends.after = &c.ends, &c.ends
	return c
}

// acquire returns the opened key, which the caller releases; nil when it is not there.
func (c *cache) acquire(kid id.Key, sealed secret.Sealed) *opened {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.keys[kid]
	if o == nil || !bytes.Equal(o.sealed, sealed) {
		return nil
	}
	o.users++
	if c.ends.after != o {
		o.unlink()
		c.linkFirst(o)
	}
	return o
}

// add puts k in, in the place of what is there under kid, and returns it
// acquired. Of several callers who opened the same key each goes on with its own.
func (c *cache) add(kid id.Key, sealed secret.Sealed, k key) *opened {
	o := &opened{id: kid, sealed: sealed, key: k, users: 1}
	if len(sealed) > maxCached {
		o.gone = true
		return o
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.keys[kid])
	if len(c.keys) >= c.max {
		c.drop(c.ends.before)
	}
	c.keys[kid] = o
	c.linkFirst(o)
	return o
}

// release gives back an acquired key.
func (c *cache) release(o *opened) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.users--
	if o.gone && o.users == 0 {
		o.key.wipe()
	}
}

// forget drops the key of that id.
func (c *cache) forget(kid id.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.keys[kid])
}

func (c *cache) drop(o *opened) {
	if o == nil {
		return
	}
	delete(c.keys, o.id)
	o.unlink()
	o.gone = true
	if o.users == 0 {
		o.key.wipe()
	}
}

func (c *cache) linkFirst(o *opened) {
	o.before, o.after = &c.ends, c.ends.after
	o.before.after, o.after.before = o, o
}

func (o *opened) unlink() {
	o.before.after, o.after.before = o.after, o.before
	o.before, o.after = nil, nil
}
