package rpc

import (
	"bytes"
	"errors"
	"io"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/inflate"
	"github.com/credenza-dev/credenza/internal/intake"
)

// auxiliaryBytes is the most that a message of health and reflection may unpack to.
// These need no token, so that no caller is charged for it.
const auxiliaryBytes = intake.SmallBytes

// Do hands a message over gRPC on to the codec, compressed as it is. gRPC's
// decompressors know neither the kind of a message nor when it has been decoded, and
// so neither how much it may take nor until when it is held.
func (u *unpacker) Do(in io.Reader) ([]byte, error) {
	wire := bytes.NewBuffer(nil)
	if sized, ok := in.(interface{ Remaining() int }); ok {
		wire.Grow(len(u.codec.packed) + sized.Remaining() + bytes.MinRead)
	}
	wire.Write(u.codec.packed)
	if _, err := wire.ReadFrom(in); err != nil {
		return nil, err
	}
	if int64(wire.Len()) > u.limit { // gRPC would end the call past the log
		f := fault.New(fault.MessageTooLarge, "the compressed message has too many bytes: send it in several requests")
		return refusalOf(f).wire(u.codec.key)
	}
	return wire.Bytes(), nil
}

// cutPacked returns the compressed message if it is one that Do has handed on. No
// caller can forge its beginning.
func (c *codec) cutPacked(data mem.BufferSlice) ([]byte, bool) {
	if len(data) != 1 {
		return nil, false
	}
	return bytes.CutPrefix(data[0].ReadOnlyData(), c.packed)
}

// unmarshalPacked unpacks and decodes a message, or marks it.
func (c *codec) unmarshalPacked(packed []byte, message proto.Message, r *room) error {
	_, ours := c.forms[proto.MessageName(message)]
	limits := inflate.Limits{Bytes: min(c.limit, auxiliaryBytes)}
	if ours {
		r.reservation = c.budget.Reserve(r.in)
		limits = inflate.Limits{Bytes: c.limit, Charge: r.take}
	}
	data, err := mem.ReadAll(inflate.NewReader(bytes.NewReader(packed), limits), mem.DefaultBufferPool())
	defer data.Free()
	if err == nil {
		return c.unmarshal(data, message, r)
	}
	f, ok := errors.AsType[*fault.Fault](err)
	switch {
	case !ok:
		return err
	case !ours:
		return errRefused
	default:
		return refusalOf(f).mark(message)
	}
}

// refusalOf returns the refusal that becomes the fault again.
func refusalOf(f *fault.Fault) *refusal {
	r := &refusal{Reason: f.Reason, Text: f.Message, After: f.RetryAfter}
	if cause := f.Unwrap(); cause != nil {
		r.Cause = cause.Error()
	}
	return r
}

// maxStep is the most that is reserved at once for what is unpacked next.
const maxStep = 1 << 20

// room is what one message takes while it is unpacked and decoded: a slot if it is a
// large one, and bytes of the budget.
type room struct {
	slots   slots
	entered bool

	in          *intake.Inbound     // the message's call; nil: not known
	reservation *intake.Reservation // nil: nothing is unpacked
	out         int64               // bytes that were unpacked
	reserved    int64
}

// take takes room for n more bytes. A small message needs none, so that it is taken
// however full the budget is. While it waits for room it has no slot, which others
// may need that have all theirs.
func (r *room) take(n int) error {
	r.out += int64(n)
	if r.out <= intake.SmallBytes {
		return nil
	}
	r.enter(int(r.out))
	if r.out <= r.reserved {
		return nil
	}
	step := max(r.out-r.reserved, min(r.reserved, maxStep))
	if !r.reservation.Add(step) {
		r.exit()
		if err := r.reservation.WaitAdd(step); err != nil {
			return err
		}
		r.enter(int(r.out))
	}
	r.reserved += step
	return nil
}

// enter takes a slot for a large message, once.
func (r *room) enter(bytes int) {
	if bytes >= largeMessage {
		r.enterSlot()
	}
}

func (r *room) enterSlot() {
	if !r.entered {
		r.slots.enter()
		r.entered = true
	}
}

// exit gives the slot back.
func (r *room) exit() {
	if r.entered {
		r.slots.leave()
		r.entered = false
	}
}

// leave gives everything back.
func (r *room) leave() {
	r.exit()
	if r.reservation != nil {
		r.reservation.Release()
	}
}
