package table_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/table"
)

func write(t *testing.T, cfg table.WriterConfig, rows ...[]table.Value) string {
	t.Helper()
	var out strings.Builder
	w, err := table.NewWriter(&out, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWriter(t *testing.T) {
	columns := []string{"name", "n", "tags", "ok"}
	rows := [][]table.Value{
		{table.TextValue("Oak, \"round\"\n<b>"), table.NumberValue(0.5), table.ListValue([]string{"a", "b"}), table.BoolValue(true)},
		{table.TextValue(""), table.NumberValue(math.NaN()), table.ListValue(nil), table.Value{}},
		{table.TextValue("椅子 é"), table.IntValue(1200), table.ListValue([]string{"c"}), table.BoolValue(false)},
	}
	for name, c := range map[string]struct {
		format table.Format
		want   string
	}{
		"csv": {table.CSV, "name,n,tags,ok\n\"Oak, \"\"round\"\"\n<b>\",0.5,\"a, b\",true\n,,,\n椅子 é,1200,c,false\n"},
		"jsonl": {table.JSON, `{"name":"Oak, \"round\"\n<b>","n":0.5,"tags":["a","b"],"ok":true}` + "\n" +
			`{"name":null,"n":null,"tags":[],"ok":null}` + "\n" + `{"name":"椅子 é","n":1200,"tags":["c"],"ok":false}` + "\n"},
		"table": {table.Aligned, "" +
			"name                 n  tags  ok\n" +
			"Oak, \"round\" <b>   0.5  a, b  true\n\n" +
			"椅子 é            1200  c     false\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := write(t, table.WriterConfig{Format: c.format, Columns: columns}, rows...)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWriter_WithoutRows(t *testing.T) {
	for format, want := range map[table.Format]string{table.CSV: "a,b\n", table.JSON: "", table.Aligned: "a  b\n"} {
		if got := write(t, table.WriterConfig{Format: format, Columns: []string{"a", "b"}}); got != want {
			t.Errorf("format %d: got %q, want %q", format, got, want)
		}
	}
}

func TestWriter_EscapesFormulasInCSV(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+x": "'+x", "-x": "'-x", "@a": "'@a", "\tx": "'\tx",
		"-5": "-5", "+1.5": "+1.5", "oak": "oak", "a=b": "a=b", "é": "é",
	} {
		got := write(t, table.WriterConfig{Format: table.CSV, Columns: []string{"c"}}, []table.Value{table.TextValue(in)})
		if strings.Trim(strings.TrimPrefix(got, "c\n"), "\"\n") != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	got := write(t, table.WriterConfig{Format: table.JSON, Columns: []string{"c"}}, []table.Value{table.TextValue("=1+1")})
	if got != "{\"c\":\"=1+1\"}\n" {
		t.Errorf("JSON was changed: %q", got)
	}
}

func TestWriter_AlignedTableCutsNoWholeColumn(t *testing.T) {
	var out strings.Builder
	w, err := table.NewWriter(&out, table.WriterConfig{Format: table.Aligned, Columns: []string{"key", "name"}, Width: 16, Whole: 1})
	if err != nil {
		t.Fatal(err)
	}
	write := func(key, name string) {
		if err := errors.Join(w.Write([]table.Value{table.TextValue(key), table.TextValue(name)}), w.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	write("a-key-of-14-ch", "a long name")
	write("a-longer-one-of-18", "later")
	want := "key             name\na-key-of-14-ch  a l…\na-longer-one-of-18  lat…\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWriter_AlignedTableFitsTheTerminal(t *testing.T) {
	var out strings.Builder
	w, err := table.NewWriter(&out, table.WriterConfig{Format: table.Aligned, Columns: []string{"name", "x"}, Width: 16})
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range [][2]string{{"a long name of a product", "x"}, {"椅子椅子椅子椅子", "y"}, {"later", "wider than it was"}} {
		if err := w.Write([]table.Value{table.TextValue(row[0]), table.TextValue(row[1])}); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "name           x\na long name …  x\n椅子椅子椅子…  y\nlater          …\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestPrintable_RemovesTerminalControls(t *testing.T) {
	got := table.Printable("a\x1b[31mred\x07\u202eeltit\nb\u009b1mc\x1b]0;title\x07d\x7f")
	if got != "aredeltit b1mcd" {
		t.Errorf("got %q", got)
	}
}

func TestNewWriter_RefusesInvalidConfig(t *testing.T) {
	if _, err := table.NewWriter(nil, table.WriterConfig{Format: table.CSV}); err == nil {
		t.Error("no columns were taken")
	}
	if _, err := table.NewWriter(nil, table.WriterConfig{Columns: []string{"a"}}); err == nil {
		t.Error("no format was taken")
	}
	w, err := table.NewWriter(&strings.Builder{}, table.WriterConfig{Format: table.CSV, Columns: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(nil); err == nil {
		t.Error("a short row was taken")
	}
}

func TestWriter_ReturnsErrors(t *testing.T) {
	full := errors.New("disk full")
	for _, format := range []table.Format{table.CSV, table.JSON, table.Aligned} {
		w, err := table.NewWriter(failing{full}, table.WriterConfig{Format: format, Columns: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		_ = w.Write([]table.Value{table.TextValue("x")})
		if err := w.Flush(); !errors.Is(err, full) {
			t.Errorf("format %d: got %v", format, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func FuzzCSVRoundTrip(f *testing.F) {
	f.Add("oak", "a, \"b\"\r\n")
	f.Add("0", ",\"0\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		want := []string{strings.ReplaceAll(strings.ToValidUTF8(a, ""), "\r\n", "\n"), strings.ReplaceAll(strings.ToValidUTF8(b, ""), "\r\n", "\n")}
		if strings.ContainsAny(want[0]+want[1], "\x00\r") || len(a)+len(b) > 10_000 {
			return
		}
		// The first and the last cell make it a row: blank ones are skipped, and the sign
		// for the end of a file is cut off.
		got := write(t, table.WriterConfig{Format: table.CSV, Columns: []string{"id", "name", "type", "note"}},
			[]table.Value{table.TextValue("r1"), table.TextValue(want[0]), table.TextValue(want[1]), table.TextValue("end")})
		rows, err := read(t, got, table.ReaderConfig{})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%q: %d rows, %v", got, len(rows), err)
		}
		for i, cell := range rows[0][1:3] {
			text := cell.Value.Text
			if text != want[i] && text != "'"+want[i] && text != strings.TrimLeft(want[i], " \t") {
				t.Fatalf("%q came back as %q", want[i], text)
			}
		}
	})
}
