package restapi

// readsLean is a body that reads itself quickly where it is written as usual.
type readsLean[B any] interface {
	*B
	ReadLean(body []byte) bool
}

// leanly reads the body of a cryptographic call: quickly if it is written as
// usual, with encoding/json and its refusals otherwise.
func leanly[B any, P readsLean[B]](body []byte, b P) error {
	if b.ReadLean(body) {
		return nil
	}
	var fresh B
	*b = fresh
	return decodeJSON(body, (*B)(b))
}

// appended writes the reply of a cryptographic call without reflection.
func appended[R interface{ AppendJSON(dst []byte) []byte }](dst []byte, reply R) ([]byte, error) {
	return append(reply.AppendJSON(dst), '\n'), nil
}
