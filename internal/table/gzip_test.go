package table_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/table"
)

func zipped(t testing.TB, parts ...string) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	for _, part := range parts {
		if _, err := z.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestReader_Unpacks(t *testing.T) {
	for name, text := range map[string]string{
		"CSV": "name\nSofa\n", "JSON lines": "{\"name\":\"Sofa\"}\n", "UTF-16": utf16Text("name\nSofa\n"),
		"XLSX": workbook(t, nil, inline("name")+inline("Sofa")), "Parquet": parquetFile(t, struct {
			Name string `parquet:"name"`
		}{"Sofa"}),
	} {
		rows, err := read(t, zipped(t, text), table.ReaderConfig{})
		if err != nil || brief(rows) != "name=\"Sofa\"\n" {
			t.Errorf("%s: got %s, %v", name, brief(rows), err)
		}
	}
}

func TestReader_RefusesWhatUnpacksBadly(t *testing.T) {
	blank := strings.Repeat("\n", 8<<20)
	whole := zipped(t, "name\nSofa\n", strings.Repeat("Oak table\n", 50_000))
	for name, c := range map[string]struct{ text, want string }{
		"a bomb":    {zipped(t, "name\nSofa\n", blank, blank, blank, blank, blank, blank, blank, blank, blank), "it unpacks to over 300 times its size"},
		"twice":     {zipped(t, zipped(t, "name\nSofa\n")), "in.csv is compressed twice"},
		"a cut end": {whole[:len(whole)-100], "in.csv cannot be read to its end, which is missing: it has been cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := table.NewReader(strings.NewReader(c.text), table.ReaderConfig{Name: "in.csv"})
			for err == nil {
				_, err = r.Read()
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
