package rpc

import (
	"bytes"
	"context"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// The items of a list stay as they are on the wire until the engine asks for them:
// decoded, a list of 100,000 takes ten times the memory, and may wait for hours.
//
// The codec leaves them in the unknown fields of the message that they are items
// of, for the reason for which it leaves its marks there. It has looked at every
// byte of them, so that decoding one later cannot fail.

// itemsNumber is the number of the items' field, in a ClassifyStreamRequest as well
// as in an ItemChunk.
const itemsNumber protowire.Number = 1

// The numbers of what the messages of feeds and uploads are.
const (
	specNumber  protowire.Number = 1
	chunkNumber protowire.Number = 2
)

// someItem takes the items' place in a decoded list, for the rule that there is one.
var someItem = []*credenzav1.Item{{}}

// decodeList decodes a message but for its items.
func decodeList(wire []byte, message proto.Message) error {
	if request, ok := message.(*credenzav1.ClassifyStreamRequest); ok {
		items, rest := takeField(wire, itemsNumber)
		if err := decoding.Unmarshal(rest, request); err != nil {
			return err
		}
		if len(items) > 0 {
			request.Items = someItem
		}
		request.ProtoReflect().SetUnknown(items)
		return nil
	}
	return decodeChunk(wire, message)
}

// decodeChunk decodes a message of a feed or an upload. A chunk may come in parts,
// which are one, as far as no spec comes between them and takes their place.
func decodeChunk(wire []byte, message proto.Message) error {
	if err := decoding.Unmarshal(emptyChunks(wire), message); err != nil {
		return err
	}
	chunk := chunkOf(message)
	if chunk == nil {
		return nil
	}
	var items []byte
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(rest[n : n+size])
			switch number {
			case chunkNumber:
				part, _ := takeField(inner, itemsNumber)
				items = join(items, part)
			case specNumber:
				items = nil
			}
		}
		rest = rest[n+size:]
	}
	chunk.ProtoReflect().SetUnknown(items)
	return nil
}

// join appends a part; the first one stays where it is.
func join(all, part []byte) []byte {
	if len(all) == 0 {
		return part
	}
	return append(all[:len(all):len(all)], part...)
}

// emptyChunks returns the message with nothing in its chunks.
func emptyChunks(wire []byte) []byte {
	var out []byte
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		if number == chunkNumber && kind == protowire.BytesType {
			out = protowire.AppendBytes(append(out, rest[:n]...), nil)
		} else {
			out = append(out, rest[:n+size]...)
		}
		rest = rest[n+size:]
	}
	return out
}

// chunkOf returns a message's chunk of items, nil if it has none.
func chunkOf(message proto.Message) *credenzav1.ItemChunk {
	switch m := message.(type) {
	case *credenzav1.ClassifyFeedRequest:
		return m.GetItems()
	case *credenzav1.CreateJobRequest:
		return m.GetItems()
	}
	return nil
}

// takeField parts a message that was looked over: into the fields of a number with
// their tags, and the others. Fields that follow each other are not copied.
func takeField(wire []byte, wanted protowire.Number) (taken, rest []byte) {
	for begin := 0; begin < len(wire); {
		end, isWanted := run(wire[begin:], wanted)
		end += begin
		if isWanted {
			taken = join(taken, wire[begin:end])
		} else {
			rest = join(rest, wire[begin:end])
		}
		begin = end
	}
	return taken, rest
}

// run returns how long fields go on that are all of a number, or none of them.
func run(wire []byte, wanted protowire.Number) (length int, isWanted bool) {
	for length < len(wire) {
		number, kind, n := protowire.ConsumeTag(wire[length:])
		is := number == wanted && kind == protowire.BytesType
		if length > 0 && is != isWanted {
			break
		}
		isWanted = is
		length += n + protowire.ConsumeFieldValue(number, kind, wire[length+n:])
	}
	return length, isWanted
}

// isList reports whether a message's items stay as they are on the wire.
func isList(message proto.Message) bool {
	switch message.(type) {
	case *credenzav1.ClassifyStreamRequest, *credenzav1.ClassifyFeedRequest, *credenzav1.CreateJobRequest:
		return true
	}
	return false
}

// itemBytes returns how many bytes of a received message are its items'.
func itemBytes(message any) int64 {
	switch m := message.(type) {
	case *credenzav1.ClassifyStreamRequest:
		return int64(len(m.ProtoReflect().GetUnknown()))
	case proto.Message:
		return int64(len(chunkOf(m).ProtoReflect().GetUnknown()))
	}
	return 0
}

// minBlock is how much of a list is kept until its last item was taken.
const minBlock = 64 << 10

// wireItems gives a list's items one by one. When half of the list was taken, the
// rest moves, so that the memory is given back and with it the caller's room.
type wireItems struct {
	wire  []byte
	block int64 // what is in memory
	in    *intake.Inbound
}

func newWireItems(wire []byte, in *intake.Inbound) *wireItems {
	return &wireItems{wire: wire, block: int64(len(wire)), in: in}
}

// count returns how many items are left.
func (w *wireItems) count() int {
	n := 0
	for rest := w.wire; len(rest) > 0; n++ {
		_, _, tag := protowire.ConsumeTag(rest)
		rest = rest[tag+protowire.ConsumeFieldValue(itemsNumber, protowire.BytesType, rest[tag:]):]
	}
	return n
}

// next returns the next item, io.EOF after the last one.
func (w *wireItems) next() (*catalog.Item, error) {
	if len(w.wire) == 0 {
		return nil, io.EOF
	}
	_, _, tag := protowire.ConsumeTag(w.wire)
	value, n := protowire.ConsumeBytes(w.wire[tag:])
	var item credenzav1.Item
	if err := decoding.Unmarshal(value, &item); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "an item that was looked over cannot be decoded: report it")
	}
	w.wire = w.wire[tag+n:]
	w.shrink()
	return itemFromProto(&item), nil
}

func (w *wireItems) shrink() {
	left := int64(len(w.wire))
	switch {
	case left == 0:
		w.wire = nil
	case w.block > minBlock && left <= w.block/2:
		w.wire = bytes.Clone(w.wire)
	default:
		return
	}
	w.in.Release(w.block - left)
	w.block = left
}

// source gives the items to the engine.
func (w *wireItems) source() classify.Source {
	return func(ctx context.Context) (*catalog.Item, error) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return w.next()
	}
}
