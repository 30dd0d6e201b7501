package productfile

import (
	"encoding/binary"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// What an estimate assumes. The figures are of a usual model and said with the estimate.
const (
	bytesPerToken = 4
	answerTokens  = 150
	pictureTokens = 765 // of a picture at a high detail
	// AssumedCalls is how many calls a usual server takes a second.
	AssumedCalls   = 16
	maxKnownHashes = 4_000_000
)

// Words is how questions are worded for a model.
type Words interface {
	// System and Schema are the parts of each question that are the same.
	System() string
	Schema() string
	// AppendUser appends what differs.
	AppendUser(b []byte, item *catalog.Item, picture bool) []byte
}

// Estimate counts what a run would do. It is not safe for concurrent use.
type Estimate struct {
	Rows, Calls, Pictures int // Rows are those that can be read
	Unreadable            int // rows
	Prompt, Completion    int64

	words Words
	seen  map[uint64]bool // items, of which equal ones are asked once
	buf   []byte
}

// NewEstimate returns an estimate of nothing yet. Without words it counts rows alone, since no
// model is asked.
func NewEstimate(words Words) *Estimate { return &Estimate{words: words, seen: map[uint64]bool{}} }

// Add counts an item, with or without a picture. Equal questions are asked once; 0 is equal
// to none.
func (e *Estimate) Add(item *catalog.Item, question uint64, picture bool) {
	e.Rows++
	if e.words == nil || question != 0 && e.seen[question] {
		return
	}
	if len(e.seen) < maxKnownHashes {
		e.seen[question] = true
	}
	e.buf = e.words.AppendUser(e.buf[:0], item, picture)
	e.Calls++
	e.Prompt += int64(len(e.words.System())+len(e.words.Schema())+len(e.buf)) / bytesPerToken
	e.Completion += answerTokens
	if picture {
		e.Pictures++
		e.Prompt += pictureTokens
	}
}

// Tokens are those of all calls, question and answer.
func (e *Estimate) Tokens() int64 { return e.Prompt + e.Completion }

// Duration is how long the calls take at so many a second.
func (e *Estimate) Duration(perSecond float64) time.Duration {
	return time.Duration(float64(e.Calls) / perSecond * float64(time.Second))
}

// HasPicture reports whether an item is asked by a picture, if there is one.
func HasPicture(item *catalog.Item) bool {
	return item.ImageURL != "" || item.ProductURL != ""
}

// QuestionOf returns a hash of what is asked for an item, by its text alone or by its
// picture too.
func QuestionOf(item *catalog.Item, byText bool) uint64 {
	text := catalog.Scope{}.OfText(item)
	question := binary.LittleEndian.Uint64(text[:])
	if byText {
		return question
	}
	address := catalog.Scope{}.OfAddress(item)
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:8], question)
	binary.LittleEndian.PutUint64(both[8:], binary.LittleEndian.Uint64(address[:]))
	return xxhash.Sum64(both[:])
}
