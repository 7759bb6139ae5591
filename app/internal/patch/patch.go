// Package patch applies changes of which only what is given counts. It is used
// by the use cases that change accounts, groups and keys.
package patch

// Set assigns what from points to, unless from is nil.
func Set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Put sets an entry of a map that may be nil: so do empty maps come back from
// the store.
func Put[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
