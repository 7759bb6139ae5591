// Package healing decides what is done about a token that does not serve: which
// step of the ladder is taken, when, and when none is taken any more.
//
// It guarantees that a PIN which the token has refused is never presented
// again by itself, that steps get dearer only when cheaper ones did not help,
// and that they are never tried faster than the back-off allows. Pure values;
// used by app/workers, which takes the steps, and by adapters/pkcs11, whose
// table of return values names the step that each asks for.
package healing
