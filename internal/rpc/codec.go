package rpc

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"runtime"
	"time"

	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// codec is gRPC's own for protobuf, but for requests of the contract: it counts
// what is in them before it decodes them, and refuses in the contract's terms.
//
// An item that takes 2 bytes on the wire takes 300 in memory, so the limit on a
// message's bytes does not bound what decoding it costs, and a limit that is
// checked afterwards comes too late.
//
// An error of a codec reaches the caller as INTERNAL without details, for a unary
// call even past all interceptors. So this one returns none: it leaves the
// message empty but for a mark, from which the checks make the fault. The mark is
// an unknown field, because what gRPC hands to a codec is the generated message
// and nothing around it. No caller can forge one: unknown fields that come in are
// dropped.
//
// JSON is refused by another codec, before it is protobuf (jsoncodec.go), and what
// cannot be unpacked before both (unpack.go). Such messages come in here with a
// mark already, and with a key to show that it is one of ours.
type codec struct {
	encoding.CodecV2
	forms map[protoreflect.FullName]*form
	key   []byte // random
	large slots

	// For compressed messages; see packed.go.
	packed []byte // what they begin with; random
	limit  int64  // bytes of one, compressed and not
	budget *intake.Budget
}

func newCodec(config Config) *codec {
	c := &codec{
		CodecV2: encoding.GetCodecV2(protocodec.Name),
		forms:   map[protoreflect.FullName]*form{},
		key:     []byte(rand.Text()),
		large:   make(slots, runtime.GOMAXPROCS(0)),
		packed:  []byte(rand.Text()),
		limit:   int64(config.MaxRequestBytes),
		budget:  config.Intake,
	}
	for _, request := range requests {
		c.forms[proto.MessageName(request)] = newForm(request, config.MaxItems)
	}
	return c
}

var decoding = proto.UnmarshalOptions{DiscardUnknown: true}

// callMessage is a message to be decoded, together with its call. gRPC hands it on to the
// codec as it is, and once more with a second message of a method that takes one.
type callMessage struct {
	message any
	in      *intake.Inbound
	decoded bool
	second  func() // is called in place of decoding a second message; nil: there is none
}

// Unmarshal decodes a message, or marks it.
func (c *codec) Unmarshal(data mem.BufferSlice, v any) error {
	r := room{slots: c.large}
	defer r.leave()
	if of, ok := v.(*callMessage); ok {
		if of.decoded && of.second != nil {
			of.second()
			return nil
		}
		v, r.in, of.decoded = of.message, of.in, true
	}
	message, ok := v.(proto.Message)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	if packed, ok := c.cutPacked(data); ok {
		return c.unmarshalPacked(packed, message, &r)
	}
	return c.unmarshal(data, message, &r)
}

// unmarshal decodes a message that is not compressed, or marks it.
func (c *codec) unmarshal(data mem.BufferSlice, message proto.Message, r *room) error {
	form, ours := c.forms[proto.MessageName(message)]
	if ours && int64(data.Len()) > c.limit {
		return refusalOf(tooLarge(c.limit)).mark(message)
	}
	if list := listFormOf(message); ours && list != nil {
		r.enter(data.Len())
		return c.decode(data.Materialize(), message, form, list.decode) // the items stay in it
	}
	if data.Len() > intake.SmallBytes {
		r.enterSlot()
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	wire := buffer.ReadOnlyData()
	if ours {
		return c.decode(wire, message, form, decoding.Unmarshal)
	}
	if _, ok := c.marked(wire); ok {
		return errRefused // of health and reflection, which have no checks
	}
	return c.CodecV2.Unmarshal(data, message)
}

func (c *codec) decode(wire []byte, message proto.Message, form *form, decode func([]byte, proto.Message) error) error {
	if mark, ok := c.marked(wire); ok {
		message.ProtoReflect().SetUnknown(mark)
		return nil
	}
	if r := form.check(wire); r != nil {
		return r.mark(message)
	}
	if err := decode(wire, message); err != nil {
		proto.Reset(message) // decoding has begun to fill it
		return undecodable(err).mark(message)
	}
	return nil
}

// largeMessage is from how many bytes on a message counts as a large one.
const largeMessage = 1 << 20

// slots bound how many messages are decoded at once that may take much memory meanwhile:
// large lists, which are in memory twice for that moment, and others that are no small
// ones, whose caller is charged with what becomes of them once they are decoded. More than
// there are processors would be no faster.
type slots chan struct{}

func (s slots) enter() { s <- struct{}{} }

func (s slots) leave() { <-s }

// markNumber is of the range that protobuf keeps for its implementations: no
// field of any contract has it.
const markNumber protowire.Number = 19_000

var errRefused = errors.New("the message is compressed, and is too large or cannot be unpacked: send it uncompressed")

// marked returns the mark in the message that consists of nothing else but one of
// ours with its key.
func (c *codec) marked(wire []byte) (mark []byte, ok bool) {
	number, _, n := protowire.ConsumeTag(wire)
	if n < 0 || number != markNumber {
		return nil, false
	}
	text, n := protowire.ConsumeBytes(wire[n:])
	if n < 0 {
		return nil, false
	}
	text, ok = bytes.CutPrefix(text, c.key)
	return appendMark(nil, text), ok
}

func appendMark(wire []byte, parts ...[]byte) []byte {
	wire = protowire.AppendTag(wire, markNumber, protowire.BytesType)
	return protowire.AppendBytes(wire, bytes.Join(parts, nil))
}

// refusal is why a message was not decoded, in the form that a mark carries.
type refusal struct {
	Reason fault.Reason
	Field  string // may be empty
	Text   string
	Cause  string        // for the log; may be empty
	After  time.Duration // until it can be sent again; may be 0
	// Unlogged is a part of Field and Text that the caller wrote; may be empty.
	Unlogged string
}

func undecodable(err error) *refusal {
	return &refusal{
		Reason: fault.InvalidRequest,
		Text:   "the message cannot be decoded: send one of the package credenza.v1 whose texts are UTF-8",
		Cause:  err.Error(),
	}
}

// mark stores the refusal in an empty message, after a key if another codec reads it.
func (r *refusal) mark(message proto.Message, key ...byte) error {
	mark, err := r.wire(key)
	if err != nil {
		return err
	}
	message.ProtoReflect().SetUnknown(mark)
	return nil
}

// wire returns the message that has the mark and nothing else.
func (r *refusal) wire(key []byte) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return appendMark(nil, key, text), nil
}

// marked returns the fault of a message that the codec has refused, else nil.
func marked(message proto.Message) error {
	number, _, n := protowire.ConsumeTag(message.ProtoReflect().GetUnknown())
	if n < 0 || number != markNumber {
		return nil
	}
	text, n := protowire.ConsumeBytes(message.ProtoReflect().GetUnknown()[n:])
	if n < 0 {
		return fault.From(protowire.ParseError(n))
	}
	var r refusal
	if err := json.Unmarshal(text, &r); err != nil {
		return fault.From(err)
	}
	return r.fault()
}

func (r *refusal) fault() *fault.Fault {
	if r.Field != "" {
		f := fault.Invalid(r.Field, "%s", r.Text)
		f.Reason, f.Unlogged = r.Reason, r.Unlogged
		return f
	}
	return fault.Wrap(errors.New(r.Cause), r.Reason, "%s", r.Text).After(r.After)
}
