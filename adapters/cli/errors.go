package cli

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/adapters/cli/render"
	"gatehouse/adapters/dsmclient"
	"gatehouse/core/fault"
)

// tell writes what is wrong, a line for each thing, and returns the exit code.
func (t *tool) tell(err error, code int) int {
	for _, e := range each(err) {
		for line := range strings.Lines(words(e)) {
			fmt.Fprintf(t.Stderr, "[E] %s\n", render.Text(strings.TrimSpace(line)))
		}
		if h := hint(e); h != "" {
			fmt.Fprintf(t.Stderr, "    %s\n", h)
		}
		if t.flags.DebugErrors {
			fmt.Fprintf(t.Stderr, "    %s\n", details(e))
		}
	}
	return code
}

// each returns the errors that were joined into err.
func each(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error }) // the outermost only: what is wrapped has its line
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, each(e)...)
	}
	return all
}

// words are what the service has said, if it was the service.
func words(err error) string {
	var refused *dsmclient.Error
	if errors.As(err, &refused) {
		before, _, _ := strings.Cut(err.Error(), refused.Error()) // what it was done for
		return before + refused.Message
	}
	return err.Error()
}

// hint tells what may help.
func hint(err error) string {
	switch {
	case fault.ReasonOf(err) == fault.TLSRefused:
		return "Is this the right service? Give the CA of its certificate with --ssl-ca-cert FILE."
	case fault.ReasonOf(err) == fault.Refused:
		return "Nothing listens there: is --api-endpoint right, and does the service run?"
	case errors.Is(err, errExpired):
		return "Log in again: gatehouse-cli user-login, or gatehouse-cli app-login."
	case errors.Is(err, errNobody):
		return "Log in first: gatehouse-cli user-login, or gatehouse-cli app-login."
	default:
		return ""
	}
}

// details are for --debug-errors.
func details(err error) string {
	var refused *dsmclient.Error
	if errors.As(err, &refused) {
		text := fmt.Sprintf("HTTP status %d, kind %s", refused.Status, fault.KindOf(err))
		if refused.RequestID != "" {
			text += ", request " + refused.RequestID
		}
		return text
	}
	return fmt.Sprintf("kind %s, reason %q", fault.KindOf(err), string(fault.ReasonOf(err)))
}
