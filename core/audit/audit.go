// Package audit holds the audit record and the hash chain over the records,
// which shows any change, gap or cut tail.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"gatehouse/core/id"
)

// Outcome tells how what a record is about ended.
type Outcome string

// The outcomes. A change of state is recorded twice, as begun and as it ended,
// with the same correlation id; a use of a key is recorded once, with its
// outcome, and its result is released only after the record is durable.
const (
	Begun   Outcome = "begun"
	Done    Outcome = "done"
	Refused Outcome = "refused" // by policy, or because the request was wrong
	Failed  Outcome = "failed"  // by what carries it out
)

// Record is one line of the audit log. It never holds a secret or a rejected value.
type Record struct {
	Seq         int64 // 1, 2, 3 … without a gap; set by the store
	At          time.Time
	Correlation string // the same in all records of one request
	Account     id.Account
	Actor       id.Principal
	Action      string // such as "sign" or "key create"
	Object      string // id of the key, group, app or user acted on
	Group       id.Group
	Outcome     Outcome
	Detail      string   // safe for whoever may read the log
	Prev, Hash  [32]byte // the chain; set by the store
}

// Link returns r as the follower of a record with number seq-1 and hash prev.
func Link(r Record, seq int64, prev [32]byte) Record {
	r.Seq, r.Prev = seq, prev
	r.Hash = r.digest()
	return r
}

// Intact reports whether r is the unchanged follower of a record with hash prev.
func (r Record) Intact(seq int64, prev [32]byte) bool {
	return r.Seq == seq && r.Prev == prev && r.Hash == r.digest()
}

// digest is SHA-256 over the length-prefixed fields, so that no two different
// records encode alike.
func (r Record) digest() [32]byte {
	b := make([]byte, 0, 320)
	b = append(b, r.Prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, s := range [...]string{
		r.Correlation, string(r.Account), string(r.Actor.Kind), r.Actor.ID,
		r.Action, r.Object, string(r.Group), string(r.Outcome), r.Detail,
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return sha256.Sum256(b)
}
