package review

import (
	"bytes"
	"strings"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// texts has the texts of all rows in lower case, one behind the other, so that a search
// reads memory in order.
type texts struct {
	chunks [][]byte
	firsts []int // the first row of each chunk
}

// chunkBytes is the size of a chunk, and the most of one text.
const chunkBytes = 1 << 20

// span is the place of a text.
type span struct {
	chunk    uint32
	from, to uint32
}

// add adds the text of a result as that of a row, and returns its place and the length
// of the name, with which it begins.
func (t *texts) add(o *catalog.Outcome, row int) (s span, name uint32) {
	c := &o.Classification
	first := strings.ToLower(o.Name)
	parts := []string{first, o.ID}
	parts = append(parts, c.StyleTags...)
	parts = append(parts, c.PlacementTags...)
	parts = append(parts, c.Reasoning, "") // the end keeps a search from running into the next text
	text := catalog.Clip(strings.ToLower(strings.Join(parts, "\n")), chunkBytes)
	last := len(t.chunks) - 1
	if last < 0 || len(t.chunks[last])+len(text) > chunkBytes {
		t.chunks = append(t.chunks, make([]byte, 0, max(len(text), t.next())))
		t.firsts = append(t.firsts, row)
		last++
	}
	from := len(t.chunks[last])
	t.chunks[last] = append(t.chunks[last], text...)
	//nolint:gosec // places in a chunk
	return span{uint32(last), uint32(from), uint32(from + len(text))}, uint32(min(len(first), len(text)))
}

// next returns the size of the next chunk. The first ones are small, because jobs may be.
func (t *texts) next() int { return min(chunkBytes, 16<<10<<len(t.chunks)) }

func (t *texts) of(s span) []byte { return t.chunks[s.chunk][s.from:s.to] }

// search adds the rows whose text has a word, which is in lower case, to found.
func (t *texts) search(rows []row, word []byte, found bitmap) {
	for n, chunk := range t.chunks {
		row, at := t.firsts[n], 0
		for {
			hit := bytes.Index(chunk[at:], word)
			if hit < 0 {
				break
			}
			for int(rows[row].text.to) <= at+hit {
				row++
			}
			found.add(row)
			at = int(rows[row].text.to)
		}
	}
}

func (t *texts) size() (n int64) {
	for _, c := range t.chunks {
		n += int64(cap(c))
	}
	return n
}
