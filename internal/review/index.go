package review

import (
	"math/bits"
	"slices"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
	"github.com/credenza-dev/credenza/internal/fault"
)

// index has the results and corrections of one job in memory. Only the caller that has the
// turn of its opened uses it.
type index struct {
	job      catalog.ReviewedJob
	results  uint64 // place up to which results were read
	rows     []row  // in the order of the store
	places   places
	names    names
	texts    texts
	blocks   blocks
	pictures bitmap // by index; not used if the results say it
	pictured bool   // pictures were read

	changed uint64 // place up to which changes were read
	changes []*change
	byID    map[string]*change
	early   map[int64]bool // results that have corrections and that the index does not have yet
	lost    error          // of changes

	version uint64 // grows with each change of the above
	seed    uint64
	orders  orders
	views   []*view  // the last used one first
	found   []*found // the newest first
	extra   int64    // bytes of changes
	pending int64    // bytes of changes that were read and not applied yet
}

func newIndex(job catalog.ReviewedJob) *index {
	return &index{
		job: job, seed: seedOf(job.ID), places: places{}, names: newNames(), byID: map[string]*change{}, early: map[int64]bool{},
	}
}

// indexBytes is about how many bytes an empty index takes.
const indexBytes = 4 << 10

// row is a result.
type row struct {
	index      int64
	chunk      int64
	confidence float64 // failedConfidence if it failed
	held       *held   // the correction in force; nil: none
	text       span    // name, key, tags and reasoning, for searches
	name       uint32  // length of the name, with which the text begins
	at, size   uint32  // of the encoded result in its block
	labels     labels  // of the machine
	now        labels  // in force
	reason     fault.Reason
	flags      flags
	state      catalog.ReviewState
}

const (
	rowBytes         = 120
	failedConfidence = -1
)

// labels are names: category, first and second style. 0: none.
type labels [3]uint32

const (
	category = iota
	primary
	secondary
)

type flags uint8

const (
	failed flags = 1 << iota
	doubtful
	pictured
)

func (r *row) is(f flags) bool { return r.flags&f != 0 }

// add adds a result, unless the index has it.
func (x *index) add(o *catalog.Outcome, chunk int64) error {
	if _, there := x.places.row(o.Index); there {
		return nil
	}
	encoded, err := codec.EncodeOutcomes([]catalog.Outcome{*o})
	if err != nil {
		return err
	}
	r := row{index: o.Index, chunk: chunk, state: catalog.Unchecked}
	c := &o.Classification
	if o.Err != nil {
		r.confidence, r.reason, r.flags = failedConfidence, o.Err.Reason, failed
	} else {
		r.confidence = c.Confidence
		r.labels = labels{x.names.id(c.Category), x.names.id(c.PrimaryStyle), x.names.id(c.SecondaryStyle)}
		if c.NeedsReview {
			r.flags |= doubtful
		}
	}
	if x.hasPicture(o) {
		r.flags |= pictured
	}
	r.now = r.labels
	r.text, r.name = x.texts.add(o, len(x.rows))
	r.at, r.size = x.blocks.add(encoded)
	x.places.set(o.Index, len(x.rows))
	x.makeRoom()
	x.rows = append(x.rows, r)
	if len(x.early) > 0 && x.early[o.Index] {
		x.catchUp(len(x.rows) - 1)
	}
	x.version++
	return nil
}

// makeRoom makes room for the job's results once some are there, because a call may end
// before it reads any.
func (x *index) makeRoom() {
	const most = 1 << 20
	if len(x.rows) == fewRows {
		x.rows = slices.Grow(x.rows, int(min(max(x.job.Items-fewRows, 0), most)))
	}
}

// hasPicture reports whether a result's item has a picture. In a job that chooses by
// itself, the kind of the result says it.
func (x *index) hasPicture(o *catalog.Outcome) bool {
	if x.job.Mode == catalog.ModeAuto {
		return o.Kind == catalog.KindImage
	}
	return x.pictures.has(o.Index)
}

// size returns about how many bytes the index takes.
func (x *index) size() int64 {
	n := indexBytes + int64(cap(x.rows))*rowBytes + x.places.size() + x.texts.size() + x.blocks.size() + int64(cap(x.pictures))*8 + x.extra + x.pending + x.orders.size()
	for _, v := range x.views {
		n += int64(cap(v.rows)) * 4
	}
	for _, f := range x.found {
		n += int64(cap(f.rows)) * 8
	}
	return n
}

// complete reports whether the job has ended and the index has all its results.
func (x *index) complete() bool {
	return x.job.State.Ended() && int64(len(x.rows)) >= x.job.Done
}

// damage returns a fault if some of what was stored for the job is lost, else nil.
func (x *index) damage() error {
	if missing := x.job.Done - int64(len(x.rows)); x.job.State.Ended() && missing > 0 {
		return fault.New(fault.DataLoss, "%d of %d results of the job cannot be read, as they are damaged or lost: what can be read was sent, send the items again as a new job", missing, x.job.Done)
	}
	return x.lost
}

// result returns the result of a row.
func (x *index) result(at int) (encoded func() (catalog.Outcome, error)) {
	r := &x.rows[at]
	block, from, size := x.blocks.of(at), r.at, r.size
	return func() (catalog.Outcome, error) {
		b, err := block()
		if err != nil {
			return catalog.Outcome{}, err
		}
		outcomes, err := codec.DecodeOutcomes(b[from : from+size])
		if err != nil {
			return catalog.Outcome{}, err
		}
		return outcomes[0], nil
	}
}

// names gives labels numbers. 0 is the empty one.
type names struct {
	ids  map[string]uint32
	list []string
}

func newNames() names { return names{ids: map[string]uint32{"": 0}, list: []string{""}} }

func (n *names) id(name string) uint32 {
	id, ok := n.ids[name]
	if !ok {
		id = uint32(len(n.list)) //nolint:gosec // fewer than rows
		n.ids[name] = id
		n.list = append(n.list, name)
	}
	return id
}

// pageRows is how many indexes a page of places has.
const pageRows = 1 << 10

// places has the row of each index, in pages, because a retried job has some indexes of
// another job. The entries are one more than the row. 0: none.
type places map[int64]*[pageRows]int32

func (p places) row(index int64) (int, bool) {
	page := p[index/pageRows]
	if page == nil || index < 0 || page[index%pageRows] == 0 {
		return 0, false
	}
	return int(page[index%pageRows]) - 1, true
}

func (p places) set(index int64, row int) {
	page := p[index/pageRows]
	if page == nil {
		page = new([pageRows]int32)
		p[index/pageRows] = page
	}
	page[index%pageRows] = int32(row + 1) //nolint:gosec // a row takes more than a byte of memory
}

func (p places) size() int64 { return int64(len(p)) * (pageRows*4 + 64) }

// bitmap is a set of numbers that are not negative.
type bitmap []uint64

func newBitmap(n int) bitmap { return make(bitmap, (n+63)/64) }

func (b bitmap) has(i int64) bool {
	return i >= 0 && i/64 < int64(len(b)) && b[i/64]&(1<<(i%64)) != 0
}

func (b bitmap) add(i int) { b[i/64] |= 1 << (i % 64) }

// grow adds a number that may be beyond the end.
func (b *bitmap) grow(i int64) {
	for i/64 >= int64(len(*b)) {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bitmap) remove(i int) { b[i/64] &^= 1 << (i % 64) }

func (b bitmap) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}
