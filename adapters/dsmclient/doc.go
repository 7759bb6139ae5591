// Package dsmclient is the public Go client of the REST API: of Gatehouse, and
// of any service that speaks the DSM API.
//
// It guarantees that a call returns either the decoded reply or an error whose
// kind errors.Is tells (fault.NotFound …), that no more than Config.MaxReply
// bytes of a reply are read, that credentials go to the configured endpoint only
// (redirects are not followed), and that nothing is sent twice unless the
// service has refused the first as unauthenticated. It is used by the feature
// tests, the lab, the benchmarks and the command line.
//
// A Client is safe for concurrent use and keeps its connections; make one for
// each endpoint and credential. Every call obeys its context.
package dsmclient
