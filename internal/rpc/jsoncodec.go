package rpc

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"connectrpc.com/vanguard"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/intake"
)

// jsonCodec reads and writes the JSON of the contract's messages for the
// transcoder, which hands them on as protobuf.
//
// It refuses as codec does, and for the same reasons: a message is checked before it
// is decoded, and a refused one goes on as a mark, so that log, metrics and faults
// see it. An error would end the call past all of them and, during a feed's answers,
// on another goroutine than theirs.
type jsonCodec struct {
	*vanguard.JSONCodec // of health and reflection
	strict              protojson.UnmarshalOptions
	codec               *codec
}

// newJSONCodec writes fields that have their zero value, so that a reader finds
// every key, but no null for messages that are not there.
func newJSONCodec(c *codec, types vanguard.TypeResolver) jsonCodec {
	return jsonCodec{
		codec:  c,
		strict: protojson.UnmarshalOptions{Resolver: types},
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
	decode := j.decodeOne
	if listFormOf(message) != nil {
		decode = j.decodeList
	}
	if err := decode(data, message); err != nil {
		proto.Reset(message)
		return j.unreadable(data, message, err).mark(message, j.codec.key...)
	}
	return nil
}

// unreadable returns why a message was not decoded.
func (j jsonCodec) unreadable(data []byte, message proto.Message, err error) *refusal {
	if strings.Contains(err.Error(), "unknown field") {
		j.codec.large.enter()
		defer j.codec.large.leave()
		if r := unknownKey(data, message.ProtoReflect().Descriptor()); r != nil {
			return r
		}
	}
	return unreadableJSON(err)
}

// decodeOne decodes a message without a list in a slot, unless it is a small one.
func (j jsonCodec) decodeOne(data []byte, message proto.Message) error {
	if len(data) > intake.SmallBytes {
		j.codec.large.enter()
		defer j.codec.large.leave()
	}
	return j.strict.Unmarshal(data, message)
}

// decodeList leaves the whole list in the message's unknown fields as it is on the
// wire. Decoded, it takes up to 90 times its JSON, so that only as many are decoded at
// once as there are slots, whatever their bytes.
func (j jsonCodec) decodeList(data []byte, message proto.Message) error {
	j.codec.large.enter()
	defer j.codec.large.leave()
	if err := j.strict.Unmarshal(data, message); err != nil {
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
	// cellsPerRow is how many cells the rows of a message with the most rows may have on
	// average in JSON, which is decoded at once.
	cellsPerRow = 50
)

// jsonCensus counts what bounds what decoding makes of a message: an item is an object,
// and an entry of a list or a map has a comma before or after it.
type jsonCensus struct{ objects, commas, cells int }

func (c *jsonCensus) count(data []byte) {
	inString, escaped, inCells := false, false, false
	start := 0      // of the last string
	var last []byte // that string
	for i, b := range data {
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped = b == '\\'
			if inString = b != '"'; !inString {
				last = data[start:i]
			}
		case b == '"':
			inString, start = true, i+1
		case b == '{':
			c.objects++
		case b == '[':
			inCells = string(last) == "cells"
		case b == ']':
			inCells = false
		case b == ',' && inCells:
			c.cells++
		case b == ',':
			c.commas++
		}
	}
}

// checkJSON bounds the counts of a message. It is coarser than the census of protobuf
// that follows, and keeps no more from it than what has twice as many items as are taken.
func (f *form) checkJSON(data []byte) *refusal {
	var c jsonCensus
	c.count(data)
	items := max(f.items, minMessageItems)
	list := "items"
	if c.cells > 0 {
		list = "rows"
	}
	switch {
	case !f.listed && max(c.objects, c.commas-fieldsPerItem*minMessageItems) > f.decoded+aroundItems:
		return f.tooManyDecoded(f.parts.itemField())
	case c.objects > objectsPerItem*items+aroundItems:
		return &refusal{
			Reason: fault.TooManyItems, Field: list,
			Text: fmt.Sprintf("there are more than %d: %s", f.items, f.advice),
		}
	case c.cells > cellsPerRow*items:
		return &refusal{
			Reason: fault.InvalidRequest, Field: "rows",
			Text: fmt.Sprintf("there are more than %d cells: send fewer rows in one message", cellsPerRow*items),
		}
	case c.commas > f.entries+fieldsPerItem*items+aroundItems:
		return f.tooManyEntries()
	}
	return nil
}
