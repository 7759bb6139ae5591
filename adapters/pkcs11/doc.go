// Package pkcs11 is the Token port over a PKCS#11 library in this process.
//
// It guarantees that a key is used only after it was found by class, type,
// CKA_ID and label in the present session generation, with the fingerprint that
// the caller knows, and that exactly one key answered; that no result is given
// out before the handle has shown once more that it means that key (see Recheck),
// or a copy of it (copies.go); that a PIN is tried once; and that a session after
// a failed call is dropped.
// What each return value means, and what is done about it, is one table
// (internal/ckr); the lower steps of the healing ladder are taken within a call,
// or by Heal. It is written to the standard (PKCS#11 v2.40 and v3.1), not to one
// library: what libraries say of sizes and lengths is never believed.
//
// The gateway uses it, in worker processes or in its own. One Module per library
// and process, one Token per slot: login belongs to the process.
//
// Concurrency: everything may be called at once. Calls into a library cannot be
// cancelled; one that outlasts its context goes on in the background, holding
// its session, and there are never more of those than sessions. For that a call
// is handed to another goroutine, which costs a lone caller 15 to 35 µs and a
// crowd next to nothing; with a context that cannot end (context.Background) it
// runs on its caller's. Operations that take little time are done one after the
// other, by whoever has come first; slow ones at the same time (together.go).
package pkcs11
