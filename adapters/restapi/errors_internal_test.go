package restapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/core/fault"
)

func TestEveryKindOfErrorHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.Invalid: 400, fault.Unauthenticated: 401, fault.Denied: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.BadState: 409, fault.Unsupported: 501, fault.Exhausted: 429, fault.Unavailable: 503, fault.Internal: 500,
	}
	for _, k := range fault.Kinds() {
		if want[k] == 0 {
			t.Errorf("this test does not know kind %q", k)
		}
		if statuses[k] != want[k] {
			t.Errorf("%q: got status %d, want %d", k, statuses[k], want[k])
		}
	}
	if len(statuses) != len(fault.Kinds()) {
		t.Errorf("the table has %d kinds, want %d", len(statuses), len(fault.Kinds()))
	}
}

func TestAnswersAreTheMessageAndNeverTheCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("SECRET CAUSE")
	for _, k := range fault.Kinds() {
		for name, err := range map[string]error{
			"as it is": fault.Wrap(k, cause, "plain words"),
			"wrapped":  fmt.Errorf("SECRET DETAIL: %w", fault.Wrap(k, cause, "plain words")),
			"bare":     k,
		} {
			status, text := answerFor(err, "c0ffee")
			if strings.Contains(text, "SECRET") {
				t.Errorf("%q %s: the answer %q tells the cause", k, name, text)
			}
			switch {
			case k == fault.Internal:
				if status != http.StatusInternalServerError || !strings.Contains(text, "c0ffee") || strings.Contains(text, "plain words") {
					t.Errorf("%s: got %d %q, want 500 and nothing but the correlation id", name, status, text)
				}
			case name == "bare":
				if text == "" {
					t.Errorf("%q bare: the answer says nothing", k)
				}
			case text != "plain words":
				t.Errorf("%q %s: got %q, want the message alone", k, name, text)
			}
		}
	}
	if status, text := answerFor(cause, "c0ffee"); status != http.StatusInternalServerError || strings.Contains(text, "SECRET") {
		t.Errorf("an error without a kind: got %d %q, want an opaque 500", status, text)
	}
	if status, text := answerFor(fault.Kind("of tomorrow"), "c0ffee"); status != http.StatusInternalServerError || strings.Contains(text, "tomorrow") {
		t.Errorf("an unknown kind: got %d %q, want an opaque 500", status, text)
	}
}

func TestRefusalsTellHowToGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err          error
		header, want string
	}{
		"who are you":       {fault.New(fault.Unauthenticated, "x"), "Www-Authenticate", `Basic realm="gatehouse", charset="UTF-8"`},
		"too many":          {fault.New(fault.Exhausted, "x"), "Retry-After", "1"},
		"out of reach":      {fault.New(fault.Unavailable, "x").Because(fault.TimedOut), "Retry-After", "5"},
		"busy for a moment": {fault.New(fault.Unavailable, "x").After(30 * time.Millisecond), "Retry-After", "1"},
		"busy for long":     {fault.New(fault.Unavailable, "x").After(2500 * time.Millisecond), "Retry-After", "3"},
		"wrong PIN":         {fault.New(fault.Unavailable, "x").Because(fault.PINIncorrect), "Retry-After", ""},
		"just a bad answer": {fault.New(fault.Invalid, "x"), "Retry-After", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			status, _ := answerFor(c.err, "")
			advise(h, status, c.err)
			if got := h.Get(c.header); got != c.want {
				t.Errorf("got %s %q, want %q", c.header, got, c.want)
			}
		})
	}
}
