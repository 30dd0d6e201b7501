package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/table"
)

// sheetWithMerges is a workbook of n rows, each of which begins a cell that is merged down to
// the last row, if it is so.
func sheetWithMerges(t testing.TB, n int, merged bool) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(inline("category", "name"))
	for i := range n {
		fmt.Fprintf(&b, `<row r="%d"><c t="str"><v>c%d</v></c><c t="str"><v>a</v></c></row>`, i+2, i)
	}
	if merged {
		b.WriteString("</sheetData><mergeCells>")
		for i := range n {
			fmt.Fprintf(&b, `<mergeCell ref="A%d:A%d"/>`, i+2, n+2)
		}
		b.WriteString("</mergeCells><sheetData>")
	}
	return workbook(t, nil, b.String())
}

// Overlapping ranges are in damaged or malicious files only: were every row compared with all
// of them, it would take as much longer as there are ranges.
func BenchmarkReader_MergedCells(b *testing.B) {
	const rows = 10_000
	for name, merged := range map[string]bool{"plain": false, "overlapping": true} {
		b.Run(name, func(b *testing.B) {
			text := sheetWithMerges(b, rows, merged)
			for b.Loop() {
				if got, err := read(b, text, table.ReaderConfig{}); err != nil || len(got) != rows {
					b.Fatalf("%d rows, %v", len(got), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/rows, "us/row")
		})
	}
}

func TestReader_TheLastMergedCellOfAColumnCounts(t *testing.T) {
	text := workbook(t, nil, inline("category", "name")+
		`<row r="2"><c t="str"><v>Sofas</v></c><c t="str"><v>a</v></c></row><row r="3"><c t="str"><v>Beds</v></c><c t="str"><v>b</v></c></row>`+
		`<row r="4"><c r="B4" t="str"><v>c</v></c></row><row r="5"><c r="B5" t="str"><v>d</v></c></row></sheetData><mergeCells><mergeCell ref="A2:A5"/><mergeCell ref="A3:A4"/></mergeCells><sheetData>`)
	rows, err := read(t, text, table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	want := "category=\"Sofas\" name=\"a\"\ncategory=\"Beds\" name=\"b\"\ncategory=\"Beds\" name=\"c\"\ncategory=\"\" name=\"d\"\n"
	if diff := cmp.Diff(want, brief(rows)); diff != "" {
		t.Error(diff)
	}
}

func TestReader_SaysThatMergedCellsAreNotRead(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		size  int64
		tags  int
		sheet string
		want  []string
	}{
		"all are read":       {size, 1 << 17, "", nil},
		"too large a sheet":  {100, 1 << 17, "", []string{"links behind cells and merged cells are not read, since the sheet has over 0 MiB"}},
		"by its name":        {100, 1 << 17, "Sheet 1", []string{"links behind cells and merged cells are not read"}},
		"too much behind it": {size, 3, "", []string{"links behind cells and merged cells may be incomplete"}},
	} {
		t.Run(name, func(t *testing.T) {
			defer table.SetMaxTail(c.size, c.tags)()
			r, err := table.NewReader(strings.NewReader(sheetWithMerges(t, 10, true)), table.ReaderConfig{Sheet: c.sheet})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got := r.Notes(); len(got) != len(c.want) || len(got) > 0 && !strings.HasPrefix(got[0], c.want[0]) {
				t.Errorf("the notes are %q, want %q", got, c.want)
			}
		})
	}
}
