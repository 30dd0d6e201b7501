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

// minBlock is how much of a list is kept until its last item was taken.
const minBlock = 64 << 10

// wireItems gives the items of a list of items or rows one by one. When half of the list
// was taken, the rest moves, so that the memory is given back and with it the caller's
// room.
type wireItems struct {
	wire  []byte
	block int64 // what is in memory
	in    *intake.Inbound
	item  func(wire []byte) (*catalog.Item, error) // makes an item of one entry
}

func newWireItems(wire []byte, in *intake.Inbound, item func([]byte) (*catalog.Item, error)) *wireItems {
	return &wireItems{wire, int64(len(wire)), in, item}
}

// wireItem decodes an item.
func wireItem(wire []byte) (*catalog.Item, error) {
	var item credenzav1.Item
	if err := decoding.Unmarshal(wire, &item); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "an item that was looked over cannot be decoded: report it")
	}
	return itemFromProto(&item), nil
}

// count returns how many items are left.
func (w *wireItems) count() int {
	n := 0
	for rest := w.wire; len(rest) > 0; n++ {
		_, rest = cutEntry(rest)
	}
	return n
}

// next returns the next item, io.EOF after the last one.
func (w *wireItems) next() (*catalog.Item, error) {
	if len(w.wire) == 0 {
		return nil, io.EOF
	}
	entry, rest := cutEntry(w.wire)
	item, err := w.item(entry)
	if err != nil {
		return nil, err
	}
	w.wire = rest
	w.shrink()
	return item, nil
}

// cutEntry returns the first entry of a list without its tag, and the others.
func cutEntry(wire []byte) (entry, rest []byte) {
	_, _, tag := protowire.ConsumeTag(wire)
	entry, n := protowire.ConsumeBytes(wire[tag:])
	return entry, wire[tag+n:]
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

// listed is a request with a whole list of items or rows.
type listed interface {
	proto.Message
	GetRows() *credenzav1.RowChunk
}

// takeList takes the items or rows out of a request. There may be none.
func takeList(req listed, in *intake.Inbound) (*wireItems, error) {
	wire, chunk := req.ProtoReflect().GetUnknown(), req.GetRows()
	req.ProtoReflect().SetUnknown(nil) // or all of them stay as long as the call
	switch {
	case chunk == nil:
		return newWireItems(wire, in, wireItem), nil
	case len(wire) > 0:
		return nil, fault.Invalid("rows", "there are items as well: send either items or rows")
	default:
		return new(rows).open(chunk, in)
	}
}
