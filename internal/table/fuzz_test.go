package table_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

// FuzzReader has anything read as any kind of file: every error is one for the caller,
// lines do not go back, and the reading ends.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"name,price\noak table,12\n", "\ufeffname;type\n\"a\";b", "{\"name\":NaN}\n{\"a\":[1,{\"b\":2}]}",
		"[{\"name\":\"a\"},{\"name\":\"b\"}]", "name\n\"a", "name\tb\n\t\xff", "{", "[", "[{}", "\"\n\"name",
		"sep=;\nname;b\n\"x\"y\";\"\n", "\"id,name\"\n\"1,\"\"a\"\"\"\n", "id,name\n'1','a'\n'2','b", "id   name\n1\n  a  b", "\"id\" \"name\"\n1 \"a\" b\n", "id~name\n1~\\~a", "name\r\"a\nb\"\r", `{"products":[{"name":1}],"x":{"name":{"0":1}}}`,
		`{"columns":["name"],"data":[[1],[2,3]]}`, `{"name":{"0":"a"}}`, `{"a":{"name":1},"b":{"name":2}}`, "[[\"name\"],[1]]",
		"[{'name':'a',b:None,'c':'//'},{x(\"1\")}]", "var a=[{name:'\\x41'}];", ")]}',[{}]", "f({\"items\":[{\"name\":{\"S\":\"a\"}}]})", `{"values":[["name"],["a"]]}`,
		"<a><w name='1'><id>1</id></w><w name='2'/></a>", "\x00\x00\xfe\xff\x00\x00\x00n", "name\n\x83\x5c\x83\x74\x83\x40", "i\x00d\x00\n\x00\x14\x04\x38\x04",
		"<rss><item><g:id>1</g:id><title a='>'>b</title></item>", "<table><tr><td>name<tr><td>x", "\xff\xfen\x00a\x00m\x00e\x00\n\x00b\x00",
		workbook(f, map[string]string{"xl/styles.xml": styles}, inline("name", "id")+`<row r="9"><c r="B9" s="1"><v>1e3</v></c></row>`),
		parquetFile(f, product{Name: "Sofa", Tags: []string{"a"}}), archive(f, "a.csv"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := table.NewReader(bytes.NewReader(data), table.ReaderConfig{Name: "f", MaxRowBytes: 4096})
		last := 0
		for err == nil {
			var row table.Row
			row, err = r.Read()
			if r.Line() < last {
				t.Fatalf("line %d after line %d", r.Line(), last)
			}
			last = r.Line()
			if _, ofRow := errors.AsType[*table.RowError](err); ofRow {
				err = nil
				continue
			}
			table.MapRow(row, "Product URL")
		}
		if r != nil {
			r.Close()
		}
		if _, ok := errors.AsType[*fault.Fault](err); !ok && !errors.Is(err, io.EOF) {
			t.Fatalf("not a fault: %v", err)
		}
	})
}

// formats write cells below a header, each in its format. Those that cannot have a
// character leave it out by allowed.
var formats = map[string]struct {
	write   func(t testing.TB, header []string, rows [][]string) string
	allowed func(r rune) bool
}{
	"csv":  {func(t testing.TB, header []string, rows [][]string) string { return csvFile(t, ',', header, rows) }, notNUL},
	"tsv":  {func(t testing.TB, header []string, rows [][]string) string { return csvFile(t, '\t', header, rows) }, notNUL},
	"bars": {func(t testing.TB, header []string, rows [][]string) string { return csvFile(t, '|', header, rows) }, notNUL},
	"xlsx": {sheetFile, inXML},
	"json": {jsonFile, notNUL},
	"wrapped": {func(t testing.TB, h []string, rows [][]string) string {
		return `{"products":[` + strings.ReplaceAll(strings.TrimSpace(jsonFile(t, h, rows)), "\n", ",") + `]}`
	}, notNUL},
	"parquet": {parquetOf, func(rune) bool { return true }},
	"feed":    {feedFile, inXML},
	"html":    {htmlFile, func(r rune) bool { return inXML(r) && r != '\f' }},
}

func notNUL(r rune) bool { return r != 0 }

func inXML(r rune) bool { return r >= ' ' && r < 0xfffe || r == '\t' || r == '\n' || r > 0xffff }

func csvFile(t testing.TB, separator rune, header []string, rows [][]string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = separator
	if err := w.Write(header); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sheetFile(t testing.TB, header []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString(inline(header...))
	for _, row := range rows {
		escaped := make([]string, len(row))
		for i, cell := range row {
			escaped[i] = escapeXML(strings.ReplaceAll(cell, "_x", "_x005F_x"))
		}
		b.WriteString(inline(escaped...))
	}
	return workbook(t, nil, b.String())
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

func jsonFile(t testing.TB, header []string, rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		object := map[string]string{}
		for i, cell := range row {
			object[header[i]] = cell
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func parquetOf(t testing.TB, header []string, rows [][]string) string {
	type line struct {
		A string `parquet:"id"`
		B string `parquet:"name"`
		C string `parquet:"note"`
	}
	lines := make([]line, len(rows))
	for i, row := range rows {
		lines[i] = line{row[0], row[1], row[2]}
	}
	var buf bytes.Buffer
	if err := parquet.Write(&buf, lines); err != nil || len(header) != 3 {
		t.Fatal(err)
	}
	return buf.String()
}

func feedFile(_ testing.TB, header []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString("<rss><channel>")
	for _, row := range rows {
		b.WriteString("<item>")
		for i, cell := range row {
			fmt.Fprintf(&b, "<g:%s>%s</g:%[1]s>", header[i], escapeXML(cell))
		}
		b.WriteString("</item>\n")
	}
	return b.String() + "</channel></rss>"
}

func htmlFile(_ testing.TB, header []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString("<html><table>")
	for _, row := range append([][]string{header}, rows...) {
		b.WriteString("<tr>")
		for _, cell := range row {
			fmt.Fprintf(&b, "<td>%s</td>", html.EscapeString(cell))
		}
		b.WriteString("</tr>\n")
	}
	return b.String() + "</table></html>"
}

// FuzzRoundTrip has rows of any text written in every format and read again: the same
// rows come back, with the same texts. What consists of control characters is refused, since
// it looks like no text.
func FuzzRoundTrip(f *testing.F) {
	f.Add("oak table", "30\" wide, \"new\"", "a\nb\r\nc", `x\" y`)
	f.Add("=\"00123\"", "1e5", " spaces ", "ä🪑;|\t^")
	f.Add("id", "name", "note", `"`)
	f.Add("\n2,\"b\",c\n", "\",\"", "]}", "{\"a\":1}")
	f.Add("\u2028", "\x1a", "&amp;<b>", "_x000D_")
	f.Add("\x01\x02", strings.Repeat("\x03", 99), "", "\x04")
	header := []string{"id", "name", "note"}
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		for name, format := range formats {
			clean := func(s string) string {
				return strings.Map(func(r rune) rune {
					if r == utf8.RuneError || r == '\ufeff' || !format.allowed(r) {
						return -1
					}
					return r
				}, s)
			}
			a, b, c, d := clean(a), clean(b), clean(c), clean(d)
			rows := [][]string{{"r1", "x" + a, b}, {"r2", "x", c}, {"r3", "x" + d, a}, {"r4", "x" + c, d}}
			text := format.write(t, header, rows)
			r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
			if err != nil && controls(text) && strings.Contains(err.Error(), "is neither text") {
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v in %q", name, err, text)
			}
			if diff := cmp.Diff(trimmed(rows), texts(t, r, header)); diff != "" {
				t.Fatalf("%s: %s in %q", name, diff, text)
			}
			r.Close()
		}
	})
}

// controls reports whether more than one byte in ten is a control character.
func controls(text string) bool {
	n := strings.Count(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			return 0
		}
		return r
	}, text), "\x00")
	return 10*n > len(text)
}

// texts reads the rows to the end.
func texts(t *testing.T, r *table.Reader, header []string) [][]string {
	var rows [][]string
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		cells := r.Original()
		if cells == nil {
			for _, name := range header {
				value, _ := row.Get(name)
				cells = append(cells, value.Text)
			}
		}
		rows = append(rows, cells)
	}
	return trimmed(rows)
}

// trimmed returns rows without the white space around cells and without empty last
// cells, which formats may leave out.
func trimmed(rows [][]string) [][]string {
	var list [][]string
	for _, row := range rows {
		cells := make([]string, 3)
		for i := range cells {
			if i < len(row) {
				cells[i] = strings.TrimSpace(row[i])
			}
		}
		list = append(list, cells)
	}
	return list
}
