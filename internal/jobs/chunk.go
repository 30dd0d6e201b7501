package jobs

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// Bounds of a chunk. Fewer items would make a job of many messages, more would
// leave replicas with less to share.
const (
	maxChunkItems = 100
	maxChunkBytes = 256 << 10
	// maxItemBytes is what an item may have in a chunk. A larger one, such as one
	// with a picture, is an object of its own.
	maxItemBytes = 64 << 10
)

// chunkForm is a message of the items stream.
type chunkForm struct {
	// First is the index of the first item, and the others follow it. If Indexes is
	// not empty, it has all indexes instead.
	First   int64   `cbor:"1,keyasint,omitempty"`
	Indexes []int64 `cbor:"2,keyasint,omitempty"`
	// Items is what codec.EncodeItems made of them.
	Items []byte `cbor:"3,keyasint"`
	// Objects are the places of items that are objects of their own and empty here.
	Objects []int `cbor:"4,keyasint,omitempty"`
	// Columns are those of the rows that items were made of. The items have only the
	// cells. Each chunk with rows has them, because an earlier version that changes the
	// job's record would lose them there.
	Columns []string `cbor:"5,keyasint,omitempty"`
}

// chunk is a chunk in memory.
type chunk struct {
	items   []catalog.Item
	indexes []int64
	objects map[int]bool
	columns []string // of the items with rows
}

func decodeChunk(b []byte) (*chunk, error) {
	var form chunkForm
	if err := codec.Decode(b, &form); err != nil {
		return nil, err
	}
	items, err := codec.DecodeItems(form.Items)
	if err != nil {
		return nil, err
	}
	c := &chunk{items: items, indexes: form.Indexes, columns: form.Columns}
	for i := range items {
		c.nameColumns(&items[i])
	}
	if len(c.indexes) == 0 {
		c.indexes = make([]int64, len(items))
		for i := range items {
			c.indexes[i] = form.First + int64(i)
		}
	}
	if len(c.indexes) != len(items) {
		return nil, fmt.Errorf("a stored chunk has items (%d) and indexes (%d) that do not match", len(items), len(c.indexes))
	}
	for _, place := range form.Objects {
		if c.objects == nil {
			c.objects = map[int]bool{}
		}
		c.objects[place] = true
	}
	return c, nil
}

// nameColumns gives the row of a stored item its columns.
func (c *chunk) nameColumns(it *catalog.Item) {
	if it.Row != nil {
		it.Row.Columns = c.columns
	}
}

// withoutColumns returns the item as it is stored: its columns are the chunk's.
func withoutColumns(it *catalog.Item) catalog.Item {
	stored := *it
	if it.Row != nil {
		stored.Row = &catalog.Row{Cells: it.Row.Cells}
	}
	return stored
}

func (c *chunk) encode() ([]byte, error) {
	items, err := codec.EncodeItems(c.items)
	if err != nil {
		return nil, err
	}
	form := chunkForm{Items: items, Columns: c.columns}
	if c.consecutive() {
		form.First = c.indexes[0]
	} else {
		form.Indexes = c.indexes
	}
	for place := range c.items {
		if c.objects[place] {
			form.Objects = append(form.Objects, place)
		}
	}
	return codec.Encode(form)
}

func (c *chunk) consecutive() bool {
	for i, index := range c.indexes {
		if index != c.indexes[0]+int64(i) {
			return false
		}
	}
	return true
}

func objectsBucket(upload string) string { return objectsPrefix + upload }

func objectName(index int64) string { return fmt.Sprint(index) }

// loadItem returns an item of a chunk, from the chunk or from its object.
func (st *store) loadItem(ctx context.Context, upload string, c *chunk, place int) (*catalog.Item, error) {
	if !c.objects[place] {
		return &c.items[place], nil
	}
	ctx, cancel := context.WithTimeout(ctx, objectTime)
	defer cancel()
	b, err := st.getObject(ctx, objectsBucket(upload), objectName(c.indexes[place]))
	if err != nil {
		return nil, err
	}
	items, err := codec.DecodeItems(b)
	if err != nil || len(items) != 1 {
		return nil, &unreadable{fmt.Errorf("an object with %s: %w", catalog.Count(len(items), "item"), err)}
	}
	c.nameColumns(&items[0])
	return &items[0], nil
}

// eachChunk calls each for the chunks of an upload, in order.
func (st *store) eachChunk(ctx context.Context, upload string, each func(number int64, c *chunk) error) error {
	return st.replay(ctx, reading{stream: st.items, filters: []string{allOf(itemsPrefix, upload)}}, func(msg jetstream.Msg, _ uint64) error {
		number, err := chunkNumber(msg.Subject())
		if err != nil {
			return err
		}
		c, err := decodeChunk(msg.Data())
		if err != nil {
			return &unreadable{err}
		}
		return each(number, c)
	})
}
