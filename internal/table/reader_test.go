package table_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

func read(t testing.TB, text string, cfg table.ReaderConfig) ([]table.Row, error) {
	t.Helper()
	cfg.Name = "in.csv"
	// One byte at a time: no reader may depend on how the input is cut.
	r, err := table.NewReader(iotest.OneByteReader(strings.NewReader(text)), cfg)
	if err != nil {
		return nil, err
	}
	var rows []table.Row
	for row, err := range r.Rows() {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// brief writes rows as key=value, one row a line, for short expectations.
func brief(rows []table.Row) string {
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				b.WriteString(" ")
			}
			fmt.Fprintf(&b, "%s=%q", cell.Key, cell.Value.String())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestReader_ReadsFilesAsPeopleSaveThem(t *testing.T) {
	one := "name=\"oak table\" price=\"12\"\n"
	readsAs(t, map[string]reading{
		"plain":                   {"name,price\noak table,12\n", one},
		"no line end at the end":  {"name,price\noak table,12", one},
		"carriage returns":        {"name,price\r\noak table,12\r\n", one},
		"byte order mark":         {"\ufeffname,price\noak table,12\n", one},
		"mark and quoted header":  {"\ufeff\"name\",\"price\"\noak table,12\n", one},
		"semicolons":              {"name;price\noak table;12\n", one},
		"tabs":                    {"name\tprice\noak table\t12\n", one},
		"bars":                    {"name|price\noak table|12\n", one},
		"empty cell between tabs": {"name\ttype\tprice\noak table\t\t12\n", "name=\"oak table\" type=\"\" price=\"12\"\n"},
		"spaces after commas":     {"name, price\n\"oak table\", 12\n", one},
		"blank lines":             {"\n\nname,price\n\noak table,12\n\n", one},
		"separator within quotes": {"\"name\",\"a;b;c;d\"\n\"x, y\",1\n", "name=\"x, y\" a;b;c;d=\"1\"\n"},
		"line end within quotes":  {"name\n\"oak\ntable\"\n", "name=\"oak\\ntable\"\n"},
		"doubled quotes":          {"name\n\"30\"\" wide\"\n", "name=\"30\\\" wide\"\n"},
		"a data frame's index":    {",name\n0,oak table\n1,bed\n", "name=\"oak table\"\nname=\"bed\"\n"},
		"unnamed, always empty":   {"name,,\noak table,,\n", "name=\"oak table\"\n"},
		"other scripts":           {"name\nкресло\n椅子\n", "name=\"кресло\"\nname=\"椅子\"\n"},
		"header alone":            {"name,price\n", ""},
		"JSON lines":              {"{\"name\":\"oak table\",\"price\":12}\n", one},
		"JSON lines, no last end": {"{\"name\":\"oak table\",\"price\":12}", one},
		"JSON lines, spread out":  {"{\n  \"name\": \"oak table\",\n  \"price\": 12\n}\n", one},
		"JSON array":              {" [ {\"name\":\"oak table\",\"price\":12} ]\n", one},
		"JSON array of two":       {"[{\"name\":\"a\"},\n{\"name\":\"b\"}]", "name=\"a\"\nname=\"b\"\n"},
		"JSON array of none":      {"[]", ""},
		"braces within strings":   {"{\"name\":\"a } \\\" { ] b\"}", "name=\"a } \\\" { ] b\"\n"},
		"a table in Markdown":     {"# Prices\n\n| name | price |\n|:-----|------:|\n| oak table | 12 |\n", one},
		"the number of rows":      {"sku  name         price\n---- ------------ -----\n7    oak table    12\n\n(1 rows affected)\n", "sku=\"7\" name=\"oak table\" price=\"12\"\n"},
		"notes on the columns":    {"# Required | The title,# Required | The price\nname,price\noak table,12\n", one},
		"a drawn table":           {"+------+----+\n| name | price |\n+------+----+\n| oak table | 12 |\n+------+----+\n", one},
		"names below names":       {"Product Name,Main Image URL\nitem_name,main_image_url\na,b\n", "item_name=\"a\" main_image_url=\"b\"\n"},
		"names in three rows":     {"Version=1,Images,\nProduktname,Bild-URL,Preis\nitem_name,main_image_url,standard_price\na,b,1\n", "item_name=\"a\" main_image_url=\"b\" standard_price=\"1\"\n"},
		"row numbers of R":        {"\"name\"\t\"price\"\n\"1\"\t\"oak table\"\t12\n", one},
		"commas for decimals":     {"sku,name,price\n1,oak table,12,50\n", "sku=\"1\" name=\"oak table\" price=\"12,50\"\n"},
		"bare NaN":                {"{\"name\":\"a\",\"price\":NaN,\"x\":[-Infinity,1]}", "name=\"a\" price=\"\" x=\"1\"\n"},
	})
}

// reading is a file and its rows, in the form of brief.
type reading struct{ text, want string }

// readsAs checks that each file has its rows.
func readsAs(t *testing.T, cases map[string]reading) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, c.text, table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(rows)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReader_RefusesUnreadableInput(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                {"", "in.csv is empty"},
		"white space":            {" \n\n ", "in.csv is empty"},
		"mark alone":             {"\ufeff", "in.csv is empty"},
		"JSON arrays in arrays":  {"[[[[", "line 1, column 2: expected an object"},
		"a dump of a database":   {"-- MySQL dump\nINSERT INTO `products` VALUES (1,'Sofa');\n", "in.csv is a dump of a database in SQL"},
		"a dump of SQLite":       {"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE p (name text);\n", "in.csv is a dump of a database in SQL"},
		"phpMyAdmin's JSON":      {"/**\n x */\n[\n{\"type\":\"header\",\"comment\":\"Export to JSON plugin for PHPMyAdmin\"},\n{\"type\":\"table\",\"data\":[{\"name\":\"a\"}]}]", "is an export of phpMyAdmin"},
		"a spreadsheet":          {"PK\x03\x04rest", "in.csv is a spreadsheet"},
		"gzip":                   {"\x1f\x8b\x08", "in.csv is compressed and cannot be unpacked"},
		"no header":              {"bed,12\ntable,13\n", "line 1, column 1: the first line must name the columns, and none of bed, 12 is known"},
		"a header of keys alone": {"id,price\n1,2\n", "the first line must name the columns"},
		"JSON cut off":           {"{\"name\":\"a\"}\n{\"name\":\"b\"", "line 2, column 1: the object that begins here is not closed"},
		"JSON array cut off":     {"[{\"name\":\"a\"},", "the array is not closed"},
		"JSON string cut off":    {"{\"name\":\"a\n\"}", "line 1, column 11: the line ends within a string"},
		"JSON no object":         {"{\"name\":\"a\"}\n12\n", "line 2, column 1: expected an object"},
		"JSON array of texts":    {"[\"a\"]", "line 1, column 2: expected an object"},
		"JSON of an error":       {"{\"error\":{\"code\":401,\"message\":\"no\"}}", "has no list of products, but an object of error"},
		"JSON something after":   {"[{\"name\":\"a\"}] x", "line 1, column 16: something follows"},
		"JSON syntax":            {"{\"name\":\"a\"}\n{\"name\":\n  oak}", "line 3, column 3: is not JSON"},
		"JSON bad NaN":           {"{\"name\":NaNo}", "line 1, column 9: is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, c.text, table.ReaderConfig{})
			f, ok := errors.AsType[*fault.Fault](err)
			if !ok || f.Reason != fault.InvalidRequest {
				t.Fatalf("got rows %q and error %v, want a fault for the caller", brief(rows), err)
			}
			if !strings.Contains(f.Message, c.want) || !strings.HasPrefix(f.Message, "in.csv") {
				t.Errorf("got  %s\nwant %s", f.Message, c.want)
			}
		})
	}
}

func TestReader_ReturnsRowsBeforeAnError(t *testing.T) {
	rows, err := read(t, "name,type\nbed,a\n"+strings.Repeat("x", 1_000), table.ReaderConfig{MaxRowBytes: 100})
	if err == nil || brief(rows) != "name=\"bed\" type=\"a\"\n" {
		t.Errorf("got %q and %v", brief(rows), err)
	}
}

func TestReader_RefusesHugeRowsInBoundedMemory(t *testing.T) {
	for name, c := range map[string]struct{ start, want string }{
		"a quote never closed": {"name\nok\n\"", "line 3, column 1: the row from here on has over 10000 bytes"},
		"a long line":          {"name\nok\n", "line 3, column 1: the row from here on has over 10000 bytes"},
		"a long header":        {"name,", "line 1, column 1: the row from here on has over 10000 bytes"},
		"a JSON object":        {"{\"name\":1}\n{\"name\":\"", "line 2, column 1: the object from here on has over 10000 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			endless := &counter{in: io.MultiReader(strings.NewReader(c.start), repeat("word "))}
			r, err := table.NewReader(endless, table.ReaderConfig{Name: "in.csv", MaxRowBytes: 10_000})
			for err == nil {
				_, err = r.Read()
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			if endless.n > 200_000 {
				t.Errorf("read %d bytes of a row that may have 10000", endless.n)
			}
		})
	}
}

type counter struct {
	in io.Reader
	n  int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += n
	return n, err
}

type repeat string

func (r repeat) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}

func TestReader_LimitIsForEachRow(t *testing.T) {
	text := "name\n" + strings.Repeat("a fine oak table\n", 5_000)
	rows, err := read(t, text, table.ReaderConfig{MaxRowBytes: 1_000})
	if err != nil || len(rows) != 5_000 {
		t.Errorf("got %d rows and %v", len(rows), err)
	}
}

func TestReader_RefusesTooManyColumns(t *testing.T) {
	header := "name" + strings.Repeat(",c", table.MaxColumns)
	if _, err := read(t, header, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("CSV: got %v", err)
	}
	var object strings.Builder
	for i := range table.MaxColumns + 1 {
		fmt.Fprintf(&object, ",\"k%d\":1", i)
	}
	if _, err := read(t, "{"+object.String()[1:]+"}", table.ReaderConfig{}); err == nil ||
		!strings.Contains(err.Error(), "at most 1000") {
		t.Errorf("JSON: got %v", err)
	}
}

func TestReader_BrokenInput(t *testing.T) {
	broken := errors.New("disk on fire")
	for name, start := range map[string]string{"csv": "name\nbed\n", "json": "{\"name\":1}\n{\"na", "start": ""} {
		t.Run(name, func(t *testing.T) {
			in := io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken))
			r, err := table.NewReader(in, table.ReaderConfig{Name: "in.csv"})
			for err == nil {
				_, err = r.Read()
			}
			if !errors.Is(err, broken) || !strings.Contains(err.Error(), "in.csv cannot be read") {
				t.Errorf("got %v", err)
			}
			if r != nil {
				if _, again := r.Read(); !errors.Is(again, err) {
					t.Errorf("the second time: %v", again)
				}
			}
		})
	}
}

func TestReader_LineAndColumns(t *testing.T) {
	r, err := table.NewReader(strings.NewReader("name, Type \n\"a\nb\",x\nc,y\n"), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"name", "Type"}, r.Columns()); diff != "" {
		t.Error(diff)
	}
	var lines []int
	for range r.Rows() {
		lines = append(lines, r.Line())
	}
	if diff := cmp.Diff([]int{2, 4}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestReader_DoesNotWaitForALivePipe(t *testing.T) {
	for name, parts := range map[string][2]string{
		"csv":  {"name\nbed\n", "table\n"},
		"json": {"{\"name\":\"bed\"}\n", "{\"name\":\"table\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			in, out := io.Pipe()
			seen := make(chan struct{})
			go func() {
				_, _ = io.WriteString(out, parts[0])
				<-seen // the second row is written when the first has been read
				_, _ = io.WriteString(out, parts[1])
				_ = out.Close()
			}()
			r, err := table.NewReader(in, table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for row, err := range r.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				if names = append(names, row[0].Value.Text); len(names) == 1 {
					close(seen)
				}
			}
			if diff := cmp.Diff([]string{"bed", "table"}, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseFormat(t *testing.T) {
	if _, err := table.ParseFormat("xml"); err == nil {
		t.Error("xml was taken")
	}
	if f, err := table.ParseFormat("JSONL"); err != nil || f != table.JSON {
		t.Errorf("JSONL: %v, %v", f, err)
	}
	if _, err := read(t, "{\"name\":1}", table.ReaderConfig{Format: table.CSV}); err == nil {
		t.Error("JSON was read as CSV")
	}
	if _, err := read(t, "name\n", table.ReaderConfig{Format: table.Aligned}); err == nil {
		t.Error("an aligned table was read")
	}
	if _, err := read(t, "name\n", table.ReaderConfig{MaxRowBytes: -1}); err == nil {
		t.Error("a negative limit was taken")
	}
}

func BenchmarkReader(b *testing.B) {
	csv := "id,product_name,description,type,price,tags\n" + strings.Repeat(
		"17,\"Round oak table\",\"A table for four, with a turned leg\",Dining table,120-150,\"oak, round\"\n", 1_000)
	jsonl := strings.Repeat(`{"id":17,"product_name":"Round oak table","description":"A table for four, with a turned leg",`+
		`"type":"Dining table","price":120.0,"tags":["oak","round"]}`+"\n", 1_000)
	for name, text := range map[string]string{"csv": csv, "jsonl": jsonl} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
				if err != nil {
					b.Fatal(err)
				}
				for row, err := range r.Rows() {
					if err != nil {
						b.Fatal(err)
					}
					table.MapRow(row, "")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1_000, "ns/row")
		})
	}
}
