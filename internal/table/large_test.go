package table_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/table"
)

const largeColumns = 30

// largeRow returns the cells of a row with umlauts, emoji and line ends.
func largeRow(i int) []string {
	cells := []string{fmt.Sprintf("%08d", i), fmt.Sprintf("Küchenstuhl 🪑 %d", i), fmt.Sprintf("Zeile \"eins\"\nZeile %d, rot; grün\t|", i)}
	for c := len(cells); c < largeColumns; c++ {
		cells = append(cells, fmt.Sprintf("Größe %d×%d", c, i))
	}
	return cells
}

func largeHeader() []string {
	header := []string{"id", "product_name", "description"}
	for c := len(header); c < largeColumns; c++ {
		header = append(header, fmt.Sprintf("Merkmal %d", c))
	}
	return header
}

// readLarge reads n rows, checks every cell, and returns the most memory that was in use.
func readLarge(t *testing.T, in io.Reader, n int) (most uint64) {
	t.Helper()
	r, err := table.NewReader(in, table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !slices.Equal(r.Header(), largeHeader()) {
		t.Fatalf("the header is %q", r.Header())
	}
	var memory runtime.MemStats
	for i := range n {
		row, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		if want := largeRow(i); !slices.Equal(r.Original(), want) || len(row) != largeColumns || row[0].Value.Text != want[0] {
			t.Fatalf("row %d is %q", i, r.Original())
		}
		if i%5_000 == 0 {
			runtime.ReadMemStats(&memory)
			most = max(most, memory.HeapInuse)
		}
	}
	if _, err := r.Read(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last row: %v", err)
	}
	return most
}

// The file is written while it is read, so that the memory is the reader's alone.
func TestReader_ReadsALargeCatalogueInFlatMemory(t *testing.T) {
	const n = 50_000
	in, out := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := csv.NewWriter(out)
		_ = w.Write(largeHeader())
		for i := range n {
			_ = w.Write(largeRow(i))
		}
		w.Flush()
		_ = out.CloseWithError(w.Error())
	}()
	most := readLarge(t, in, n)
	_ = in.Close()
	<-done
	if most > 64<<20 {
		t.Errorf("%d MiB were in use", most>>20)
	}
}

func TestReader_ReadsALargeSheet(t *testing.T) {
	const n = 5_000
	var b strings.Builder
	b.WriteString(inline(largeHeader()...))
	for i := range n {
		b.WriteString(inline(largeRow(i)...))
	}
	readLarge(t, strings.NewReader(workbook(t, nil, b.String())), n)
}
