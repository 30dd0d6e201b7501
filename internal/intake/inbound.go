package intake

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/credenza-dev/credenza/internal/fault"
)

// ErrSlow is the fault of a call whose message did not arrive in time.
var ErrSlow = fault.New(fault.DeadlineExceeded, "the message did not arrive in time: send it at once")

// Inbound is what has arrived of one call and is not handled yet. Its methods are
// safe for concurrent use, and do nothing for a nil one.
type Inbound struct {
	account *account
	cut     func(cause error) // ends the call, and locks nothing; nil: only its reader does

	mu       sync.Mutex
	arriving message
	most     int64 // bytes of a message; 0: no bound
	tooLarge error
	complete []int64 // what was charged for each message that was not received yet
	backlog  int64   // their sum
	received chan struct{}
	begun    chan struct{} // is closed when a message begins to arrive, or none will
	hasBegun bool
	empty    bool  // no message has begun to arrive, and none will
	pace     *Pace // of the message that is arriving; nil: none is
	timer    *time.Timer
	pauses   int       // of the server's reading
	paused   time.Time // when the first of them began
	closed   bool
	onClose  func()
}

// message is the one that is arriving, in the frame that gRPC and Connect put
// around each: a byte of flags, four with the length.
type message struct {
	head    [5]byte
	read    int   // of head
	left    int64 // of the message
	charged int64
}

// Open returns what a call of a caller holds, which is nothing yet. Calls that are
// to share one share have the same name of their caller. cut ends the call when a
// message of it arrives too slowly; it is not called after Close, and may be nil.
func (b *Budget) Open(caller string, cut func(cause error)) *Inbound {
	return &Inbound{account: b.open(caller, &b.held), cut: cut, received: make(chan struct{}, 1), begun: make(chan struct{})}
}

// OpenStranger is Open for a call that was not authorised, or needs not be. All of
// one name hold no more than SmallBytes together, and all strangers an eighth of the
// budget's size, in addition to it.
func (b *Budget) OpenStranger(name string, cut func(cause error)) *Inbound {
	return &Inbound{account: b.open("stranger:"+name, &b.strangers), cut: cut, received: make(chan struct{}, 1), begun: make(chan struct{})}
}

type inboundKey struct{}

// With returns a context in which From finds a call's Inbound.
func With(ctx context.Context, in *Inbound) context.Context {
	return context.WithValue(ctx, inboundKey{}, in)
}

// From returns the Inbound of the call whose context it is, nil if there is none.
func From(ctx context.Context) *Inbound {
	in, _ := ctx.Value(inboundKey{}).(*Inbound)
	return in
}

// Bound ends the call with the cause when a message begins to arrive that has more bytes.
func (in *Inbound) Bound(most int64, cause error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.most, in.tooLarge = most, cause
}

// Charge takes n bytes.
func (in *Inbound) Charge(n int64) {
	if in != nil {
		in.account.add(n)
	}
}

// Release gives n bytes back that were handled.
func (in *Inbound) Release(n int64) { in.Charge(-n) }

// Wait waits until the caller may send more. It returns ErrFull after 5 s, and the
// cause of ctx when that ends.
func (in *Inbound) Wait(ctx context.Context) error {
	if in == nil {
		return nil
	}
	err := in.account.awaitRoom(ctx.Done())
	if errors.Is(err, errStopped) {
		return context.Cause(ctx)
	}
	return err
}

// Arrived charges a piece of a stream of messages, with what it takes in memory.
// While a message is incomplete and the server reads it has to arrive at the least
// rate; between two messages a stream may be silent.
func (in *Inbound) Arrived(piece []byte, charge int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.account.add(charge)
	if len(piece) > 0 {
		in.begin(false)
	}
	m := &in.arriving
	m.charged += charge
	for rest := piece; len(rest) > 0; {
		var whole bool
		rest, whole = m.take(rest)
		if in.most > 0 && m.left > in.most && in.cut != nil {
			in.cut(in.tooLarge)
		}
		if whole {
			in.complete = append(in.complete, m.charged)
			in.backlog += m.charged
			*m, in.pace = message{}, nil
		}
	}
	switch {
	case m.read == 0:
	case in.pace != nil:
		in.pace.Add(len(piece))
	default:
		in.watchPace()
	}
}

// Ended says that nothing more of the call will arrive.
func (in *Inbound) Ended() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.begin(true)
}

func (in *Inbound) begin(empty bool) {
	if !in.hasBegun {
		in.hasBegun, in.empty = true, empty
		close(in.begun)
	}
}

// AwaitMessage waits until a message begins to arrive, and reports false if none will. It
// returns the cause of ctx when that ends. It is for calls of a Conn.
func (in *Inbound) AwaitMessage(ctx context.Context) (bool, error) {
	select {
	case <-in.begun:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return !in.empty, nil
}

// Unpacked charges n bytes that a message takes in addition to those that arrived,
// until it is received. It is called before the next message is read.
func (in *Inbound) Unpacked(n int64) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	in.account.add(n)
	last := len(in.complete) - 1
	if in.arriving.read > 0 || last < 0 {
		in.arriving.charged += n
		return
	}
	in.complete[last] += n
	in.backlog += n
}

// take takes what belongs to the message from a piece, and reports whether that is
// all of the message.
func (m *message) take(piece []byte) (rest []byte, whole bool) {
	if m.read < len(m.head) {
		n := copy(m.head[m.read:], piece)
		piece = piece[n:]
		if m.read += n; m.read < len(m.head) {
			return nil, false
		}
		m.left = int64(binary.BigEndian.Uint32(m.head[1:]))
	}
	n := min(m.left, int64(len(piece)))
	m.left -= n
	return piece[n:], m.left == 0
}

// watchPace begins to look at the pace of the message.
func (in *Inbound) watchPace() {
	in.pace = NewPace()
	switch {
	case in.cut == nil: // its reader does
	case in.timer == nil:
		in.timer = time.AfterFunc(Grace, in.look)
	default:
		in.timer.Reset(Grace)
	}
}

// look ends the call if its message is late, and looks again when it could be.
func (in *Inbound) look() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pace == nil || in.closed || in.pauses > 0 {
		return
	}
	if left := time.Until(in.pace.Due()); left > 0 {
		in.timer.Reset(left)
		return
	}
	in.cut(ErrSlow)
}

// Pause says that the server reads nothing more of the call until Resume is called.
// That time is not counted against a message that is arriving. Pauses may overlap.
func (in *Inbound) Pause() {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pauses++; in.pauses == 1 {
		in.paused = time.Now()
	}
}

// Resume ends a Pause.
func (in *Inbound) Resume() {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pauses--; in.pauses > 0 || in.pace == nil || in.closed {
		return
	}
	in.pace.Extend(time.Since(in.paused))
	if in.timer != nil {
		in.timer.Reset(time.Until(in.pace.Due()))
	}
}

// Received says that the call's next message has been received, and how many bytes
// of it are still held.
func (in *Inbound) Received(held int64) {
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.complete) == 0 {
		return
	}
	charged := in.complete[0]
	in.complete = in.complete[1:]
	in.backlog -= charged
	in.account.add(held - charged)
	in.wake()
}

// wake has WaitForReceiver look again.
func (in *Inbound) wake() {
	select {
	case in.received <- struct{}{}:
	default:
	}
}

// WaitForReceiver waits until less than most bytes are held in messages that were
// not received yet, as HTTP/2 does by its windows. One goroutine may wait.
func (in *Inbound) WaitForReceiver(ctx context.Context, most int64) error {
	for {
		in.mu.Lock()
		waits := in.backlog >= most && !in.closed
		in.mu.Unlock()
		if !waits {
			return nil
		}
		select {
		case <-in.received:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Due returns when more of the message has to arrive, the zero time if none is
// arriving.
func (in *Inbound) Due() time.Time {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.pace == nil {
		return time.Time{}
	}
	pace := *in.pace
	if in.pauses > 0 {
		pace.Extend(time.Since(in.paused))
	}
	return pace.Due()
}

// Close gives back what the call holds. What arrives for it later is not charged.
// It may be called more than once.
func (in *Inbound) Close() {
	if in == nil {
		return
	}
	in.mu.Lock()
	closed := in.closed
	in.closed = true
	if in.timer != nil {
		in.timer.Stop()
	}
	in.mu.Unlock()
	if closed {
		return
	}
	in.wake()
	in.account.close()
	if in.onClose != nil {
		in.onClose()
	}
}

// End cuts the call off if it can be, and gives back what it holds.
func (in *Inbound) End(cause error) {
	if in == nil || in.cut == nil {
		return
	}
	in.mu.Lock()
	if !in.closed {
		in.cut(cause)
	}
	in.mu.Unlock()
	in.Close()
}
