// Package sqlstore is the store (ports/store) in an SQL database: SQLite for a
// service of one node.
//
// It guarantees what the port asks: each method is one transaction, and what
// returned without error survives the loss of power (WAL, synchronous=FULL).
// One connection writes and a pool reads, so that readers and the writer do
// not wait for each other; writers wait in the order in which they came.
// Audit records that wait share a transaction. One Store has the database for
// itself: a second one is refused, because what it changes would not be seen
// by the memory above the first. app/assembly opens it; all methods may be
// called at once.
//
// The SQL is portable. What is particular to SQLite is in sqlite.go, file.go
// and migrations.
package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse/core/fault"
	"gatehouse/ports/store"
)

// Options tells where the database is.
type Options struct {
	// Path of the database file. It is made if it is not there, for its owner
	// alone, and so is its directory. Beside it lie its log (-wal, -shm) and
	// its lock (.lock).
	Path string

	// Patience is how long a write waits while another program, such as a
	// backup, has locked the database, and half a second at least. 0: 5 seconds.
	Patience time.Duration

	// Readers is how many reads can be under way at once. 0: 8.
	Readers int
}

// Store is a store in a database. Make one with Open, and Close it.
type Store struct {
	writer *sqlx.DB      // one connection
	reader *sqlx.DB      // a pool that cannot write
	turn   chan struct{} // held by who writes; channels serve in order
	audit  *appender
	lock   *lock

	attempts int // how often a write is begun that meets a lock or loses against another

	life   sync.RWMutex // held for reading by every call, for writing by Close
	closed bool
}

var _ store.Store = (*Store)(nil)

// Open opens the database, makes it if it is not there, and brings it to the
// newest version. Errors: fault.Invalid for options that make no sense,
// fault.Unavailable when it is in use by another process, newer than this
// program or out of reach, fault.Internal when it is damaged or no database.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Path == "" {
		return nil, fault.New(fault.Invalid, "the path of the database is missing")
	}
	if o.Patience < 0 || o.Readers < 0 {
		return nil, fault.New(fault.Invalid, "neither patience nor readers of the database can be negative")
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Readers == 0 {
		o.Readers = 8
	}
	path, held, err := prepareFile(o.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{turn: make(chan struct{}, 1), lock: held, attempts: max(5, int(o.Patience/lockWait))}
	if err := s.open(ctx, path, o); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.audit = newAppender(s) //nolint:contextcheck // it outlives this call
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, o Options) error {
	var err error
	if s.writer, err = connect(ctx, path, true); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if s.reader, err = connect(ctx, path, false); err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(o.Readers)
	s.reader.SetMaxIdleConns(o.Readers)
	return nil
}

// Close appends the audit records that wait, waits for the calls that are
// under way and closes the database. After it every method returns
// fault.Unavailable; a second Close does nothing.
func (s *Store) Close() error {
	s.audit.stop()
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.release()
}

// release lets go of what Open took, in the reverse order.
func (s *Store) release() error {
	var errs []error
	for _, db := range []*sqlx.DB{s.reader, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// enter begins a call, which leave ends.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return errClosed()
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }
