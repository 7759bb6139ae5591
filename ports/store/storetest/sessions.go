package storetest

import (
	"testing"
	"time"

	"gatehouse/core/directory"
	"gatehouse/core/fault"
	"gatehouse/core/id"
)

func session(n byte) directory.Session {
	return directory.Session{
		TokenHash: [32]byte{n, 31: 0xff}, Principal: id.Principal{Kind: id.UserPrincipal, ID: "u"}, Account: "a",
		CreatedAt: noon(), ExpiresAt: noon().Add(time.Duration(n) * time.Hour),
	}
}

func runSessions(t *testing.T, place func(t *testing.T) Place) {
	t.Run("come back as they were stored, also after a restart", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		s := session(1)
		wantDone(t, "AddSession", w.AddSession(ctx, s))
		wantFault(t, "a second AddSession", w.AddSession(ctx, s), fault.Conflict, "session already exists")
		w.reopen(t)
		got, err := w.Session(ctx, s.TokenHash)
		wantDone(t, "Session", err)
		want(t, "session", got, s)
		_, err = w.Session(ctx, session(2).TokenHash)
		wantFault(t, "Session that is not there", err, fault.NotFound, "session does not exist")
	})

	t.Run("change, or not at all", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		s := session(1)
		wantDone(t, "AddSession", w.AddSession(ctx, s))
		_, err := w.UpdateSession(ctx, s.TokenHash, refusing(func(s *directory.Session) { s.Account = "spoiled" }))
		if err != errChange { //nolint:errorlint // as it is, not wrapped
			t.Errorf("a refused change: got %v, want the error of the change as it is", err)
		}
		_, err = w.UpdateSession(ctx, s.TokenHash, func(s directory.Session) (directory.Session, error) { s.TokenHash[0]++; return s, nil })
		wantFault(t, "a change of the token", err, fault.Internal, "")
		later := s
		later.Account, later.ExpiresAt = "", noon().AddDate(1, 0, 0)
		got, err := w.UpdateSession(ctx, s.TokenHash, func(directory.Session) (directory.Session, error) { return later, nil })
		wantDone(t, "UpdateSession", err)
		want(t, "what the update returned", got, later)
		got, err = w.Session(ctx, s.TokenHash)
		wantDone(t, "Session", err)
		want(t, "session", got, later)
		_, err = w.UpdateSession(ctx, [32]byte{}, func(s directory.Session) (directory.Session, error) { return s, nil })
		wantFault(t, "UpdateSession that is not there", err, fault.NotFound, "session does not exist")
	})

	t.Run("end one by one, by principal and by time", func(t *testing.T) {
		w := newWorld(t, place)
		ctx := t.Context()
		others := session(9)
		others.Principal.Kind = id.AppPrincipal // of the same id
		for _, s := range []directory.Session{session(1), session(2), session(3), session(4), others} {
			wantDone(t, "AddSession", w.AddSession(ctx, s))
		}
		left := func(when string, alive ...byte) {
			t.Helper()
			var got []byte
			for _, n := range []byte{1, 2, 3, 4, 9} {
				if _, err := w.Session(ctx, session(n).TokenHash); err == nil {
					got = append(got, n)
				}
			}
			want(t, "sessions left "+when, got, alive)
		}
		wantDone(t, "DeleteSession", w.DeleteSession(ctx, session(1).TokenHash))
		wantDone(t, "a second DeleteSession", w.DeleteSession(ctx, session(1).TokenHash))
		left("after DeleteSession", 2, 3, 4, 9)
		wantDone(t, "DeleteSessionsBefore", w.DeleteSessionsBefore(ctx, session(3).ExpiresAt))
		left("after DeleteSessionsBefore", 3, 4, 9)
		wantDone(t, "DeleteSessionsOf", w.DeleteSessionsOf(ctx, session(3).Principal))
		left("after DeleteSessionsOf", 9)
	})
}
