package doctor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/app/doctor"
	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/secret"
	"gatehouse/simulators/tokensim"
)

const pin = "1234"

// ready is a token that is as it should be, in a slot that offers everything.
func ready() hsm.Survey {
	s := hsm.Slot{
		ID: 7, Description: "a slot", TokenPresent: true,
		Token: hsm.TokenInfo{
			Label: "keys", Manufacturer: "maker", Model: "one", Serial: "1; 2",
			Flags:    hsm.FlagLoginRequired | hsm.FlagRNG | hsm.FlagTokenInitialised | hsm.FlagUserPINInitialised,
			Sessions: hsm.Count{Now: 1, Max: 0}, RWSessions: hsm.Count{Now: -1, Max: -1},
		},
		Mechanisms: []hsm.ListedMechanism{{Number: 1}},
	}
	for _, t := range hsm.Tasks() {
		if t.Size > 2048 {
			continue // the simulator makes RSA keys slowly
		}
		s.Offers = append(s.Offers, hsm.Offer{Task: t, Mechanism: "CKM_TEST", Listed: true})
	}
	return hsm.Survey{Slots: []hsm.Slot{s}}
}

// clock goes on by a millisecond each time it is asked.
func clock() func() time.Time {
	var n atomic.Int64
	return func() time.Time { return time.UnixMilli(n.Add(1)) }
}

func open(t *testing.T, slot *tokensim.Slot) *tokensim.Token {
	t.Helper()
	tok, err := slot.Open(t.Context(), secret.FromString(pin))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func says(s doctor.Slot, severity doctor.Severity, what string) bool {
	for _, f := range s.Findings {
		if f.Severity == severity && strings.Contains(f.Says, what) {
			return true
		}
	}
	return false
}

func TestExamine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		change   func(*hsm.Slot)
		severity doctor.Severity
		says     string
		works    bool
	}{
		{"empty", func(s *hsm.Slot) { s.TokenPresent = false }, doctor.Error, "holds no token", false},
		{"not initialised", func(s *hsm.Slot) { s.Token.Flags &^= hsm.FlagTokenInitialised }, doctor.Error, "not initialised", false},
		{"in an error state", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagErrorState }, doctor.Error, "error state", false},
		{"locked", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagUserPINLocked }, doctor.Error, "PIN is locked", false},
		{"final try", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagUserPINFinalTry }, doctor.Warning, "one more wrong PIN", true},
		{"count low", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagUserPINCountLow }, doctor.Warning, "tried a wrong PIN", true},
		{"write protected", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagWriteProtected }, doctor.Warning, "write-protected", true},
		{"keypad", func(s *hsm.Slot) { s.Token.Flags |= hsm.FlagProtectedPath }, doctor.Note, "entered at the token", true},
		{"no PIN yet", func(s *hsm.Slot) { s.Token.Flags &^= hsm.FlagUserPINInitialised }, doctor.Warning, "never set", true},
		{"no generator", func(s *hsm.Slot) { s.Token.Flags &^= hsm.FlagRNG }, doctor.Note, "random", true},
		{"one session", func(s *hsm.Slot) { s.Token.Sessions.Max = 1 }, doctor.Warning, "one of its sessions", true},
		{"few sessions", func(s *hsm.Slot) { s.Token.RWSessions.Max = 4 }, doctor.Note, "allows 4 sessions that may write", true},
		{"sessions taken", func(s *hsm.Slot) { s.Token.Sessions = hsm.Count{Now: 9, Max: 9} }, doctor.Warning, "all sessions are taken", true},
		{"no mechanisms", func(s *hsm.Slot) { s.Mechanisms = nil }, doctor.Warning, "lists no mechanisms", true},
		{"useless mechanisms", func(s *hsm.Slot) { s.Offers = nil }, doctor.Error, "no mechanism by which", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			survey := ready()
			c.change(&survey.Slots[0])
			r := doctor.Examine("lib.so", survey)
			r.Judge(7)
			if !says(r.Slots[0], c.severity, c.says) {
				t.Errorf("got findings %+v, want %s: %s", r.Slots[0].Findings, c.severity, c.says)
			}
			if r.Works != c.works {
				t.Errorf("works: got %t, want %t", r.Works, c.works)
			}
		})
	}
}

func TestNothingToSay(t *testing.T) {
	t.Parallel()
	r := doctor.Examine("lib.so", ready())
	r.Judge()
	if !r.Works || len(r.Slots[0].Findings) != 0 {
		t.Errorf("a good token: got %t with %+v", r.Works, r.Slots[0].Findings)
	}
	if got, want := r.Slots[0].Token.URI, "pkcs11:model=one;manufacturer=maker;serial=1%3B%202;token=keys"; got != want {
		t.Errorf("URI: got %s, want %s", got, want)
	}
	if got, want := r.Slots[0].Token.Sessions+", "+r.Slots[0].Token.RWSessions, "1 of any number, unknown of unknown"; got != want {
		t.Errorf("sessions: got %s, want %s", got, want)
	}
	none := doctor.Examine("lib.so", hsm.Survey{})
	none.Judge()
	var b bytes.Buffer
	if err := none.Print(&b); err != nil || none.Works || !strings.Contains(b.String(), "No slot holds an initialised token") {
		t.Errorf("no slots: works %t, %v, printed:\n%s", none.Works, err, b.String())
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		add, remove   hsm.TokenFlags
		insist        bool
		wants, refuse bool
	}{
		{name: "as usual", wants: true},
		{name: "without login", remove: hsm.FlagLoginRequired},
		{name: "at the keypad", add: hsm.FlagProtectedPath},
		{name: "locked", add: hsm.FlagUserPINLocked, insist: true, wants: true, refuse: true},
		{name: "final try", add: hsm.FlagUserPINFinalTry, wants: true, refuse: true},
		{name: "final try, insisted", add: hsm.FlagUserPINFinalTry, insist: true, wants: true},
		{name: "not initialised", remove: hsm.FlagTokenInitialised, refuse: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			survey := ready()
			f := &survey.Slots[0].Token.Flags
			*f = (*f | c.add) &^ c.remove
			r := doctor.Examine("lib.so", survey)
			wants, refuse := r.Slots[0].Login(c.insist)
			if wants != c.wants || refuse != c.refuse {
				t.Errorf("got wants %t, refuse %t; want %t, %t", wants, refuse, c.wants, c.refuse)
			}
			if refuse && !r.Slots[0].Bad() {
				t.Error("it is refused, and no error says why")
			}
		})
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	slot := tokensim.New(tokensim.Options{PIN: secret.FromString(pin)})
	r := doctor.Examine("lib.so", ready())
	s := &r.Slots[0]
	tok := open(t, slot)
	doctor.Try(t.Context(), tok, s, doctor.Tries{
		Random: rand.Reader, Now: clock(), Measure: 50 * time.Millisecond,
		Quirks: func(context.Context) ([]hsm.Quirk, error) { return []hsm.Quirk{{Name: "odd", Finds: "yes"}}, nil },
	})
	refused := map[string]bool{}
	for _, task := range s.Tasks {
		switch task.Tried {
		case doctor.Failed:
			t.Errorf("%s: %s failed: %s", task.Key, task.Does, task.Error)
		case doctor.Refused:
			refused[task.Key+" "+task.Does] = true
		case doctor.Works:
		}
	}
	want := map[string]bool{"EC SecP256K1 generate": true, "EC NistP224 agree": true, "AES encrypt CCM": true, "AES mac CMAC": true, "DES3 mac CMAC": true}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	r.Judge()
	if !r.Works || len(s.Left) != 0 {
		t.Errorf("works %t, left %v, findings %+v", r.Works, s.Left, s.Findings)
	}
	if len(s.Quirks) != 2 || len(s.Callers) != 2 || s.Callers[1].PerSecond == 0 || len(s.Settings) == 0 {
		t.Errorf("got quirks %+v, callers %+v, settings %+v", s.Quirks, s.Callers, s.Settings)
	}
	wantEmpty(t, slot, tok)
}

func wantEmpty(t *testing.T, slot *tokensim.Slot, tok *tokensim.Token) {
	t.Helper()
	if err := tok.Close(); err != nil {
		t.Error(err)
	}
	if n := len(slot.Objects()); n != 0 {
		t.Errorf("%d objects are left in the token", n)
	}
	for _, m := range slot.Misuse() {
		t.Errorf("misuse: %s: %s", m.Kind, m.Detail)
	}
}

// TestTryCleansUp: what was made is removed, whatever happens meanwhile.
func TestTryCleansUp(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Unavailable, "broken").Because(fault.TokenFailed)
	t.Run("when making keys is reported as failed", func(t *testing.T) {
		t.Parallel()
		slot := tokensim.New(tokensim.Options{PIN: secret.FromString(pin)})
		slot.Fail(tokensim.Fault{Call: tokensim.Generate, Apply: true, Err: broken, Stays: true})
		r := doctor.Examine("lib.so", ready())
		tok := open(t, slot)
		doctor.Try(t.Context(), tok, &r.Slots[0], doctor.Tries{Random: rand.Reader, Now: clock()})
		wantEmpty(t, slot, tok)
		if !says(r.Slots[0], doctor.Warning, "AES 256: generate failed") {
			t.Errorf("the failure is not reported: %+v", r.Slots[0].Findings)
		}
	})
	t.Run("when somebody stops it", func(t *testing.T) {
		t.Parallel()
		slot := tokensim.New(tokensim.Options{PIN: secret.FromString(pin)})
		r := doctor.Examine("lib.so", ready())
		ctx, stop := context.WithCancel(t.Context())
		tok := open(t, slot)
		doctor.Try(ctx, tok, &r.Slots[0], doctor.Tries{
			Random: rand.Reader, Now: clock(),
			Progress: func(what string) {
				if strings.HasPrefix(what, "EC NistP384") {
					stop()
				}
			},
		})
		stop()
		wantEmpty(t, slot, tok)
		if !says(r.Slots[0], doctor.Warning, "not everything was tried") {
			t.Errorf("nothing says that it was stopped: %+v", r.Slots[0].Findings)
		}
	})
	t.Run("or it says what is left", func(t *testing.T) {
		t.Parallel()
		slot := tokensim.New(tokensim.Options{PIN: secret.FromString(pin)})
		slot.Fail(tokensim.Fault{Call: tokensim.Destroy, Err: broken, Stays: true})
		r := doctor.Examine("lib.so", ready())
		s := &r.Slots[0]
		tok := open(t, slot)
		doctor.Try(t.Context(), tok, s, doctor.Tries{Random: rand.Reader, Now: clock()})
		if n := len(slot.Objects()); n == 0 || len(s.Left) != n {
			t.Errorf("%d objects are left, and the report names %d", n, len(s.Left))
		}
		if err := tok.Close(); err != nil {
			t.Error(err)
		}
		if !says(*s, doctor.Warning, "still in the token") || !strings.HasPrefix(s.Left[0].Label, "gatehouse-doctor") {
			t.Errorf("got %+v and %+v", s.Findings, s.Left[0])
		}
	})
}
