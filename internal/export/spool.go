package export

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/codec"
)

// spool keeps results and their rows on disk, from where they are read by their indexes. It
// is for one goroutine.
type spool struct {
	file   *tempFile
	out    *bufio.Writer
	places []place
	size   int64
}

// place is where a result is.
type place struct {
	index, offset int64
	length        int32
}

// spooled is a result and its row.
type spooled struct {
	Outcome []byte   `cbor:"1,keyasint"`
	Cells   []string `cbor:"2,keyasint,omitempty"`
}

// tempFile is a temporary file. Where the system can, it has no name from the beginning, so
// that a killed process leaves no results behind.
type tempFile struct {
	*os.File
	named bool
}

func newTempFile() (*tempFile, error) {
	file, err := os.CreateTemp("", "credenza-export-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file for an export: %w", err)
	}
	return &tempFile{file, os.Remove(file.Name()) != nil}, nil
}

func (f *tempFile) remove() {
	_ = f.Close() // nothing of it is needed
	if f.named {
		_ = os.Remove(f.Name())
	}
}

func newSpool() (*spool, error) {
	file, err := newTempFile()
	if err != nil {
		return nil, err
	}
	return &spool{file: file, out: bufio.NewWriterSize(file, 256<<10)}, nil
}

func (s *spool) close() { s.file.remove() }

func (s *spool) add(o *catalog.Outcome, cells []string) error {
	outcome, err := codec.EncodeOutcomes([]catalog.Outcome{*o})
	if err != nil {
		return err
	}
	b, err := codec.Encode(spooled{outcome, cells})
	if err != nil {
		return err
	}
	if _, err := s.out.Write(b); err != nil {
		return fmt.Errorf("write a temporary file for an export: %w", err)
	}
	s.places = append(s.places, place{o.Index, s.size, int32(len(b))}) //nolint:gosec // a result is far below 2 GiB
	s.size += int64(len(b))
	return nil
}

// sort ends the adding, and puts the results in order.
func (s *spool) sort() error {
	slices.SortFunc(s.places, func(a, b place) int { return cmp.Compare(a.index, b.index) })
	return s.out.Flush()
}

// read returns a result by its place in the order.
func (s *spool) read(i int) (o *catalog.Outcome, cells []string, err error) {
	b := make([]byte, s.places[i].length)
	if _, err := s.file.ReadAt(b, s.places[i].offset); err != nil {
		return nil, nil, fmt.Errorf("read a temporary file of an export: %w", err)
	}
	var record spooled
	if err := codec.Decode(b, &record); err != nil {
		return nil, nil, err
	}
	outcomes, err := codec.DecodeOutcomes(record.Outcome)
	if err != nil || len(outcomes) != 1 {
		return nil, nil, fmt.Errorf("a temporary file of an export is damaged: %w", err)
	}
	return &outcomes[0], record.Cells, nil
}
