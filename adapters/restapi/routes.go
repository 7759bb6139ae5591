package restapi

// routes registers every endpoint.
func (s *server) routes() {
	s.system()
	s.session()
	s.accounts()
	s.users()
	s.groups()
	s.links()
	s.apps()
	s.credentials()
	s.keys()
	s.details()
	s.crypto()
	s.connections()
	s.scans()
	s.elsewhere()
	s.docs()
}
