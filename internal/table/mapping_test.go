package table_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

func TestMapRow(t *testing.T) {
	for name, c := range map[string]struct {
		json, productColumn string
		want                catalog.Item
	}{
		"the names as written": {
			json: `{"id":"a1","product_name":"Oak table","description":"Round","type":"Dining table",
				"category":"TABLE","style":"RUSTIC","tags":["oak","round"],"price_range":"100-150",
				"image_url":"https://x/p.jpg","product_url":"https://x/p","material":"oak"}`,
			want: catalog.Item{
				ID: "a1", Name: "Oak table", Description: "Round", Type: "Dining table", Category: "TABLE",
				Styles: []string{"RUSTIC"}, Tags: []string{"oak", "round"}, PriceRange: "100-150",
				ImageURL: "https://x/p.jpg", ProductURL: "https://x/p", Attributes: map[string]string{"material": "oak"},
			},
		},
		"spaces and capitals": {
			json: `{"Product Name":"a","TYPE":"b","Image_URL":"https://i","Product URL":"https://p","Tags":"x, y"}`,
			want: catalog.Item{Name: "a", Type: "b", ImageURL: "https://i", ProductURL: "https://p", Tags: []string{"x", "y"}},
		},
		"nothing in between":       {json: `{"ProductName":"a","ImageUrl":"https://i"}`, want: catalog.Item{Name: "a", ImageURL: "https://i"}},
		"Product_Name":             {json: `{"Product_Name":"a"}`, want: catalog.Item{Name: "a"}},
		"name":                     {json: `{"name":"a"}`, want: catalog.Item{Name: "a"}},
		"title":                    {json: `{"Title":"a"}`, want: catalog.Item{Name: "a"}},
		"name before title":        {json: `{"title":"b","name":"a"}`, want: catalog.Item{Name: "a", Attributes: map[string]string{"title": "b"}}},
		"a blank name gives way":   {json: `{"product_name":" ","title":"b"}`, want: catalog.Item{Name: "b"}},
		"said twice":               {json: `{"title":"a","name":"a"}`, want: catalog.Item{Name: "a"}},
		"spellings of one name":    {json: `{"Product Name":"a","product_name":"b"}`, want: catalog.Item{Name: "b", Attributes: map[string]string{"Product Name": "a"}}},
		"doubled keys":             {json: `{"name":"a","name":"b"}`, want: catalog.Item{Name: "b"}},
		"doubled, then null":       {json: `{"name":"a","name":null}`, want: catalog.Item{}},
		"any price":                {json: `{"Price_Range_USD":"$9"}`, want: catalog.Item{PriceRange: "$9"}},
		"the best price":           {json: `{"sale price":"8","price":"9"}`, want: catalog.Item{PriceRange: "9", Attributes: map[string]string{"sale price": "8"}}},
		"blanks":                   {json: `{"name":"nan","type":null,"tags":"None","style":["NaN",""],"a":"","b":" NULL ","c":"<NA>","price":"nat"}`, want: catalog.Item{}},
		"numbers and booleans":     {json: `{"name":42,"price":12.0,"width":7.50,"big":1e3,"tiny":1e-9,"flat":true,"round":false}`, want: catalog.Item{Name: "42", PriceRange: "12", Attributes: map[string]string{"width": "7.50", "big": "1000", "tiny": "1e-9", "flat": "true", "round": "false"}}},
		"style list":               {json: `{"styles":["MODERN",null,"SHABBY CHIC"]}`, want: catalog.Item{Styles: []string{"MODERN", "SHABBY CHIC"}}},
		"style text":               {json: `{"style":"MODERN; SHABBY CHIC|RUSTIC"}`, want: catalog.Item{Styles: []string{"MODERN", "SHABBY CHIC", "RUSTIC"}}},
		"a list Python printed":    {json: `{"tags":"['oak', \"round\", nan]"}`, want: catalog.Item{Tags: []string{"oak", "round"}}},
		"attributes of any shape":  {json: `{"size":{"w": 1,"h":[2]},"colours":["red",["b"],7.0],"":"x"}`, want: catalog.Item{Attributes: map[string]string{"size": `{"w":1,"h":[2]}`, "colours": `red, ["b"], 7`}}},
		"the product column":       {json: `{"Link":"https://l","product_url":"https://p"}`, productColumn: "link", want: catalog.Item{ProductURL: "https://l"}},
		"its blank gives way":      {json: `{"Link":"nan","product_url":"https://p"}`, productColumn: "link", want: catalog.Item{ProductURL: "https://p"}},
		"the column to the letter": {json: `{"Product URL":"https://l","product_url":"https://p"}`, productColumn: "Product URL", want: catalog.Item{ProductURL: "https://l"}},
		"a list of pictures":       {json: `{"image_url":[null,"https://i ","https://j"],"product":["https://p","https://q"]}`, want: catalog.Item{ImageURL: "https://i", ProductURL: "https://p"}},
		"a byte order mark":        {json: `{"\ufeffname":"a"}`, want: catalog.Item{Name: "a"}},
		"product as address":       {json: `{"product":"https://p"}`, want: catalog.Item{ProductURL: "https://p"}},
		"product as name":          {json: `{"product":"Oak table"}`, want: catalog.Item{Name: "Oak table"}},
		"product and a name":       {json: `{"product":"Oak table","name":"Elm"}`, want: catalog.Item{Name: "Elm", Attributes: map[string]string{"product": "Oak table"}}},
		"a picture stays one":      {json: `{"image_url":"https://i"}`, productColumn: "image_url", want: catalog.Item{ImageURL: "https://i"}},
		"escapes":                  {json: `{"name":"\u00e9\ud83d\ude00\n"}`, want: catalog.Item{Name: "é😀"}},
		"nothing":                  {json: `{}`, want: catalog.Item{}},
	} {
		t.Run(name, func(t *testing.T) {
			var row table.Row
			if err := json.Unmarshal([]byte(c.json), &row); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, table.MapRow(row, c.productColumn)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMapRowWithoutID(t *testing.T) {
	var row table.Row
	if err := json.Unmarshal([]byte(`{"ID":7,"item_id":"x","name":"a"}`), &row); err != nil {
		t.Fatal(err)
	}
	want := &catalog.Item{Name: "a", Attributes: map[string]string{"ID": "7", "item_id": "x"}}
	if diff := cmp.Diff(want, table.MapRowWithoutID(row, "")); diff != "" {
		t.Error(diff)
	}
}

// A list without end costs what its text does, and no more.
func TestMapRow_EndlessList(t *testing.T) {
	text := "[" + strings.Repeat("1,", 20_000) + "1]"
	var row table.Row
	if err := json.Unmarshal([]byte(`{"tags":`+text+`}`), &row); err != nil {
		t.Fatal(err)
	}
	if v, _ := row.Get("tags"); v.Kind != table.Text || v.Text != text {
		t.Errorf("the list is a value of kind %d with %d elements", v.Kind, len(v.List))
	}
}

func TestHasPictureKey(t *testing.T) {
	for text, want := range map[string]bool{
		`{"Image_URL":null}`: true, `{"product url":NaN}`: true, `{"LINK":"https://l"}`: true, `{"Product":"Oak table"}`: true,
		`{"name":"a","url":"https://x"}`: false, `{}`: false,
	} {
		var row table.Row
		if err := json.Unmarshal(table.ReplaceNaN([]byte(text)), &row); err != nil {
			t.Fatal(err)
		}
		if got := table.HasPictureKey(row, "link"); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// The reader does what is done to the whole, however the pieces fall.
func TestNaNReader(t *testing.T) {
	for _, word := range []string{`NaN`, `-Infinity`, `Infinity`, `"NaN"`, `NaNx`, `-1`, `"a\"`, `"\":NaN"`} {
		for shift := range 40 {
			text := `{"x":[` + strings.Repeat(" ", 16<<10-shift) + word + `, NaN],"y":` + word
			want := string(table.ReplaceNaN([]byte(text)))
			got, err := io.ReadAll(iotest.OneByteReader(table.NewNaNReader(iotest.HalfReader(strings.NewReader(text)))))
			if err != nil || string(got) != want {
				t.Fatalf("%s at %d: %v, %.50q", word, shift, err, bytes.TrimLeft(got[7:], " "))
			}
		}
	}
	if _, err := io.ReadAll(table.NewNaNReader(iotest.TimeoutReader(strings.NewReader(`{"a":1}`)))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("an error of the input became %v", err)
	}
}

func TestReplaceNaN(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"value":          {`{"a":NaN}`, `{"a":"" }`},
		"spaced":         {`{"a": NaN , "b":1}`, `{"a": ""  , "b":1}`},
		"list":           {`[NaN,Infinity,-Infinity,-1]`, `["" ,""      ,""       ,-1]`},
		"in a string":    {`{"a":":NaN,\":NaN"}`, `{"a":":NaN,\":NaN"}`},
		"part of a word": {`{"a":NaNx}`, `{"a":NaNx}`},
		"as a key":       {`{NaN:1}`, `{NaN:1}`},
		"at the end":     {`[NaN`, `["" `},
		"open string":    {`["a`, `["a`},
		"open escape":    {`["\`, `["\`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(table.ReplaceNaN([]byte(c.in))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func FuzzReplaceNaN(f *testing.F) {
	f.Add([]byte(`{"a":NaN,"b":[-Infinity,"NaN\""]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		valid, size := json.Valid(data), len(data)
		before := string(data)
		after := table.ReplaceNaN(data)
		if len(after) != size {
			t.Fatalf("%d bytes became %d", size, len(after))
		}
		if valid && string(after) != before {
			t.Fatalf("sound JSON was changed: %q became %q", before, after)
		}
	})
}

// FuzzRow compares the row's own reading with encoding/json's, and feeds it what
// is not JSON at all, which must end in an error or a row.
func FuzzRow(f *testing.F) {
	for _, seed := range []string{`{"a":"b\n","c":[1,"x",null,[2],{"y":3}],"d":{"e":"}"}}`, `{}`, `{"a"`, `{"a":[`, `{"a":}`, `{,}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var row table.Row
		direct := row.UnmarshalJSON(data)
		var want map[string]any
		if json.Unmarshal(data, &want) != nil || want == nil {
			return
		}
		if direct != nil && len(want) < table.MaxColumns {
			t.Fatalf("%q: %v", data, direct)
		}
		if len(row) != len(want) && direct == nil {
			t.Fatalf("%q: %d cells, want %d", data, len(row), len(want))
		}
		for _, cell := range row {
			if v, ok := want[cell.Key].(string); ok && v != cell.Value.Text {
				t.Fatalf("%q: got %q, want %q", data, cell.Value.Text, v)
			}
			if v, ok := want[cell.Key].([]any); ok && len(v) != len(cell.Value.List) {
				t.Fatalf("%q: got %q, want %q", data, cell.Value.List, v)
			}
		}
	})
}

func TestRow_Get(t *testing.T) {
	var row table.Row
	if err := json.Unmarshal([]byte(`{"Main Label":"a","x":"b","main_label":"c"}`), &row); err != nil {
		t.Fatal(err)
	}
	if v, ok := row.Get("MAIN-LABEL"); !ok || v.Text != "c" {
		t.Errorf("got %v, %v", v, ok)
	}
	if _, ok := row.Get("none"); ok {
		t.Error("found what is not there")
	}
	if diff := cmp.Diff("x=\"b\"\n", brief([]table.Row{row.Without("mainlabel", "other")})); diff != "" {
		t.Error(diff)
	}
	if len(row) != 3 {
		t.Error("Without has changed the row")
	}
}
