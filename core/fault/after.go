package fault

import (
	"errors"
	"time"
)

// After returns a copy of e that says when trying again may help.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.after = d
	return &c
}

// AfterOf returns when trying again may help, as the first Error in err's chain
// says that says it; 0 when none does.
func AfterOf(err error) time.Duration {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return 0
		}
		if e.after != 0 {
			return e.after
		}
		err = e.cause
	}
	return 0
}
