package table_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/table"
)

// sparseSheet is a workbook of n rows with a cell in the last column that a sheet has.
func sparseSheet(t testing.TB, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(inline("name", "category"))
	for i := range n {
		fmt.Fprintf(&b, `<row r="%d"><c t="str"><v>a</v></c><c r="XFD%d" t="str"><v>x</v></c></row>`, i+2, i+2)
	}
	return workbook(t, nil, b.String())
}

func BenchmarkReader_SparseRows(b *testing.B) {
	const rows = 1000
	text := sparseSheet(b, rows)
	for b.Loop() {
		if got, err := read(b, text, table.ReaderConfig{}); err != nil || len(got) != rows {
			b.Fatalf("%d rows, %v", len(got), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/rows, "us/row")
}

// TestReader_SparseRowsTakeLittle has rows with a cell far to the right. As wide as the sheet,
// each would take over 256 KiB.
func TestReader_SparseRowsTakeLittle(t *testing.T) {
	const rows, most = 500, 64 << 10 // bytes for a row
	text := sparseSheet(t, rows)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := read(t, text, table.ReaderConfig{})
	runtime.ReadMemStats(&after)
	if err != nil || len(got) != rows {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	if n := (after.TotalAlloc - before.TotalAlloc) / rows; n > most {
		t.Errorf("%d bytes were allocated for a row, want at most %d", n, most)
	}
}

func TestReader_PutsCellsFarToTheRightSideBySide(t *testing.T) {
	text := workbook(t, nil, inline("name", "category")+
		`<row r="2"><c t="str"><v>a</v></c><c r="ALL2" t="str"><v>1000</v></c><c r="AMA2" t="str"><v>1015</v></c><c r="XFD2" t="str"><v>16384</v></c></row>`)
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Read(); err != nil {
		t.Fatal(err)
	}
	cells := r.Original()
	if got, want := fmt.Sprint(len(cells), cells[0], cells[table.MaxColumns-1:]), "1002a[1000 1015 16384]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
