package rpc

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/credenza-dev/credenza/internal/fault"
	credenzav1 "github.com/credenza-dev/credenza/pkg/credenza/v1"
)

const (
	// entriesPerItem is how many styles, tags and attributes an item of a message
	// with the most items may have on average. One takes 2 bytes on the wire at
	// least and some 100 in memory.
	entriesPerItem = 20
	// maxFrameEntries is the most entries of lists and maps in addition to those of items:
	// more than the contract allows, which is 1,000 corrections, or as many columns and
	// overrides of these. They are decoded at once, and before its rules are checked.
	maxFrameEntries = 3000
	// entryBytes is what an entry takes in memory in addition to its bytes on the wire.
	entryBytes = 160
	// numberBytes is the same for one that is a number.
	numberBytes = 8
	// minMessageItems keeps a low limit, which is meant for whole calls, from
	// breaking feeds, whose chunks have a hundred items or so, and single items
	// with long lists.
	minMessageItems = 1000
)

// form is what one kind of request may hold.
type form struct {
	parts   *parts
	items   int
	entries int    // in a list of items
	decoded int    // all others, which are decoded at once
	listed  bool   // it has such a list, or rows
	advice  string // to a caller with too many items
}

func newForm(request proto.Message, maxItems int) *form {
	f := &form{
		parts: partsOf(request.ProtoReflect().Descriptor()), items: maxItems,
		entries: entriesPerItem * max(maxItems, minMessageItems), decoded: maxFrameEntries, listed: listFormOf(request) != nil,
		advice: "send them in several calls, or as a feed",
	}
	switch request.(type) {
	case *credenzav1.ClassifyRequest:
		f.decoded = entriesPerItem * minMessageItems
	case *credenzav1.ClassifyFeedRequest, *credenzav1.CreateJobRequest:
		f.items = max(maxItems, minMessageItems)
		f.advice = "send them in several messages"
	case *credenzav1.SubmitJobRequest:
		f.advice = "send them in several calls, or by CreateJob"
	}
	return f
}

// check counts what is in a message that is not decoded yet, and finds all that
// decoding it could fail with. It allocates nothing for it and takes some 10 ns for
// a field.
func (f *form) check(wire []byte) *refusal {
	c := census{form: f}
	err := c.count(wire, f.parts)
	switch {
	case c.items > f.items:
		return &refusal{
			Reason: fault.TooManyItems, Field: c.list(),
			Text: fmt.Sprintf("there are %d, at most %d are allowed: %s", c.items, f.items, f.advice),
		}
	case c.entries > f.entries:
		return f.tooManyEntries()
	case c.decoded > f.decoded:
		return f.tooManyDecoded(string(c.field))
	case err != nil:
		return undecodable(err)
	}
	return nil
}

func (f *form) tooManyEntries() *refusal {
	return tooManyOfItems(f.parts.itemField(), f.entries)
}

// tooManyDecoded returns the refusal of a field with too many entries that would be decoded at
// once.
func (f *form) tooManyDecoded(field string) *refusal {
	if f.decoded != maxFrameEntries {
		return tooManyOfItems(field, f.decoded)
	}
	return &refusal{
		Reason: fault.InvalidRequest, Field: field,
		Text: fmt.Sprintf("its lists and maps have more than %d entries together: send fewer of them in one message", f.decoded),
	}
}

func tooManyOfItems(field string, most int) *refusal {
	return &refusal{
		Reason: fault.InvalidRequest, Field: field,
		Text: fmt.Sprintf("styles, tags and attributes are more than %d together: send fewer of them in one message", most),
	}
}

var errNotUTF8 = errors.New("a text is not in UTF-8")

// census is a count in progress.
type census struct {
	form    *form
	items   int
	rows    bool              // some of the items are rows
	inItem  bool              // what is being counted is in one of a list
	entries int               // of lists and maps in items of a list, but for cells
	decoded int               // of all others
	field   protoreflect.Name // of the message itself, with the last of these
}

// list returns the name of the field with the items.
func (c *census) list() string {
	if c.rows {
		return "rows"
	}
	return "items"
}

func (c *census) count(wire []byte, of *parts) error {
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return protowire.ParseError(n)
		}
		wire = wire[n:]
		size := protowire.ConsumeFieldValue(number, kind, wire)
		if size < 0 {
			return protowire.ParseError(size)
		}
		p := of.part(number)
		if of == c.form.parts && !c.full() {
			c.field = p.name
		}
		if err := c.countPart(wire[:size], kind, p); err != nil {
			return err
		}
		wire = wire[size:]
	}
	return nil
}

func (c *census) countPart(value []byte, kind protowire.Type, p part) error {
	if kind != protowire.BytesType {
		return nil // numbers hardly grow, and with the wrong type a field is an unknown one
	}
	switch p.role {
	case roleItem:
		c.items++
	case roleRow:
		c.items++
		c.rows = true
	case roleEntry:
		c.countEntry()
	case roleSingle: // takes another's place
	}
	if p.inner == nil && !p.text {
		return nil
	}
	if p.role != roleSingle && c.full() {
		return nil // what is said of it is known, but for how many items there are
	}
	inner, n := protowire.ConsumeBytes(value)
	switch {
	case n < 0:
		return protowire.ParseError(n)
	case p.text && !utf8.Valid(inner):
		return errNotUTF8
	case p.text:
		return nil
	}
	if p.role == roleItem {
		c.inItem = true
		defer func() { c.inItem = false }()
	}
	return c.count(inner, p.inner)
}

func (c *census) countEntry() {
	if c.inItem {
		c.entries++
	} else {
		c.decoded++
	}
}

func (c *census) full() bool {
	return c.items > c.form.items || c.entries > c.form.entries || c.decoded > c.form.decoded
}

// decodedBytes returns roughly what a message takes in memory. Short entries take many
// times their bytes on the wire.
func decodedBytes(message proto.Message) int64 {
	return int64(proto.Size(message)) + addedBytes(message.ProtoReflect())
}

// addedBytes returns roughly what the entries of a message's lists and maps take in
// addition to their bytes on the wire.
func addedBytes(message protoreflect.Message) (n int64) {
	for field, value := range message.Range {
		switch {
		case field.IsMap():
			n += entryBytes * int64(value.Map().Len())
		case field.IsList() && field.Message() != nil:
			n += entryBytes * int64(value.List().Len())
			for i := range value.List().Len() {
				n += addedBytes(value.List().Get(i).Message())
			}
		case field.IsList() && field.Kind() == protoreflect.StringKind:
			n += entryBytes * int64(value.List().Len())
		case field.IsList():
			n += numberBytes * int64(value.List().Len())
		case field.Message() != nil:
			n += addedBytes(value.Message())
		}
	}
	return n
}

// role is how a field adds to the memory that its message takes.
type role uint8

const (
	roleSingle role = iota // no matter how often it comes, one is kept
	roleEntry              // of a list or a map
	roleItem
	roleRow
)

// part is what a census needs to know of a field.
type part struct {
	name  protoreflect.Name
	role  role
	text  bool   // has to be UTF-8
	inner *parts // nil: nothing inside is counted
}

func (p part) counts() bool { return p.role != roleSingle || (p.inner != nil && p.inner.counts) }

// parts are a message's, by number.
type parts struct {
	list   []part
	counts bool // some of them are counted
}

func (p *parts) part(number protowire.Number) part {
	if p == nil || int(number) >= len(p.list) {
		return part{}
	}
	return p.list[number]
}

// itemField returns the name of the field that has what can be counted, for a message
// of the contract that has any, else empty.
func (p *parts) itemField() string {
	if p == nil {
		return ""
	}
	for _, part := range p.list {
		if part.counts() {
			return string(part.name)
		}
	}
	return ""
}

var (
	itemName = proto.MessageName(&credenzav1.Item{})
	rowName  = proto.MessageName(&credenzav1.Row{})
)

// partsOf describes a message; nil: nothing in it is counted or checked. The message
// must not contain itself, which no request does.
func partsOf(message protoreflect.MessageDescriptor) *parts {
	p, text := &parts{}, false
	fields := message.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		made := partOf(field)
		text = text || made.text || made.inner != nil
		p.counts = p.counts || made.counts()
		for len(p.list) <= int(field.Number()) {
			p.list = append(p.list, part{})
		}
		p.list[field.Number()] = made
	}
	if !p.counts && !text {
		return nil
	}
	return p
}

func partOf(field protoreflect.FieldDescriptor) part {
	p := part{name: field.Name(), text: field.Kind() == protoreflect.StringKind}
	message := field.Message()
	switch {
	case field.IsList() && message != nil && message.FullName() == itemName:
		p.role = roleItem
	case field.IsList() && message != nil && message.FullName() == rowName:
		p.role = roleRow
	case field.ContainingMessage().FullName() == rowName:
		// A row's cells are decoded one row at a time, and no more than it has columns.
	case field.IsList(), field.IsMap():
		p.role = roleEntry
	}
	if message != nil {
		p.inner = partsOf(message)
	}
	return p
}
