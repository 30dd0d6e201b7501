package rpc

import (
	"bytes"
	"context"
	"io"
	"iter"

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

// itemsNumber is the number of the items' field, in a ClassifyStreamRequest and a
// SubmitJobRequest as well as in an ItemChunk.
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
	if !isWholeList(message) {
		return decodeChunk(wire, message)
	}
	items, rest := takeField(wire, itemsNumber)
	if err := decoding.Unmarshal(rest, message); err != nil {
		return err
	}
	if request, ok := message.(*credenzav1.ClassifyStreamRequest); ok && len(items) > 0 {
		request.Items = someItem
	}
	message.ProtoReflect().SetUnknown(unpinned(items, wire))
	return nil
}

// isWholeList reports whether a message has all items of its call, in a field of its own.
func isWholeList(message proto.Message) bool {
	switch message.(type) {
	case *credenzav1.ClassifyStreamRequest, *credenzav1.SubmitJobRequest:
		return true
	}
	return false
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
	var items joined
	for run := range chunkItems(wire) {
		items.count(run)
	}
	for run := range chunkItems(wire) {
		items.add(run)
	}
	chunk.ProtoReflect().SetUnknown(unpinned(items.bytes, wire))
	return nil
}

// chunkItems returns the runs of items in the chunks after a message's last spec.
func chunkItems(wire []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := afterSpec(wire); len(rest) > 0; {
			number, kind, n := protowire.ConsumeTag(rest)
			size := protowire.ConsumeFieldValue(number, kind, rest[n:])
			if number == chunkNumber && kind == protowire.BytesType {
				inner, _ := protowire.ConsumeBytes(rest[n : n+size])
				for run, isItems := range runs(inner, itemsNumber) {
					if isItems && !yield(run) {
						return
					}
				}
			}
			rest = rest[n+size:]
		}
	}
}

// afterSpec returns what follows a message's last spec.
func afterSpec(wire []byte) []byte {
	after := wire
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		rest = rest[n+protowire.ConsumeFieldValue(number, kind, rest[n:]):]
		if number == specNumber && kind == protowire.BytesType {
			after = rest
		}
	}
	return after
}

// unpinned returns the items, copied if the message that they are part of is larger
// by a tenth or more. Only the items are charged to the caller while they wait, and
// the whole message stays in memory as long as any part of it does.
func unpinned(items, wire []byte) []byte {
	if len(items) < len(wire)-len(wire)/10 {
		return bytes.Clone(items)
	}
	return items
}

// joined is what pieces of a message have together. All of them are counted before
// the first is added, so that a single one is not copied, and others only once.
type joined struct {
	bytes  []byte
	size   int
	pieces int
}

func (j *joined) count(piece []byte) {
	j.size += len(piece)
	j.pieces++
}

func (j *joined) add(piece []byte) {
	if j.pieces == 1 {
		j.bytes = piece
		return
	}
	if j.bytes == nil {
		j.bytes = make([]byte, 0, j.size)
	}
	j.bytes = append(j.bytes, piece...)
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
	var parts [2]joined
	part := func(isWanted bool) *joined {
		if isWanted {
			return &parts[0]
		}
		return &parts[1]
	}
	for run, isWanted := range runs(wire, wanted) {
		part(isWanted).count(run)
	}
	for run, isWanted := range runs(wire, wanted) {
		part(isWanted).add(run)
	}
	return parts[0].bytes, parts[1].bytes
}

// runs returns the runs of fields that are all of a number, or none of them.
func runs(wire []byte, wanted protowire.Number) iter.Seq2[[]byte, bool] {
	return func(yield func([]byte, bool) bool) {
		for len(wire) > 0 {
			length, isWanted := run(wire, wanted)
			if !yield(wire[:length:length], isWanted) {
				return
			}
			wire = wire[length:]
		}
	}
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
	case *credenzav1.ClassifyFeedRequest, *credenzav1.CreateJobRequest:
		return true
	}
	return isWholeList(message)
}

// itemBytes returns how many bytes of a received message are its items'.
func itemBytes(message any) int64 {
	m, ok := message.(proto.Message)
	switch {
	case !ok:
		return 0
	case isWholeList(m):
		return int64(len(m.ProtoReflect().GetUnknown()))
	}
	return int64(len(chunkOf(m).ProtoReflect().GetUnknown()))
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
