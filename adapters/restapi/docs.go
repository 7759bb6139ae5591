package restapi

// docs registers the page that shows the API.
func (s *server) docs() {}
