package table_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/credenza-dev/credenza/internal/table"
)

// parquetFile makes a Parquet file of rows.
func parquetFile[T any](t testing.TB, rows ...T) string {
	t.Helper()
	var buf bytes.Buffer
	if err := parquet.Write(&buf, rows, parquet.MaxRowsPerRowGroup(100)); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

type product struct {
	ID      int64     `parquet:"id"`
	Name    string    `parquet:"name,dict"`
	Price   float64   `parquet:"price"`
	Stocked bool      `parquet:"stocked"`
	Tags    []string  `parquet:"tags,list"`
	Day     int32     `parquet:"day,date"`
	Seen    time.Time `parquet:"seen,timestamp(millisecond)"`
	Cost    int64     `parquet:"cost,decimal(2:10)"`
	Size    struct {
		W int32 `parquet:"w"`
	} `parquet:"size"`
	Note *string `parquet:"note,optional"`
}

func TestReader_ReadsParquet(t *testing.T) {
	note := "línea\n\"two\" 🪑"
	sofa := product{ID: 4006381333931, Name: "Sofa", Price: 1e5, Stocked: true, Tags: []string{"a", "b"}, Day: 20393, Seen: time.UnixMilli(1762000000500), Cost: -1250, Note: &note}
	sofa.Size.W = 180
	rows, err := read(t, parquetFile(t, sofa, product{Name: "Lamp"}), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	want := "id=\"4006381333931\" name=\"Sofa\" price=\"100000\" stocked=\"true\" tags=\"a, b\" day=\"2025-11-01\" " +
		"seen=\"2025-11-01 12:26:40.5\" cost=\"-12.50\" size.w=\"180\" note=\"línea\\n\\\"two\\\" 🪑\"\n" +
		"id=\"0\" name=\"Lamp\" price=\"0\" stocked=\"false\" tags=\"\" day=\"1970-01-01\" " +
		"seen=\"" + rows[1][6].Value.Text + "\" cost=\"0.00\" size.w=\"0\" note=\"\"\n"
	if diff := cmp.Diff(want, brief(rows)); diff != "" {
		t.Error(diff)
	}
}

func TestReader_ReadsEveryRowGroup(t *testing.T) {
	type item struct {
		Name string `parquet:"name"`
		N    int64  `parquet:"n"`
	}
	all := make([]item, 1_234)
	for i := range all {
		all[i] = item{"Oak table", int64(i)}
	}
	rows, err := read(t, parquetFile(t, all...), table.ReaderConfig{})
	if err != nil || len(rows) != len(all) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, row := range rows {
		if got := row[1].Value; got.Text != table.IntValue(int64(i)).Text {
			t.Fatalf("row %d has %v", i, got)
		}
	}
}

// withFooter is a Parquet file with nothing but this footer.
func withFooter(footer string) string {
	return "PAR1" + footer + string(binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))) + "PAR1" //nolint:gosec // it is short
}

// withRest puts the size of what is left of size bytes behind a header in the place of REST.
func withRest(header string, size int) string {
	for rest := range size {
		if whole := strings.Replace(header, "REST", string(binary.AppendVarint(nil, int64(rest))), 1); len(whole)+rest == size {
			return whole
		}
	}
	return header
}

func TestReader_RefusesPagesThatAreNone(t *testing.T) {
	flat := parquetFile(t, struct {
		Name string `parquet:"name"`
	}{strings.Repeat("oak ", 20)})
	footer := len(flat) - 8 - int(binary.LittleEndian.Uint32([]byte(flat[len(flat)-8:])))
	content, err := parquet.OpenFile(strings.NewReader(flat), int64(len(flat)))
	if err != nil {
		t.Fatal(err)
	}
	column := content.Metadata().RowGroups[0].Columns[0].MetaData
	const most = "\x15\xfe\xff\xff\xff\x0f" // the next field, 2 billion
	for name, header := range map[string]string{
		"lists in lists":          "\xf9" + strings.Repeat("\x19", footer),
		"a page of 2 GB":          "\x15\x00\x15\x00" + most + "\x00",
		"2 GB unpacked":           "\x15\x00" + most + "\x15\x00\x00",
		"2 billion values":        "\x15\x00\x15\x00\x15REST\x2c" + most + strings.Repeat("\x15\x00", 3) + "\x00\x00",
		"2 billion words":         "\x15\x04\x15\x00\x15REST\x4c" + most + "\x15\x00\x00\x00",
		"2 billion values, newer": "\x15\x06\x15\x00\x15REST\x5c" + most + strings.Repeat("\x15\x00", 5) + "\x00\x00",
		"a text of 2 GB":          "\x15\x00\x15\x00\x15\x00\x2c\x58\xff\xff\xff\xff\x07",
	} {
		t.Run(name, func(t *testing.T) {
			pages := (withRest(header, int(column.TotalCompressedSize)) + strings.Repeat("\x00", footer))[:footer-4]
			_, err := read(t, "PAR1"+pages+flat[footer:], table.ReaderConfig{})
			if err == nil || !strings.Contains(err.Error(), "in.csv is a Parquet file that is damaged at row 1: a page contradicts itself") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestReader_ReadsAndRefusesPackedPages(t *testing.T) {
	type row struct {
		Name string `parquet:"name"`
	}
	rows := []row{{strings.Repeat("oak ", 10_000)}, {"chair"}}
	for name, c := range map[string]struct {
		codec compress.Codec
		taken bool
	}{
		"snappy": {&parquet.Snappy, true}, "gzip": {&parquet.Gzip, true}, "zstd": {&parquet.Zstd, true}, "none": {&parquet.Uncompressed, true},
		"LZ4": {&parquet.Lz4Raw, true}, "Brotli": {&parquet.Brotli, true},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprint(name, version), func(t *testing.T) {
				var buf bytes.Buffer
				if err := parquet.Write(&buf, rows, parquet.Compression(c.codec), parquet.DataPageVersion(version)); err != nil {
					t.Fatal(err)
				}
				got, err := read(t, buf.String(), table.ReaderConfig{})
				if c.taken && (err != nil || len(got) != 2) || !c.taken && (err == nil || !strings.Contains(err.Error(), "is a Parquet file that is compressed with ")) {
					t.Fatalf("%d rows (%v)", len(got), err)
				}
				if name == "none" || !c.taken {
					return
				}
				// The second field of the page's header says that it unpacks to fewer bytes.
				bomb := buf.String()[:7] + string(binary.AppendVarint(nil, 39_000)) + buf.String()[10:]
				if _, err = read(t, bomb, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "a page contradicts itself") {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

func TestReader_RefusesOtherParquet(t *testing.T) {
	type part struct{ A, B string }
	flat := parquetFile(t, struct {
		Name string `parquet:"name"`
	}{"a"})
	footer := len(flat) - 8 - int(binary.LittleEndian.Uint32([]byte(flat[len(flat)-8:])))
	for name, c := range map[string]struct{ text, want string }{
		"nested columns alone": {parquetFile(t, struct {
			Parts []part `parquet:"parts,list"`
		}{}), "in.csv is a Parquet file with nested columns alone (parts): flatten them"},
		"a cut footer":              {flat[:len(flat)-20], "in.csv is a Parquet file that has been cut off"},
		"the head alone":            {"PAR1", "in.csv is a Parquet file that has been cut off"},
		"a long footer":             {"PAR1\xff\xff\xff\x7fPAR1", "in.csv is a Parquet file that has been cut off"},
		"a list of 2 billion":       {withFooter("\x15\x02\x19\xfc\xff\xff\xff\xff\x07"), "in.csv is a Parquet file that is damaged: its footer contradicts itself"},
		"a set of 2 billion":        {withFooter("\x15\x02\x1a\xfc\xff\xff\xff\xff\x07"), "in.csv is a Parquet file that is damaged: its footer contradicts itself"},
		"a text of 2 GB":            {withFooter("\x68\xff\xff\xff\xff\x07"), "in.csv is a Parquet file that is damaged: its footer contradicts itself"},
		"a million columns":         {withFooter("\x15\x02\x19\xfc\xc0\x84\x3d" + strings.Repeat("\x00", 1_000_000) + "\x00"), "in.csv is a Parquet file that is damaged: its footer is larger"},
		"lists in a million lists":  {withFooter("\xf9\x19" + strings.Repeat("\x19", 1_000_000) + "\x00"), "in.csv is a Parquet file that is damaged: its footer"},
		"objects in a million more": {withFooter(strings.Repeat("\xfc", 1_000_000) + "\x00"), "in.csv is a Parquet file that is damaged: its footer is larger"},
		"a wrong footer":            {"PAR1abcdefgh\x08\x00\x00\x00PAR1", "in.csv is a Parquet file that is damaged"},
		"no pages":                  {"PAR1" + strings.Repeat("\x00", footer-4) + flat[footer:], "in.csv is a Parquet file that is damaged at row 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.text, table.ReaderConfig{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestReader_SaysThatBytesInParquetAreNotRead(t *testing.T) {
	type item struct {
		Name  string `parquet:"name"`
		Image struct {
			Bytes []byte `parquet:"bytes"`
			Path  string `parquet:"path"`
		} `parquet:"image"`
		Hash [4]byte `parquet:"hash"`
	}
	sofa, lamp := item{Name: "Sofa", Hash: [4]byte{'a', 'b', 'c', 'd'}}, item{Name: "Lamp", Hash: [4]byte{'a', 'b', 'c', 'd'}}
	lamp.Image.Bytes = []byte("\x89PNG\r\n\x1a\n\xff")
	r, err := table.NewReader(strings.NewReader(parquetFile(t, sofa, lamp)), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	note := "bytes that are not text, such as pictures, are not read (image.bytes): give the pictures' addresses in a column"
	for i, want := range [][]string{nil, {note}} {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Notes()); diff != "" {
			t.Errorf("after row %d: %s", i+1, diff)
		}
	}
}

// What a row's nested objects say is left out, and said. The columns behind them stay in
// their places.
func TestReader_LeavesNestedColumnsOut(t *testing.T) {
	type part struct{ A, B string }
	text := parquetFile(t, struct {
		Name  string            `parquet:"a_name"`
		Parts []part            `parquet:"b_parts,list"`
		Notes map[string]string `parquet:"c_notes"`
		Type  string            `parquet:"d_type"`
	}{"bed", []part{{"x", "y"}, {"z", ""}}, map[string]string{"k": "v"}, "oak"})
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	rows := rest(r)
	if got := brief(rows); got != "a_name=\"bed\" d_type=\"oak\"\n" || !cmp.Equal(r.Original(), []string{"bed", "oak"}) || !cmp.Equal(r.Header(), []string{"a_name", "d_type"}) {
		t.Errorf("got %s, %q below %q", got, r.Original(), r.Header())
	}
	want := []string{"columns that are lists of objects, or maps, are not read (b_parts, c_notes): flatten them, or convert the file to JSON lines"}
	if diff := cmp.Diff(want, r.Notes()); diff != "" {
		t.Error(diff)
	}
}

// A page of version 2 may be stored as it is, whatever the codec of its column: pyarrow does
// so if packing does not make it shorter.
func TestReader_ReadsStoredPagesOfParquet(t *testing.T) {
	text, err := os.ReadFile("testdata/stored-pages.parquet")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := read(t, string(text), table.ReaderConfig{})
	if err != nil || brief(rows) != "name=\"Sofa\"\nname=\"Lamp\"\n" {
		t.Errorf("got %s, %v", brief(rows), err)
	}
}
