package jobs

import (
	"context"
	"fmt"
	"slices"
)

// maxHeldChunks is how many chunks a page holds, so that results of chunks that were
// worked on at the same time do not read them again and again.
const maxHeldChunks = 16

// rows finds the rows of results in the chunks of their items.
type rows struct {
	store   *store
	rec     *jobRecord
	chunks  map[int64]*chunk
	columns []string // of the rows that were found; nil: none were
}

// of returns the cells of the item of a result, nil if it was not made of a row.
func (r *rows) of(ctx context.Context, subject string, index int64) ([]string, error) {
	number, err := chunkNumber(subject)
	if err != nil {
		return nil, &unreadable{err}
	}
	c, err := r.chunk(ctx, number)
	if err != nil || len(c.columns) == 0 {
		return nil, err
	}
	r.columns = c.columns
	place := slices.Index(c.indexes, index)
	if place < 0 {
		return nil, nil
	}
	it, err := r.store.loadItem(ctx, r.rec.Upload, c, place)
	if isMissing(err) {
		err = &unreadable{err}
	}
	if err != nil || it.Row == nil {
		return nil, err
	}
	return it.Row.Cells, nil
}

// chunk returns a chunk of the job's items.
func (r *rows) chunk(ctx context.Context, number int64) (*chunk, error) {
	if c := r.chunks[number]; c != nil {
		return c, nil
	}
	msg, err := r.store.last(ctx, r.store.items, chunkSubject(itemsPrefix, r.rec.Upload, number))
	if err != nil {
		return nil, err
	}
	if msg == nil {
		return nil, &unreadable{fmt.Errorf("chunk %d of the job is lost", number)}
	}
	c, err := decodeChunk(msg.Data)
	if err != nil {
		return nil, &unreadable{err}
	}
	if len(r.chunks) >= maxHeldChunks || r.chunks == nil {
		r.chunks = map[int64]*chunk{}
	}
	r.chunks[number] = c
	return c, nil
}
