package rpc

import (
	"bytes"
	"iter"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

// The items and rows of a list stay as they are on the wire until the engine asks for
// them: decoded, a list of 100,000 takes ten times the memory, and may wait for hours.
//
// The codec leaves them in the unknown fields of the message that they are items or rows
// of, for the reason for which it leaves its marks there. It has looked at every
// byte of them, so that decoding one later cannot fail.

// listForm says where a kind of message has the items and rows that stay undecoded.
type listForm struct {
	// items is the number of the message's own items; 0: it has none.
	items protowire.Number
	// chunks are the numbers of the messages with items or rows, and within these.
	chunks []chunkNumber
	// others are the numbers of what takes a chunk's place, as one part of a oneof does.
	others []protowire.Number
}

type chunkNumber struct{ field, inner protowire.Number }

var uploadForm = &listForm{chunks: []chunkNumber{{2, 1}, {3, 2}}, others: []protowire.Number{1, 2, 3}}

// listForms are the messages whose items and rows stay as they are on the wire.
var listForms = map[protoreflect.FullName]*listForm{
	proto.MessageName(&credenzav1.ClassifyStreamRequest{}): {items: 1, chunks: []chunkNumber{{4, 2}}},
	proto.MessageName(&credenzav1.SubmitJobRequest{}):      {items: 1, chunks: []chunkNumber{{3, 2}}},
	proto.MessageName(&credenzav1.ClassifyFeedRequest{}):   uploadForm,
	proto.MessageName(&credenzav1.CreateJobRequest{}):      uploadForm,
}

// listFormOf returns a message's form, nil if nothing in it stays undecoded.
func listFormOf(message proto.Message) *listForm { return listForms[proto.MessageName(message)] }

// decode decodes a message but for its items and rows. A chunk may come in parts, which
// are one, as far as nothing comes between them that takes their place.
func (l *listForm) decode(wire []byte, message proto.Message) error {
	if err := decoding.Unmarshal(l.emptied(wire), message); err != nil {
		return err
	}
	if l.items != 0 {
		message.ProtoReflect().SetUnknown(unpinned(join(runs(wire, l.items, true)), wire))
	}
	for number, chunk := range l.chunksOf(message) {
		chunk.SetUnknown(unpinned(join(l.chunkRuns(wire, number)), wire))
	}
	return nil
}

// chunksOf returns the chunks that a message has. It has one at most.
func (l *listForm) chunksOf(message proto.Message) iter.Seq2[chunkNumber, protoreflect.Message] {
	return func(yield func(chunkNumber, protoreflect.Message) bool) {
		m := message.ProtoReflect()
		for _, number := range l.chunks {
			field := m.Descriptor().Fields().ByNumber(number.field)
			if m.Has(field) && !yield(number, m.Get(field).Message()) {
				return
			}
		}
	}
}

// chunkRuns returns the runs of items or rows in the parts of a chunk.
func (l *listForm) chunkRuns(wire []byte, chunk chunkNumber) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := l.afterOthers(wire, chunk.field); len(rest) > 0; {
			number, kind, n := protowire.ConsumeTag(rest)
			size := protowire.ConsumeFieldValue(number, kind, rest[n:])
			if number == chunk.field && kind == protowire.BytesType {
				inner, _ := protowire.ConsumeBytes(rest[n : n+size])
				for run := range runs(inner, chunk.inner, true) {
					if !yield(run) {
						return
					}
				}
			}
			rest = rest[n+size:]
		}
	}
}

// afterOthers returns what follows the last field that took the chunk's place.
func (l *listForm) afterOthers(wire []byte, chunk protowire.Number) []byte {
	after := wire
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		rest = rest[n+protowire.ConsumeFieldValue(number, kind, rest[n:]):]
		if number != chunk && kind == protowire.BytesType && slices.Contains(l.others, number) {
			after = rest
		}
	}
	return after
}

// emptied returns the message without its items and rows.
func (l *listForm) emptied(wire []byte) []byte {
	var out []byte
	for rest := wire; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(number, kind, rest[n:])
		i := slices.IndexFunc(l.chunks, func(c chunkNumber) bool { return c.field == number })
		switch {
		case kind == protowire.BytesType && number == l.items:
		case kind == protowire.BytesType && i >= 0:
			inner, _ := protowire.ConsumeBytes(rest[n : n+size])
			out = protowire.AppendBytes(append(out, rest[:n]...), join(runs(inner, l.chunks[i].inner, false)))
		default:
			out = append(out, rest[:n+size]...)
		}
		rest = rest[n+size:]
	}
	return out
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

// join returns pieces of a message as one. All of them are counted before the first is
// added, so that a single one is not copied, and others only once.
func join(pieces iter.Seq[[]byte]) []byte {
	var only []byte
	count, size := 0, 0
	for piece := range pieces {
		only, count, size = piece, count+1, size+len(piece)
	}
	if count < 2 {
		return only
	}
	joined := make([]byte, 0, size)
	for piece := range pieces {
		joined = append(joined, piece...)
	}
	return joined
}

// runs returns the runs of fields that are of a number, or of those that are not.
func runs(wire []byte, number protowire.Number, wanted bool) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := wire; len(rest) > 0; {
			length, are := run(rest, number)
			if are == wanted && !yield(rest[:length:length]) {
				return
			}
			rest = rest[length:]
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

// itemBytes returns how many bytes of a received message are its items' and rows'.
func itemBytes(message any) int64 {
	m, ok := message.(proto.Message)
	if !ok {
		return 0
	}
	form := listFormOf(m)
	if form == nil {
		return 0
	}
	n := len(m.ProtoReflect().GetUnknown())
	for _, chunk := range form.chunksOf(m) {
		n += len(chunk.GetUnknown())
	}
	return int64(n)
}
