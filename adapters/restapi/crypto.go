package restapi

// crypto registers the cryptographic calls under /crypto/v1.
func (s *server) crypto() {}
