package table_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/table"
)

func TestReader_FindsTheRowsOfJSON(t *testing.T) {
	two := "name=\"a\" price=\"1\"\nname=\"b\" price=\"2\"\n"
	byID := "id=\"x\" name=\"a\" price=\"1\"\nid=\"y\" name=\"b\" price=\"2\"\n"
	rows := `{"name":"a","price":1},{"name":"b","price":2}`
	readsAs(t, map[string]reading{
		"under products":         {`{"products":[` + rows + `]}`, two},
		"our own request":        {`{"toggle":1,"data":[` + rows + `],"product_column":"x"}`, two},
		"of Python":              {"[{'name': 'a', 'price': 1, 'x': None}, {'name': \"b\", 'price': 2, 'y': [True, '//{\"\\'']}]", "name=\"a\" price=\"1\" x=\"\"\nname=\"b\" price=\"2\" y=\"true, //{\\\"'\"\n"},
		"of Python, extras":      {"[{'name': 'a // b', 'price': 1,}]", "name=\"a // b\" price=\"1\"\n"},
		"of a script":            {`var x = [{name: "a", price: 1}, {name: "b", price: 2}];`, two},
		"a call around it":       {`f({"products":[` + rows + `]});`, two},
		"a guard in front":       {")]}',\n[" + rows + "]", two},
		"of MongoDB's shell":     {`{"name" : "a", "price" : NumberInt(1)} {"name" : "b", "price" : NumberDecimal("2")}`, two},
		"escapes of others":      {`[{"name":"a","price":1,"x":"\x41\'	b"}]`, "name=\"a\" price=\"1\" x=\"A'\\tb\"\n"},
		"marks between lines":    {"\ufeff" + `{"name":"a","price":1}` + "\n\ufeff" + `{"name":"b","price":2}`, two},
		"a range of a sheet":     {`{"range":"A1:B3","values":[["name","price"],["a",1],["b",2]]}`, two},
		"headers and rows":       {`{"headers":["name","price"],"rows":[["a",1],["b",2]]}`, two},
		"of DynamoDB":            {`{"Items":[{"name":{"S":"a"},"price":{"N":"1"}},{"name":{"S":"b"},"price":{"N":"2"}}]}`, two},
		"of Firestore":           {`{"documents":[{"name":"projects/p/databases/d/documents/p/7","fields":{"title":{"stringValue":"a"},"tags":{"arrayValue":{"values":[{"stringValue":"x"}]}}}}]}`, "id=\"7\" title=\"a\" tags=\"x\"\n"},
		"under any name":         {`{"count":2,"ergebnis":[` + rows + `],"next":null}`, two},
		"a titled file":          {`{"title":"Feed","description":"x","items":[` + rows + `]}`, two},
		"deeply nested":          {`{"data":{"shop":{"name":"x"},"list":{"products":[` + rows + `]}}}`, two},
		"edges and nodes":        {`{"data":{"products":{"edges":[{"node":{"name":"a","price":1}},{"node":{"name":"b","price":2}}]}}}`, two},
		"hits of a search":       {`{"hits":{"hits":[{"_id":"x","_source":{"name":"a","price":1}},{"_id":"y","_source":{"name":"b","price":2}}]}}`, "_id=\"x\" name=\"a\" price=\"1\"\n_id=\"y\" name=\"b\" price=\"2\"\n"},
		"several pages":          {`{"products":[{"name":"a","price":1}]}` + "\n" + `{"products":[{"name":"b","price":2}],"end":true}`, two},
		"by their ids":           {`{"x":{"name":"a","price":1},"y":{"name":"b","price":2}}`, byID},
		"by their ids, below":    {`{"products":{"x":{"name":"a","price":1},"y":{"name":"b","price":2}}}`, byID},
		"columns by number":      {`{"name":{"0":"a","1":"b"},"price":{"0":1,"1":2}}`, two},
		"columns as lists":       {`{"name":["a","b"],"price":[1,2]}`, two},
		"columns by name":        {`{"name":{"x":"a","y":"b"},"price":{"x":1,"y":2}}`, byID},
		"names of one row":       {`{"name":{"raw":"a","value":"b"},"price":{"raw":1,"value":2}}`, "name=\"b\" price=\"2\"\n"},
		"behind a list of terms": {`{"facets":[{"name":"x","n":1},{"name":"y","n":2}],"result":{"items":[` + rows + `]}}`, two},
		"a list for each kind":   {`{"beds":[{"name":"a","price":1}],"n":[{"name":"x","count":1},2],"o":{"p":["]}"]},"q":"},]","rugs":[],"sofas" : [ {"name":"b","price":2}],"end":null}`, two},
		"the same, deeper":       {`{"shop":{"beds":[{"name":"a","price":1}],"sofas":[{"name":"b","price":2}]}}`, two},
		"products by category":   {`{"categories":[{"id":1,"name":"Beds","products":[{"name":"a"},{"name":"b","category":"x"}]},{"name":"Rugs","products":[]},{"name":"Sofas","products":[{"name":"c"}]}]}`, "name=\"a\" category=\"Beds\"\nname=\"b\" category=\"x\"\nname=\"Rugs\" products=\"\"\nname=\"c\" category=\"Sofas\"\n"},
		"the same in lines":      {"{\"category\":\"Beds\",\"products\":[{\"name\":\"a\"}]}\n{\"category\":\"Sofas\",\"products\":[{\"name\":\"b\"}]}\n", "name=\"a\" category=\"Beds\"\nname=\"b\" category=\"Sofas\"\n"},
		"a set":                  {`[{"name":"a","price":1,"products":[{"name":"leg"}]}]`, "name=\"a\" price=\"1\" products=\"leg\"\n"},
		"further lists":          {`{"products":[` + rows + `],"related":[{"name":"c","price":1}]}`, two},
		"a split data frame":     {`{"columns":["name","price"],"index":[0,1],"data":[["a",1],["b",2]]}`, two},
		"a data frame's table":   {`{"schema":{"fields":[{"name":"name","type":"string"}]},"data":[` + rows + `]}`, two},
		"columns as objects":     {`{"columns":[{"name":"name","type":"varchar"},{"name":"price"}],"data":[["a",1],["b",2]]}`, two},
		"columns further inside": {`{"meta":{"view":{"name":"Shop","columns":[{"id":1,"name":"name"},{"id":2,"name":"price"}]}},"data":[["a",1],["b",2]]}`, two},
		"columns next to rows":   {`{"features":[{"name":"name","type":"x"}],"rows":[{"row_idx":0,"row":{"name":"a","price":1}},{"row_idx":1,"row":{"name":"b","price":2}}]}`, "row_idx=\"0\" name=\"a\" price=\"1\"\nrow_idx=\"1\" name=\"b\" price=\"2\"\n"},
		"of a module":            {"export const x: Item[] = [\n{name: 'a', price: 1},\n{name: 'b', price: 2},\n];", two},
		"names of objects":       {`[{"name":"a","price":1,"breadcrumbs":[{"name":"x","url":"https://s/x"}],"category":{"categoryId":"3","categoryName":"y"}}]`, "name=\"a\" price=\"1\" breadcrumbs=\"x\" category=\"y\"\n"},
		"of Notion":              {`{"results":[{"id":"x","properties":{"name":{"id":"t","type":"title","title":[{"type":"text","text":{"content":"a"}}]},"price":{"id":"p","type":"number","number":1}}}]}`, "id=\"x\" name=\"a\" price=\"1\"\n"},
		"products in objects":    {`{"objects":[{"type":"ITEM","id":"x","item_data":{"name":"a","description":"s"},"brand":{"name":"b"}}]}`, "type=\"ITEM\" id=\"x\" brand=\"b\" name=\"a\" description=\"s\"\n"},
		"lists of equal names":   {`{"products":[` + rows + `],"values":[{"name":"Colour"}]}`, two},
		"rows of another kind":   {`{"sofas":[` + rows + `],"rows":[{"x":1}]}`, two},
		"a table next to rows":   {`{"products":[` + rows + `],"data":[[1,2]],"meta":{"fields":["x"]}}`, two},
		"a table of a product":   {`[{"x":1}]` + "\n" + `{"name":"a","rows":[["w","1"]],"spec":{"headers":["k","v"]}}`, "x=\"1\"\nname=\"a\" rows=\"[\\\"w\\\",\\\"1\\\"]\" spec=\"{\\\"headers\\\":[\\\"k\\\",\\\"v\\\"]}\"\n"},
		"names above the rows":   {`{"values":[["name","price"],["a",1],["b",2]],"properties":{"header":["x","y"]}}`, two},
		"a name of a unit":       {`[{"name":"a","price":{"price":1,"currency_name":"EUR"}}]`, "name=\"a\" price=\"{\\\"price\\\":1,\\\"currency_name\\\":\\\"EUR\\\"}\"\n"},
		"a product's maker":      {`[{"sku":"x","Bezeichnung (DE)":"a","maker":{"name":"b","description":"c"}}]`, "sku=\"x\" Bezeichnung (DE)=\"a\" maker=\"b\"\n"},
		"a described category":   {`[{"sku":"x","category":{"name":"b","description":"c"},"brand":{"name":"d","description":"e"}}]`, "sku=\"x\" category=\"b\" brand=\"d\"\n"},
		"quotes in a key":        {`{"a\"b":{"name":"a","price":1},"c\\":{"name":"b","price":2}}`, "id=\"a\\\"b\" name=\"a\" price=\"1\"\nid=\"c\\\\\" name=\"b\" price=\"2\"\n"},
		"lists below names":      {`[["name","price"],["a",1],["b",2]]`, two},
		"comments":               {"// exported\n{\"name\":\"a\",\"price\":1}\n// more\n{\"name\":\"b\",\"price\":2}\n", two},
		"commas between lines":   {"{\"name\":\"a\",\"price\":1},\n{\"name\":\"b\",\"price\":2},\n", two},
		"a comma at the end":     {`[` + rows + `,]`, two},
		"no comma between":       {`[{"name":"a","price":1} {"name":"b","price":2}]`, two},
		"comments of both kinds": {"[ /* first */ {\"name\":\"a\", // x\n\"price\":1}, /* {\"name\":\"no\"} */ {\"name\":\"b\" /* , */ ,\"price\":2}]", two},
		"a comma at each end":    {"[{\"name\":\"a\",\"price\":1,},\n{\"name\":\"b\",\"price\":2,},]", two},
		"a list of schema.org":   {`{"@context":"https://schema.org","@type":"ItemList","itemListElement":[{"@type":"ListItem","position":1,"item":{"name":"a"}}]}`, "@type=\"ListItem\" position=\"1\" name=\"a\"\n"},
		"an empty page":          {`{"products":[` + rows + `]}` + "\n" + `{"products":[],"end":true}`, two},
		"keys of MongoDB":        {`{"_id":{"$oid":"5f"},"name":"a"}`, "_id=\"5f\" name=\"a\"\n"},
		"values of Akeneo":       {`{"identifier":"x","values":{"name":[{"locale":"de_DE","data":"Lampe"},{"locale":"en_US","scope":null,"data":"Lamp"}],"price":[{"data":[{"amount":"5","currency":"EUR"}]}]}}`, "identifier=\"x\" name=\"Lamp\" price=\"5\"\n"},
		"attributes of Magento":  {`{"name":"a","custom_attributes":[{"attribute_code":"description","value":"Soft"},{"attribute_code":"name","value":"x"}],"attributes":[{"name":"Color","options":["red"]}]}`, "name=\"a\" description=\"Soft\" Color=\"red\"\n"},
		"a row with a list":      {`{"name":"a","parts":[{"name":"leg"}]}`, "name=\"a\" parts=\"leg\"\n"},
		"a row without a name":   {`{"sku":"1","images":[{"url":"http://x/1.jpg","w":9}]}`, "sku=\"1\" images=\"http://x/1.jpg\"\n"},
		"a name by language":     {`{"id":1,"name":{"de":"Lampe","en":"Lamp"}}`, "id=\"1\" name=\"Lamp\"\n"},
		"a name in one language": {`{"id":1,"name":{"de":"Lampe"}}`, "id=\"1\" name=\"Lampe\"\n"},
		"the product in a row":   {`{"id":1,"product":{"name":"Lamp","id":7}}`, "id=\"1\" name=\"Lamp\"\n"},
		"variants":               {`{"title":"Sofa","variants":[{"title":"x","price":"5.00","sku":"007"}]}`, "title=\"Sofa\" variants=\"x\" price=\"5.00\" sku=\"007\"\n"},
		"an object of more":      {`{"name":"a","size":{"w":1,"h":2}}`, "name=\"a\" size=\"{\\\"w\\\":1,\\\"h\\\":2}\"\n"},
		"ids as they are":        {`{"id":12.0,"name":"a"}{"id":1e5,"name":"b"}{"id":9007199254740993,"name":"c"}`, "id=\"12.0\" name=\"a\"\nid=\"1e5\" name=\"b\"\nid=\"9007199254740993\" name=\"c\"\n"},
	})
}

// lines reads a file to its end and returns each row's first value or the error of the
// row, with its line.
func lines(t *testing.T, text string, cfg table.ReaderConfig) []string {
	t.Helper()
	r, err := table.NewReader(strings.NewReader(text), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return got
		}
		if ofRow, ok := errors.AsType[*table.RowError](err); ok {
			got = append(got, fmt.Sprintf("%d unreadable", ofRow.Line))
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s", r.Line(), row[0].Value.Text))
	}
}

func TestReader_GoesOnAfterABadObject(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a brace missing":    {"{\"a\":1}\n{\"a\":2\n{\"a\":3}\n", []string{"1 1", "2 unreadable", "3 3"}},
		"a comma at the end": {"{\"a\":1}\n{\"a\":2,\n{\"a\":3}\n", []string{"1 1", "2 unreadable", "3 3"}},
		"a quote missing":    {"{\"a\":1}\n{\"a\":\"2}\n{\"a\":3}\n", []string{"1 1", "2 unreadable", "3 3"}},
		"a wrong word":       {"{\"a\":1}\n{\"a\":two}\n{\"a\":3}\n", []string{"1 1", "2 unreadable", "3 3"}},
		"no object":          {"{\"a\":1}\nhello, world\n{\"a\":3}\n", []string{"1 1", "2 unreadable", "2 unreadable", "3 3"}},
		"in an array":        {"[{\"a\":1},\n{\"a\":two},\n5,\n{\"a\":3}]\n", []string{"1 1", "2 unreadable", "3 unreadable", "4 3"}},
		"the last, cut off":  {"{\"a\":1}\n{\"a\":2", []string{"1 1", "2 unreadable"}},
		"the first":          {"{\"a\":\n{\"a\":2}\n{\"a\":3}\n", []string{"1 unreadable", "3 3"}},
		"spread over lines":  {"{\n\"a\":\n1,\n\"b\": [\n{\n}\n]\n}\n{\"a\":2}", []string{"1 1", "9 2"}},
		"lists of too much":  {"[[\"name\"],[1,2],[3]]", []string{"1 unreadable", "1 3"}},
		"objects too deep":   {strings.Repeat(`{"product":`, 101) + "1" + strings.Repeat("}", 101) + "\n{\"name\":\"b\"}", []string{"1 unreadable", "2 b"}},
		"a nested list cut":  {"{\"products\":[{\"a\":1,\"name\":1},\n{\"a\":x}]}", []string{"1 1", "2 unreadable"}},
		"a line end in text": {"{\"a\":\"x\ny\"}\n{\"a\":2}\n", []string{"1 unreadable", "2 unreadable", "3 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(t, c.text, table.ReaderConfig{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A file of one object that is longer than a row may be is read in passing.
func TestReader_ReadsLongWrappedLists(t *testing.T) {
	const n = 5_000
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, ",{\"id\":%d,\"title\":\"Oak table\"}", i)
	}
	for name, text := range map[string]string{
		"a list":   `{"page":1,"products":[` + list.String()[1:] + `],"end":true}`,
		"by their": `{"products":{` + strings.ReplaceAll(list.String()[1:], `{"id":`, `"k":{"id":`) + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(text)) {
				t.Fatal("the test's own text is not JSON")
			}
			if got := lines(t, text, table.ReaderConfig{MaxRowBytes: 1_000}); len(got) != n || got[n-1] != fmt.Sprint("1 ", n-1) {
				t.Errorf("%d rows, the last %q", len(got), got[max(0, len(got)-1)])
			}
		})
	}
}
