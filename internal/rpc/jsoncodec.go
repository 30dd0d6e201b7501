package rpc

import (
	"bytes"
	"fmt"
	"regexp"

	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
)

// jsonCodec reads and writes the JSON of the contract's messages for the
// transcoder, which hands them on as protobuf.
//
// It refuses as codec does, and for the same reasons: a message is checked before it
// is decoded, and a refused one goes on as a mark, so that log, metrics and faults
// see it. An error would end the call past all of them and, during a feed's answers,
// on another goroutine than theirs.
type jsonCodec struct {
	*vanguard.JSONCodec
	codec *codec
}

// newJSONCodec writes fields that have their zero value, so that a reader finds
// every key, but no null for messages that are not there.
func newJSONCodec(c *codec, types vanguard.TypeResolver) jsonCodec {
	return jsonCodec{
		codec: c,
		JSONCodec: &vanguard.JSONCodec{
			MarshalOptions:   protojson.MarshalOptions{Resolver: types, EmitDefaultValues: true},
			UnmarshalOptions: protojson.UnmarshalOptions{Resolver: types, DiscardUnknown: true},
		},
	}
}

// Unmarshal decodes a message, or marks it.
func (j jsonCodec) Unmarshal(data []byte, message proto.Message) error {
	form, ok := j.codec.forms[proto.MessageName(message)]
	if !ok {
		return j.JSONCodec.Unmarshal(data, message)
	}
	if _, ok := j.codec.marked(data); ok { // it is protobuf, and stays as it is
		message.ProtoReflect().SetUnknown(bytes.Clone(data))
		return nil
	}
	if r := form.checkJSON(data); r != nil {
		return r.mark(message, j.codec.key...)
	}
	decode := j.JSONCodec.Unmarshal
	if isList(message) {
		decode = j.decodeList
	}
	if err := decode(data, message); err != nil {
		proto.Reset(message)
		return unreadableJSON(err).mark(message, j.codec.key...)
	}
	return nil
}

// decodeList leaves the whole list in the message's unknown fields as it is on the
// wire. Decoded, it takes up to 90 times its JSON, so that only as many are decoded at
// once as there are slots, whatever their bytes.
func (j jsonCodec) decodeList(data []byte, message proto.Message) error {
	j.codec.large.enter()
	defer j.codec.large.leave()
	if err := j.JSONCodec.Unmarshal(data, message); err != nil {
		return err
	}
	wire, err := proto.Marshal(message)
	if err != nil {
		return err
	}
	proto.Reset(message)
	message.ProtoReflect().SetUnknown(wire)
	return nil
}

// jsonPlace matches the place in a decoder's error: line, column, and the field's name.
var jsonPlace = regexp.MustCompile(`\(line \d+:\d+\)(?:: invalid value for \w+ field \w+)?`)

// unreadableJSON returns a refusal with the place from the decoder's error, without the
// text that the error quotes, which must not reach the log.
func unreadableJSON(err error) *refusal {
	said := "the message cannot be read: send JSON of a message of the package credenza.v1, whole and in UTF-8"
	place := jsonPlace.FindString(err.Error())
	if place != "" {
		said += " " + place
	}
	return &refusal{Reason: fault.InvalidRequest, Text: said, Cause: "bad JSON " + place}
}

const (
	// fieldsPerItem is more than an item has: each comes with a comma at most.
	fieldsPerItem = 16
	// objectsPerItem are the item itself and its attributes.
	objectsPerItem = 2
	// aroundItems is more than a request has in addition to its items.
	aroundItems = 64
)

// checkJSON counts objects and commas, which bound what decoding makes of a
// message: an item is an object, an entry of a list or a map has a comma before
// or after it. It is coarser than the census of protobuf that follows, and keeps
// no more from it than what has twice as many items as are taken.
func (f *form) checkJSON(data []byte) *refusal {
	objects, commas := 0, 0
	inString, escaped := false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = c == '\\'
			inString = c != '"'
		case c == '"':
			inString = true
		case c == '{':
			objects++
		case c == ',':
			commas++
		}
	}
	items := max(f.items, minMessageItems)
	switch {
	case objects > objectsPerItem*items+aroundItems:
		return &refusal{
			Reason: fault.TooManyItems, Field: "items",
			Text: fmt.Sprintf("there are more than %d: %s", f.items, f.advice),
		}
	case commas > f.entries+fieldsPerItem*items+aroundItems:
		return &refusal{
			Reason: fault.InvalidRequest, Field: f.parts.itemField(),
			Text: fmt.Sprintf("styles, tags and attributes are more than %d together: send fewer of them in one message", f.entries),
		}
	}
	return nil
}
