package catalog

import (
	"cmp"
	"time"
)

// Mode is what items are classified by.
type Mode uint8

// The modes. ModeAuto goes by the picture where an item has one.
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

// Options are what a caller asked for. The zero value takes every default.
type Options struct {
	Mode Mode
	// BatchSize is for both kinds; 0 takes the engine's sizes.
	BatchSize     int
	Delivery      Delivery
	Priority      Priority
	CachePolicy   CachePolicy
	ImageFallback ImageFallback
	// Model is the name that the caller asked for; empty is the configured one.
	Model string
	// ItemTimeout is from admission to the result; 0 is DefaultItemTimeout.
	ItemTimeout time.Duration
}

// DefaultItemTimeout is an item's time where the caller sets none.
const DefaultItemTimeout = 2 * time.Minute

// Kind is what a batch holds.
type Kind uint8

// The kinds.
const (
	KindText Kind = iota
	KindImage
	NumKinds
)

// String returns the kind as log lines have it: "text" or "image".
func (k Kind) String() string {
	if k == KindImage {
		return "image"
	}
	return "text"
}

// ProcessingType returns the kind as batches have it: "text_multithreaded" or
// "image_multithreaded".
func (k Kind) ProcessingType() string { return k.String() + "_multithreaded" }

// KindOf returns the kind of batch that an item belongs to.
func (m Mode) KindOf(it *Item) Kind {
	if m == ModeImage || (m == ModeAuto && it.HasPicture()) {
		return KindImage
	}
	return KindText
}

// Caller is who asks, for sharing the model fairly.
type Caller struct {
	// ID is equal for calls that share one turn: an authenticated name, else
	// something unique to the call.
	ID string
	// Connection is what the call came by, if its caller is not authenticated. Calls
	// of one connection count together against the bound on what may wait. Empty:
	// those of one ID do.
	Connection string
}

// Queue is equal for calls that count together against the bound on what may wait.
func (c Caller) Queue() string { return cmp.Or(c.Connection, c.ID) }
