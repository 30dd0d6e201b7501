package table_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/credenza-dev/credenza/internal/table"
)

// sheetOf writes rows as a sheet and opens it.
func sheetOf(t *testing.T, cfg table.SheetConfig, rows ...[]table.Value) (*excelize.File, table.SheetReport) {
	t.Helper()
	part := write(t, table.WriterConfig{Format: table.XLSX, Columns: cfg.Columns}, rows...)
	cfg.Rows = len(rows)
	var out bytes.Buffer
	report, err := table.WriteSheet(strings.NewReader(part), &out, cfg)
	if err != nil {
		t.Fatal(err)
	}
	file, err := excelize.OpenReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, report
}

func cellTexts(cells ...string) []table.Value {
	values := make([]table.Value, len(cells))
	for i, c := range cells {
		values[i] = table.TextValue(c)
	}
	return values
}

func TestWriteSheet_GivesCellsTheirTypesAndLooks(t *testing.T) {
	cells := []string{"00123", "-5", "12.50", "4006381333931", "=1+1", "1e5", "  two\nlines 🪑 <b>", "+1", "TRUE", "12345678901234567890", "-0"}
	file, _ := sheetOf(t, table.SheetConfig{Columns: strings.Fields("a b c d e f g h i j k n b2 l z"), Originals: len(cells)},
		append(cellTexts(cells...), table.NumberValue(0.125), table.BoolValue(true), table.ListValue([]string{"x", "y"}), table.Value{}))
	rows, err := file.GetRows("Results")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(cells, "0.125", "TRUE", "x, y"), rows[1]); diff != "" {
		t.Error(diff)
	}
	number, text := excelize.CellTypeUnset, excelize.CellTypeInlineString
	for at, want := range map[string]excelize.CellType{
		"A2": text, "B2": number, "C2": number, "D2": number, "E2": text, "F2": text, "H2": text, "I2": text, "J2": text, "K2": text,
		"L2": number, "M2": excelize.CellTypeBool, "N2": text,
	} {
		if got, err := file.GetCellType("Results", at); err != nil || got != want {
			t.Errorf("%s has the type %v, want %v (%v)", at, got, want, err)
		}
	}
	if formula, err := file.GetCellFormula("Results", "E2"); err != nil || formula != "" {
		t.Errorf("a text became the formula %q (%v)", formula, err)
	}
}

func TestWriteSheet_FreezesFiltersAndMarks(t *testing.T) {
	mark := func(values []table.Value) table.Mark {
		return map[string]table.Mark{"doubtful": table.Doubtful, "failed": table.Failed}[values[0].Text]
	}
	file, _ := sheetOf(t, table.SheetConfig{Columns: []string{"a", "b"}, Mark: mark},
		cellTexts("sound", "1"), cellTexts("doubtful", "1"), cellTexts("failed", "1"))
	panes, err := file.GetPanes("Results")
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("got %+v, %v", panes, err)
	}
	names := file.GetDefinedName()
	if len(names) != 1 || names[0].RefersTo != "'Results'!$A$1:$B$4" {
		t.Errorf("the filter is %+v", names)
	}
	var fills []string
	for _, at := range []string{"B2", "B3", "B4"} {
		id, err := file.GetCellStyle("Results", at)
		if err != nil {
			t.Fatal(err)
		}
		style, err := file.GetStyle(id)
		if err != nil {
			t.Fatal(err)
		}
		fills = append(fills, strings.Join(style.Fill.Color, ""))
	}
	if diff := cmp.Diff([]string{"", "FFF2CC", "F8CBAD"}, fills); diff != "" {
		t.Error(diff)
	}
}

func TestWriteSheet_CutsLongCellsAndSaysSo(t *testing.T) {
	long := strings.Repeat("🪑", 16_384) // of two units each, so one unit too many
	file, report := sheetOf(t, table.SheetConfig{Columns: []string{"a", "long"}, Originals: 2},
		cellTexts("x", strings.Repeat("y", 32_767)), cellTexts("x", long), cellTexts(long, "x"))
	if want := (table.SheetReport{Cut: 2, Row: 3, Column: "long"}); report != want {
		t.Errorf("got %+v", report)
	}
	const said = "2 cells were cut to the 32,767 characters that a sheet's cell holds, the first in row 3, column long"
	if got, err := file.GetCellValue("Notes", "A1"); err != nil || got != said || report.String() != said {
		t.Errorf("the file says %q, %v", got, err)
	}
	for at, want := range map[string]int{"B2": 32_767, "B3": 16_383 * len("🪑")} {
		if got, err := file.GetCellValue("Results", at); err != nil || len(got) != want {
			t.Errorf("%s has %d bytes, want %d (%v)", at, len(got), want, err)
		}
	}
}

// TestWriteSheet_SaysHowLargeItIs is for readers that take the rows one at a time: they see
// no cell beyond what the sheet says of itself.
func TestWriteSheet_SaysHowLargeItIs(t *testing.T) {
	columns := strings.Fields("a b c")
	list := table.ListValue([]string{"x", "y, \"z\\"})
	for want, rows := range map[string][][]table.Value{
		"A1:C1": nil,
		"A1:C3": {cellTexts("1", "2, [\\\"", "3"), {list, list, list}},
		"A1:E2": {cellTexts("1", "2", "3", "beyond,", "the header")},
	} {
		cfg := table.SheetConfig{Columns: columns, Originals: 1}
		var part strings.Builder
		w, err := table.NewWriter(&part, table.WriterConfig{Format: table.XLSX, Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			var extra []string
			for _, v := range row[3:] {
				extra = append(extra, v.Text)
			}
			if err := w.WriteLong(row[:3], extra); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := table.WriteSheet(strings.NewReader(part.String()), &out, cfg); err != nil {
			t.Fatal(err)
		}
		file, err := excelize.OpenReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := file.GetSheetDimension("Results"); err != nil || got != want {
			t.Errorf("got %s, want %s (%v)", got, want, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWriteSheet_RefusesMoreRowsThanASheetHas(t *testing.T) {
	_, err := table.WriteSheet(strings.NewReader(""), nil, table.SheetConfig{Columns: []string{"a"}, Rows: 1_048_576})
	if err == nil || !strings.Contains(err.Error(), "a sheet has room for 1048575 rows") {
		t.Errorf("got %v", err)
	}
}

func TestWriteSheet_ReportsADamagedPart(t *testing.T) {
	_, err := table.WriteSheet(strings.NewReader("[\"a\"]\n[\"b\n"), &bytes.Buffer{}, table.SheetConfig{Columns: []string{"a"}, Rows: 2})
	if err == nil || !strings.Contains(err.Error(), "damaged at row 2") {
		t.Errorf("got %v", err)
	}
}
