package hmgwire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	"gatehouse/core/fault"
)

// Kind tells what a frame is. Kinds below 0x80 go to the gateway, the others
// come from it.
type Kind uint8

// The kinds of frames, with the body that each has.
const (
	KindHello     Kind = 0x01 // Hello; the first frame of a connection
	KindOpen      Kind = 0x02 // Open → Opened
	KindClose     Kind = 0x03 // Scope → no body
	KindCheck     Kind = 0x04 // Scope → Info
	KindInventory Kind = 0x05 // Inventory → Objects frames, then no body
	KindGenerate  Kind = 0x06 // Generate → Object
	KindImport    Kind = 0x07 // Import → Object
	KindOperate   Kind = 0x08 // Operate → Result
	KindUpdate    Kind = 0x09 // Update → no body
	KindDestroy   Kind = 0x0a // Destroy → no body
	KindCredit    Kind = 0x0b // Credit; the request id is the inventory's; not answered
	KindCancel    Kind = 0x0c // no body; the request id is that of the request to cancel; not answered
	KindPing      Kind = 0x0d // no body → no body
	KindHeal      Kind = 0x0e // Heal → no body; only to a worker
	KindLibrary   Kind = 0x0f // no body → no body, when the library answers; only to a worker
	KindWrap      Kind = 0x10 // Wrap → Result
	KindUnwrap    Kind = 0x11 // Make → Object
	KindDerive    Kind = 0x12 // Make → Object
	KindReduce    Kind = 0x13 // Update, of what cannot be taken back → no body

	KindAnswer  Kind = 0x81 // the last frame of a request that succeeded
	KindRefusal Kind = 0x82 // Refusal; the last frame of a request that did not
	KindObjects Kind = 0x83 // Objects; a part of an inventory
	KindGoodbye Kind = 0x84 // no body, id 0: the gateway takes no new requests on this connection
)

// header is the length of a frame's fixed part:
//
//	uint32  length of all that follows, big endian
//	uint8   kind
//	uint64  request id, big endian; chosen by the client, unique among its
//	        requests under way; 0 where there is none
//	…       body: one CBOR data item (RFC 8949), or nothing
const (
	header    = 13
	lengthLen = 4
)

// A Frame is one frame as read. Body is valid until the next one is read.
type Frame struct {
	Kind Kind
	ID   uint64
	Body []byte
}

// Append appends a frame to buf; body may be nil. When the frame would be too
// long it appends nothing and returns fault.Invalid.
func Append(buf *bytes.Buffer, k Kind, id uint64, body any) error {
	start := buf.Len()
	var head [header]byte
	head[lengthLen] = byte(k)
	binary.BigEndian.PutUint64(head[lengthLen+1:], id)
	buf.Write(head[:])
	if b, ok := fastAppend(buf.AvailableBuffer(), body); ok {
		buf.Write(b)
	} else if body != nil {
		if err := encMode().MarshalToBuffer(body, buf); err != nil {
			buf.Truncate(start)
			return fault.Wrap(fault.Internal, err, "encoding a message for the gateway")
		}
	}
	length := buf.Len() - start - lengthLen
	if length > MaxFrame {
		buf.Truncate(start)
		return fault.New(fault.Invalid, "the request or its answer is longer than the gateway's %d bytes", MaxFrame)
	}
	binary.BigEndian.PutUint32(buf.Bytes()[start:], uint32(length))
	return nil
}

// ErrFrame is returned for bytes that cannot be a frame: the peer speaks
// something else, and nothing that follows can be understood.
type ErrFrame struct{ Length uint32 }

// Error tells the length that made no sense, which is not secret.
func (e ErrFrame) Error() string {
	return fmt.Sprintf("frame of %d bytes, not within %d to the limit", e.Length, header-lengthLen)
}

// A Reader reads frames. Memory grows with what has arrived, never with what a
// frame's length promises.
type Reader struct {
	br    *bufio.Reader
	max   atomic.Int64
	begun func() // called before waiting for the rest of a frame that has begun
	whole func() // called when it is there
	large bytes.Buffer
	skip  int // bytes of the last frame still in br
}

// NewReader returns a Reader of frames of at most limit bytes. begun and whole
// may be nil; they are for deadlines: a peer may be silent between frames, not
// within one.
func NewReader(r io.Reader, limit int, begun, whole func()) *Reader {
	nothing := func() {}
	if begun == nil {
		begun = nothing
	}
	if whole == nil {
		whole = nothing
	}
	rd := &Reader{br: bufio.NewReaderSize(r, 64<<10), begun: begun, whole: whole}
	rd.max.Store(int64(limit))
	return rd
}

// Limit sets the longest frame from now on. Any goroutine may call it.
func (r *Reader) Limit(limit int) { r.max.Store(int64(limit)) }

// Waiting reports whether more bytes have arrived already.
func (r *Reader) Waiting() bool { return r.br.Buffered() > r.skip }

// Next returns the next frame, whose body is valid until the next call. It
// returns io.EOF at the end between frames and io.ErrUnexpectedEOF within one.
func (r *Reader) Next() (Frame, error) {
	if r.skip > 0 {
		_, _ = r.br.Discard(r.skip)
		r.skip = 0
	}
	if r.br.Buffered() == 0 {
		if _, err := r.br.Peek(1); err != nil {
			return Frame{}, err
		}
	}
	partial := r.br.Buffered() < header
	if partial {
		r.begun()
	}
	head, err := r.br.Peek(header)
	if err != nil {
		return Frame{}, within(err)
	}
	length := binary.BigEndian.Uint32(head)
	if length < header-lengthLen || int64(length) > r.max.Load() {
		return Frame{}, ErrFrame{Length: length}
	}
	f := Frame{Kind: Kind(head[lengthLen]), ID: binary.BigEndian.Uint64(head[lengthLen+1:])}
	total := lengthLen + int(length)
	if !partial && r.br.Buffered() < total {
		partial = true
		r.begun()
	}
	if total <= r.br.Size() {
		b, err := r.br.Peek(total)
		if err != nil {
			return Frame{}, within(err)
		}
		f.Body, r.skip = b[header:], total
	} else if f.Body, err = r.long(total - header); err != nil {
		return Frame{}, err
	}
	if partial {
		r.whole()
	}
	return f, nil
}

// long reads a body that does not fit the buffer.
func (r *Reader) long(n int) ([]byte, error) {
	_, _ = r.br.Discard(header)
	if r.large.Cap() > 4*n {
		r.large = bytes.Buffer{} // one huge frame does not cost its memory for ever
	}
	r.large.Reset()
	if _, err := io.CopyN(&r.large, r.br, int64(n)); err != nil {
		return nil, within(err)
	}
	return r.large.Bytes(), nil
}

func within(err error) error {
	if err == io.EOF { //nolint:errorlint // io.EOF itself: an error that wraps it is another
		return io.ErrUnexpectedEOF
	}
	return err
}
