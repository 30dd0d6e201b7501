package catalog

import (
	"cmp"
	"time"
)

// Mode is the evidence that items are classified by: text or picture.
type Mode uint8

// The modes. ModeAuto uses the picture if an item has one, else the text.
const (
	ModeAuto Mode = iota
	ModeText
	ModeImage
)

// Delivery is when a batch is sent.
type Delivery uint8

// The deliveries.
const (
	AsCompleted Delivery = iota
	InOrder
)

// Priority is the class in which a call waits for the model.
type Priority uint8

// The priorities. Interactive goes before Bulk.
const (
	Interactive Priority = iota
	Bulk
)

// CachePolicy is how a call uses earlier results.
type CachePolicy uint8

// The policies.
const (
	CacheUse CachePolicy = iota
	CacheRefresh
	CacheBypass
)

// ImageFallback is what happens to an item without a usable picture.
type ImageFallback uint8

// The fallbacks.
const (
	FallbackText ImageFallback = iota
	FallbackError
)

// Options are the options of a call. The zero value takes every default.
type Options struct {
	Mode Mode `cbor:"1,keyasint,omitempty"`
	// BatchSize is the number of outcomes in a batch of either kind. 0: the engine's sizes.
	BatchSize     int           `cbor:"2,keyasint,omitempty"`
	Delivery      Delivery      `cbor:"3,keyasint,omitempty"`
	Priority      Priority      `cbor:"4,keyasint,omitempty"`
	CachePolicy   CachePolicy   `cbor:"5,keyasint,omitempty"`
	ImageFallback ImageFallback `cbor:"6,keyasint,omitempty"`
	// Model is the name that the caller asked for; empty is the configured one.
	Model string `cbor:"7,keyasint,omitempty"`
	// ItemTimeout is the time from an item's admission to its result. 0: DefaultItemTimeout.
	ItemTimeout time.Duration `cbor:"8,keyasint,omitempty"`
}

// DefaultItemTimeout is an item's time if the caller sets none.
const DefaultItemTimeout = 2 * time.Minute

// Kind is the kind of a batch's items.
type Kind uint8

// The kinds.
const (
	KindText Kind = iota
	KindImage
	NumKinds
)

// String returns the kind for log lines: "text" or "image".
func (k Kind) String() string {
	if k == KindImage {
		return "image"
	}
	return "text"
}

// ProcessingType returns the kind for batches: "text_multithreaded" or
// "image_multithreaded".
func (k Kind) ProcessingType() string { return k.String() + "_multithreaded" }

// KindOf returns the kind of batch that an item belongs to.
func (m Mode) KindOf(it *Item) Kind {
	if m == ModeImage || (m == ModeAuto && it.HasPicture()) {
		return KindImage
	}
	return KindText
}

// Caller identifies the caller of a call, for sharing the model fairly.
type Caller struct {
	// ID is equal for calls that share one turn in the queue: the authenticated name,
	// else unique to the call.
	ID string
	// Connection identifies the connection of a caller that is not authenticated. Calls
	// of one connection count together against the bound of the queue. Empty: calls with
	// the same ID do.
	Connection string
}

// Queue returns a name that is equal for calls that count together against the bound of
// the queue.
func (c Caller) Queue() string { return cmp.Or(c.Connection, c.ID) }
