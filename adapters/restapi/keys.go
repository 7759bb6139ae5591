package restapi

// keys registers /crypto/v1/keys.
func (s *server) keys() {}
