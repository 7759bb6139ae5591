package hmgserver

import (
	"crypto/tls"
	"maps"
	"slices"
)

// suited returns a copy of settings as the protocol wants them, also of those
// that they hand to each connection.
func suited(settings *tls.Config) *tls.Config {
	c := settings.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.DynamicRecordSizingDisabled = true // frames that were joined stay in one record
	if each := c.GetConfigForClient; each != nil {
		c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			own, err := each(h)
			if own == nil || err != nil {
				return nil, err
			}
			return suited(own), nil
		}
	}
	return c
}

// Recheck ends the connections whose clients are not vouched for any more.
// Their calls under way go on in the token, and are not answered.
func (s *Server) Recheck() {
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		if !c.shaken.Load() {
			continue // it is asked about when it has shaken hands
		}
		if err := c.vouch(); err != nil {
			c.end(err)
			c.wire.Close() // also where a Hello is still awaited
		}
	}
}

// vouch asks whether the client is (still) one to be trusted.
func (c *conn) vouch() error {
	if c.s.cfg.Vouch == nil || c.secure == nil {
		return nil
	}
	return c.s.cfg.Vouch(c.secure.ConnectionState())
}
