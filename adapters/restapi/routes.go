package restapi

// routes registers every endpoint.
func (s *server) routes() {
	s.version()
	s.keys()
	s.crypto()
}
