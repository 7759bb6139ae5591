package dsmclient

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gatehouse/adapters/dsmwire"
	"gatehouse/core/fault"
	"gatehouse/core/secret"
)

// age is when a session was opened and when it is to be renewed. The zero age is
// that of a session whose end is not known.
type age struct {
	opened time.Time
	life   time.Duration // 0: not known
	renew  time.Time
}

func (c *Client) newAge(auth dsmwire.AuthResponse) age {
	now, life := c.now(), time.Duration(auth.ExpiresIn)*time.Second
	return age{opened: now, life: life, renew: now.Add(life * 4 / 5)}
}

// renewDue extends the session when four fifths of its life are over. One caller
// does it; the others go on with the session as it is. What goes wrong shows
// when the session has ended.
func (c *Client) renewDue(ctx context.Context) {
	c.mu.Lock()
	session, now := c.session, c.now()
	due := c.life > 0 && !session.Empty() && !c.credential.Empty() && !now.Before(c.renew)
	if due {
		c.renew = now.Add(max(c.life/20, time.Second)) // at the earliest, should this fail
	}
	c.mu.Unlock()
	if !due {
		return
	}
	_, err := send[none](ctx, c.as(session), request{method: http.MethodPost, path: "/sys/v1/session/refresh"})
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session.Equal(session) {
		c.renew = c.now().Add(c.life * 4 / 5)
	}
}

// lost reports whether a refusal says that the session with this header has ended.
func (c *Client) lost(err error, session secret.Value) bool {
	if errors.Is(err, fault.Unauthenticated) {
		return true
	}
	if !c.denied || !errors.Is(err, fault.Denied) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.session.Equal(session) || c.now().Sub(c.opened) >= time.Minute // or somebody has found it lost just now
}
