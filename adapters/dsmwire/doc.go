// Package dsmwire is the DSM REST API as it is on the wire: the bodies of its
// requests and replies, with the field names, unions and formats of the
// published OpenAPI document, and the few additions that are Gatehouse's own
// (their paths begin with /gatehouse, their fields are called gatehouse).
//
// It guarantees that what is absent stays absent: a reply leaves out fields
// that have no value, and a request tells "not given" from "given empty" where
// that matters (a nil pointer or slice; JSON null counts as not given). Unknown
// fields are ignored; whether a value makes sense is for the reader to decide.
// It is shared by adapters/restapi and adapters/dsmclient, the two ends.
//
// Formats: binary is standard base64 with padding, ids are bare lower-case
// UUIDs, times are Time. Secrets (PINs, passwords, credentials, key material)
// are SecretText and SecretBytes, which print as placeholders and reveal
// themselves only to a JSON encoder: never give a body to a logger.
//
// Values may be shared between goroutines as long as nobody changes them.
package dsmwire

// Object is an object without fields of interest: it is always {}.
type Object struct{}
