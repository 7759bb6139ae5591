package campaign

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/core/fault"
	"gatehouse/core/hsm"
	"gatehouse/core/keys"
	"gatehouse/core/secret"
)

// presence is what a client has been told of a key.
type presence int

const (
	unknown presence = iota // the request failed: it may have been done or not
	there                   // it was reported made
	gone                    // it was reported destroyed
	unbegun                 // it was reported that nothing was tried
)

// entry is a key that a maker has asked for.
type entry struct {
	tmpl   hsm.Template
	object hsm.Object
	is     presence
	labels []string // that it may have
	since  time.Time
}

// ledger is what makers have been told.
type ledger struct {
	mu         sync.Mutex
	entries    map[string]*entry
	unreadable int // objects that are half made, at the last audit
}

func newLedger() *ledger { return &ledger{entries: map[string]*entry{}} }

// halves are the classes of the objects of a key.
func (e *entry) halves() []hsm.Class {
	if e.tmpl.Type == keys.EC {
		return []hsm.Class{hsm.PrivateKey, hsm.PublicKey}
	}
	return []hsm.Class{hsm.SecretKey}
}

// make makes, renames and destroys keys until ctx ends. Each key lives for two
// rounds, so that there are always some to be lost.
func (tr *Traffic) make(ctx context.Context, first int) {
	var alive []*entry
	for n := first; ctx.Err() == nil; n++ {
		tr.step(ctx, func() {
			if e := tr.made(ctx, n); e.is == there {
				alive = append(alive, e)
			}
		})
		if len(alive) > 0 && len(alive[len(alive)-1].labels) == 1 {
			tr.step(ctx, func() { tr.renamed(ctx, alive[len(alive)-1]) })
		}
		if len(alive) > 2 {
			tr.step(ctx, func() { tr.destroyed(ctx, alive[0]) })
			alive = alive[1:]
		}
		rest(ctx, 5*pace)
	}
}

func (tr *Traffic) step(ctx context.Context, do func()) {
	tr.making.RLock()
	defer tr.making.RUnlock()
	if ctx.Err() == nil {
		do()
	}
}

// made has a key made.
func (tr *Traffic) made(ctx context.Context, n int) *entry {
	id := rand.Text()
	e := &entry{
		tmpl:   hsm.Template{ID: []byte(id), Label: []byte("made"), Type: keys.AES, Size: 256, Ops: keys.OpEncrypt | keys.OpDecrypt},
		labels: []string{"made"},
	}
	what := "generate AES"
	tr.request(ctx, func(ctx context.Context) (_ string, err error) {
		switch n % 3 {
		case 0:
			e.object, err = tr.token.Generate(ctx, e.tmpl)
		case 1:
			what = "generate EC"
			e.tmpl.Type, e.tmpl.Size, e.tmpl.Curve, e.tmpl.Ops = keys.EC, 0, keys.P256, keys.OpSign|keys.OpVerify
			e.object, err = tr.token.Generate(ctx, e.tmpl)
		default:
			what = "import AES"
			material := make([]byte, 32)
			_, _ = rand.Read(material) // never fails
			e.object, err = tr.token.Import(ctx, e.tmpl, secret.New(material))
		}
		tr.ledger.told(id, e, there, err)
		return what, err
	})
	return e
}

func (tr *Traffic) renamed(ctx context.Context, e *entry) {
	label := "renamed " + rand.Text()
	tr.request(ctx, func(ctx context.Context) (string, error) {
		by := []byte(label)
		err := tr.token.Update(ctx, e.object.Ref(), hsm.Change{Label: &by})
		tr.ledger.mu.Lock()
		defer tr.ledger.mu.Unlock()
		switch {
		case err == nil:
			e.labels, e.object.Label = []string{label}, by
		case !errors.Is(err, fault.Untried):
			e.labels = append(e.labels, label)
		}
		return "rename", err
	})
}

func (tr *Traffic) destroyed(ctx context.Context, e *entry) {
	if len(e.labels) > 1 { // nobody knows its name: the audit clears it away
		tr.ledger.told(string(e.tmpl.ID), e, unknown, nil)
		return
	}
	tr.request(ctx, func(ctx context.Context) (string, error) {
		err := tr.token.Destroy(ctx, e.object.Ref())
		if errors.Is(err, fault.Untried) { // it is still there; the audit clears it away
			tr.ledger.told(string(e.tmpl.ID), e, unknown, nil)
			return "destroy", err
		}
		tr.ledger.told(string(e.tmpl.ID), e, gone, err)
		return "destroy", err
	})
}

// told records what a client was told of a key.
func (l *ledger) told(id string, e *entry, is presence, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[id] = e
	e.since = time.Now()
	switch {
	case err == nil:
		e.is = is
	case is == there && errors.Is(err, fault.Untried):
		e.is = unbegun
	default:
		e.is = unknown
	}
}

// forgetful is how long a key of which nothing is known may still come into
// being: calls that hang are given up after that.
const forgetful = 30 * time.Second

// audit compares what makers were told with what is in the token, and clears
// away what nobody needs. Nobody makes anything meanwhile. It returns how many
// objects it has cleared away that nobody knows: what a process leaves that dies
// while it makes one.
func (tr *Traffic) audit(app directly, tally *Tally) (strays int, err error) {
	tr.making.Lock()
	defer tr.making.Unlock()
	strays, doubts, err := tr.look(app)
	if err == nil && len(doubts.Violations()) > 0 {
		// SoftHSM2 has been seen not to show at once what a process that died had written.
		time.Sleep(calm)
		var more int
		more, doubts, err = tr.look(app)
		strays += more
	}
	for _, d := range doubts.Violations() {
		tally.violates("%s", d)
	}
	return strays, err
}

// look compares once.
func (tr *Traffic) look(app directly) (strays int, doubts *Tally, err error) {
	doubts = &Tally{}
	objects, err := app.Objects()
	if err != nil {
		return 0, doubts, fmt.Errorf("looking into the token: %w", err)
	}
	own := map[string]bool{}
	for _, list := range [][2]hsm.Object{tr.using.ec, tr.using.rsa, tr.using.aes} {
		for _, o := range list {
			own[string(o.ID)] = true
		}
	}
	l := tr.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	unreadable, found := 0, map[string][]hsm.Object{}
	for _, o := range objects {
		id := string(o.ID)
		switch {
		case o.Unreadable != "":
			unreadable++
		case own[id]:
		case l.entries[id] != nil:
			found[id] = append(found[id], o)
		default:
			strays++
			if _, err := app.Remove(o.Class, o.ID); err != nil {
				return strays, doubts, fmt.Errorf("clearing away an object: %w", err)
			}
		}
	}
	strays += max(0, unreadable-l.unreadable) // which stay: nobody can name them
	l.unreadable = unreadable
	for id, e := range l.entries {
		e.compare(found[id], doubts)
		switch {
		case len(found[id]) == 0 && (e.is == gone || e.is == unbegun):
			delete(l.entries, id)
		case e.is == unknown && time.Since(e.since) > forgetful && len(found[id]) == 0:
			delete(l.entries, id)
		case e.is == unknown:
			for _, o := range found[id] {
				if _, err := app.Remove(o.Class, o.ID); err != nil {
					return strays, doubts, fmt.Errorf("clearing away a key: %w", err)
				}
			}
		}
	}
	return strays, doubts, nil
}

// directly is a way into the token that does not lead through the gateway.
type directly interface {
	Objects() ([]hsm.Object, error)
	Remove(class hsm.Class, id []byte) (int, error)
}

// compare notes where a key is not as was told.
func (e *entry) compare(objects []hsm.Object, tally *Tally) {
	var classes []hsm.Class
	for _, o := range objects {
		classes = append(classes, o.Class)
		if e.is == there && !slices.Contains(e.labels, string(o.Label)) {
			tally.violates("a %s was reported renamed to %q and is called %q", o.Class, e.labels, o.Label)
		}
	}
	slices.Sort(classes)
	switch {
	case e.is == there && !slices.Equal(classes, e.halves()):
		tally.violates("a key was reported made and of %q there is %q", e.halves(), classes)
	case e.is == gone && len(objects) > 0:
		tally.violates("a key was reported destroyed and is there: %q", classes)
	case e.is == unbegun && len(objects) > 0:
		tally.violates("a key was reported not tried and is there: %q", classes)
	}
}
