// Package cli is the command line of Gatehouse: a driving adapter that works on
// the service through its public client. Its verbs, flags and variables are
// those of the vendor's tool where that has them, so that scripts written for
// it go on working.
//
// It guarantees that a secret is written only by a verb whose purpose that is;
// that credentials go to the service that they were given for, over TLS that is
// verified unless somebody asked otherwise; that errors are lines on the
// standard error that begin with "[E] "; and that the exit code is 0 when what
// was asked was done, 1 when it was not, and 2 when it was not understood. The
// program gatehouse-cli uses it. A World serves one run.
package cli
