package table_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/table"
)

func TestWriter_KeepsTheDialect(t *testing.T) {
	in := "\ufeffname;\"a;b\";\n\"Stuhl\n\"\"grün\"\" 🪑\";-5;x,y\n"
	r, err := table.NewReader(strings.NewReader(in), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	// The column without a name has a value in this row alone, which the reader refuses.
	if diff := cmp.Diff([]string{"name", "a;b", ""}, r.Header()); diff != "" {
		t.Error(diff)
	}
	want := table.Dialect{Separator: ';', BOM: true}
	if r.Dialect() != want {
		t.Errorf("got %+v", r.Dialect())
	}
	row := []table.Value{table.TextValue("Stuhl\n\"grün\" 🪑"), table.TextValue("-5"), table.TextValue("x,y")}
	got := write(t, table.WriterConfig{Format: table.CSV, Columns: r.Header(), Dialect: r.Dialect()}, row)
	if diff := cmp.Diff(in, got); diff != "" {
		t.Error(diff)
	}
}

func TestReader_OriginalHasTheCellsOfTheLastRow(t *testing.T) {
	r, err := table.NewReader(strings.NewReader("name, b \nOak chair , nan\n\"a\nb\",\n"), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var got [][]string
	for _, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Original())
	}
	if diff := cmp.Diff([][]string{{"Oak chair ", " nan"}, {"a\nb", ""}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDisarm(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "@SUM(A1)": "'@SUM(A1)", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3+cmd": "'-2+3+cmd",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "- solid oak": "'- solid oak", "+A1": "'+A1", "-1A1": "'-1A1", "-5-3": "'-5-3",
		"-5": "-5", "+1.5": "+1.5", "-5,00": "-5,00", "-1.234,50 €": "-1.234,50 €", "-10%": "-10%", "-1e5": "-1e5", "-5 cm": "-5 cm",
		"+49 30 123456": "+49 30 123456", "-": "-", "--": "--", "": "", "oak": "oak", "a=b": "a=b",
		`="00123"`: `="00123"`, `="a"&B1`: `'="a"&B1`, `="a"+cmd|"b"`: `'="a"+cmd|"b"`,
	} {
		if got := table.Disarm(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestWriter_ContinuesWithoutAHeader(t *testing.T) {
	for format, want := range map[table.Format]string{table.CSV: "x\n", table.JSON: "{\"a\":\"x\"}\n", table.XLSX: "[\"x\"]\n"} {
		var out strings.Builder
		w, err := table.NewWriter(&out, table.WriterConfig{Format: format, Columns: []string{"a"}, Dialect: table.Dialect{BOM: true}})
		if err != nil {
			t.Fatal(err)
		}
		w.Continue()
		if err := w.Write([]table.Value{table.TextValue("x")}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || out.String() != want {
			t.Errorf("format %d: got %q, %v", format, out.String(), err)
		}
	}
}

func TestWriter_WritesValuesBeyondTheHeaderLast(t *testing.T) {
	for format, want := range map[table.Format]string{table.CSV: "a\nx,'=y\n", table.XLSX: "[\"x\",\"=y\"]\n", table.JSON: "{\"a\":\"x\"}\n"} {
		var out strings.Builder
		w, err := table.NewWriter(&out, table.WriterConfig{Format: format, Columns: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteLong([]table.Value{table.TextValue("x")}, []string{"=y"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || out.String() != want {
			t.Errorf("format %d: got %q, %v", format, out.String(), err)
		}
	}
}

func TestRowValue_IsAnObject(t *testing.T) {
	row := table.Row{{Key: "a\"b", Value: table.TextValue("x\n")}, {Key: "n", Value: table.IntValue(5)}, {Key: "l", Value: table.ListValue([]string{"y"})}, {Key: "e"}}
	got := write(t, table.WriterConfig{Format: table.JSON, Columns: []string{"row"}}, []table.Value{table.RowValue(row)})
	if want := `{"row":{"a\"b":"x\n","n":5,"l":["y"],"e":null}}` + "\n"; got != want {
		t.Errorf("got %s", got)
	}
}
