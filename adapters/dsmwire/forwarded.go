package dsmwire

import "context"

// ForwardedHeader is Gatehouse's own: it is sent with every request of a
// service that has keys of this one as virtual keys. Such a request is not
// passed on to a third service, so that services which lead to each other, or
// to themselves, do not send it round for ever.
const ForwardedHeader = "Gatehouse-Forwarded"

type forwarded struct{}

// Forwarded returns a context for what is done for another service.
func Forwarded(ctx context.Context) context.Context { return context.WithValue(ctx, forwarded{}, true) }

// IsForwarded reports whether ctx is one of Forwarded.
func IsForwarded(ctx context.Context) bool { return ctx.Value(forwarded{}) != nil }
