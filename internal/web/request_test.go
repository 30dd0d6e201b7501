package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/classify"
	"github.com/credenza-dev/credenza/internal/intake"
	"github.com/credenza-dev/credenza/internal/web"
)

// asked is what came of a request.
type asked struct {
	Mode  catalog.Mode
	Items []catalog.Item
}

// noting echoes, and remembers the call.
func noting(a *asked) fakeEngine {
	return fakeEngine{run: func(ctx context.Context, call classify.Call, next classify.Source, send classify.Sink) (catalog.Summary, error) {
		a.Mode = call.Options.Mode
		return echo(ctx, call, func(ctx context.Context) (*catalog.Item, error) {
			item, err := next(ctx)
			if err == nil {
				a.Items = append(a.Items, *item)
			}
			return item, err
		}, send)
	}}
}

func TestGoodRequests(t *testing.T) {
	named := func(names ...string) []catalog.Item {
		items := make([]catalog.Item, len(names))
		for i, name := range names {
			items[i].Name = name
		}
		return items
	}
	for name, tt := range map[string]struct {
		body string
		want asked
	}{
		"texts":                    {`{"data":[{"Product Name":"a"},{"title":"b"}],"toggle":1,"product_column":"Product URL"}`, asked{catalog.ModeText, named("a", "b")}},
		"keys in another order":    {`{"product_column":"Link","toggle":0,"data":[{"Link":"https://l"}]}`, asked{catalog.ModeImage, []catalog.Item{{ProductURL: "https://l"}}}},
		"the default column":       {`{"data":[{"Product URL":"https://l","image_url":"https://i"}],"toggle":0}`, asked{catalog.ModeImage, []catalog.Item{{ProductURL: "https://l", ImageURL: "https://i"}}}},
		"the column of a number":   {`{"data":[{"5":"https://l"}],"toggle":0,"product_column":5}`, asked{catalog.ModeImage, []catalog.Item{{ProductURL: "https://l"}}}},
		"no column":                {`{"data":[{"Product URL":"https://l"}],"toggle":0,"product_column":null}`, asked{catalog.ModeImage, []catalog.Item{{ProductURL: "https://l"}}}},
		"another picture key":      {`{"data":[{"ImageUrl":"https://i"},{"product":"https://p"}],"toggle":0}`, asked{catalog.ModeImage, []catalog.Item{{ImageURL: "https://i"}, {ProductURL: "https://p"}}}},
		"a blank picture":          {`{"data":[{"Product URL":NaN,"name":"a"}],"toggle":0}`, asked{catalog.ModeImage, named("a")}},
		"numbers for texts":        {`{"data":[{"name":42,"price":129.0,"seats":3,"indoor":true}],"toggle":1}`, asked{catalog.ModeText, []catalog.Item{{Name: "42", PriceRange: "129", Attributes: map[string]string{"seats": "3", "indoor": "true"}}}}},
		"nothing, in all forms":    {`{"data":[{"name":"a","b":NaN,"c":null,"d":"nan","e":"None","f":-Infinity,"g":"","h":[]}],"toggle":1}`, asked{catalog.ModeText, named("a")}},
		"keys twice":               {`{"data":[{"name":"x"}],"toggle":5,"data":[{"name":"b","name":"a"}],"toggle":1}`, asked{catalog.ModeText, named("a")}},
		"other keys":               {`{"version":{"data":[1]},"data":[{"name":"a"}],"toggle":1,"x":[[[]]]}`, asked{catalog.ModeText, named("a")}},
		"with a byte order mark":   {"\xef\xbb\xbf" + `{"data":[{"name":"a"}],"toggle":1}`, asked{catalog.ModeText, named("a")}},
		"toggle as a text":         {`{"data":[{"name":"a"}],"toggle":" 1 "}`, asked{catalog.ModeText, named("a")}},
		"toggle as a decimal":      {`{"data":[{"name":"a"}],"toggle":1.0}`, asked{catalog.ModeText, named("a")}},
		"toggle as both":           {`{"data":[{"name":"a"}],"toggle":"1.0"}`, asked{catalog.ModeText, named("a")}},
		"toggle as true":           {`{"data":[{"name":"a"}],"toggle":true}`, asked{catalog.ModeText, named("a")}},
		"toggle as false":          {`{"data":[{"image_url":"https://i"}],"toggle":false}`, asked{catalog.ModeImage, []catalog.Item{{ImageURL: "https://i"}}}},
		"the column is the name's": {`{"data":[{"Name":"a"}],"toggle":1,"product_column":"Name"}`, asked{catalog.ModeText, named("a")}},
		"a huge column":            {`{"data":[{"name":"a"}],"toggle":1,"product_column":1e999}`, asked{catalog.ModeText, named("a")}},
		"a key of the row's":       {`{"data":[{"name":"a","id":7}],"toggle":1}`, asked{catalog.ModeText, []catalog.Item{{Name: "a", Attributes: map[string]string{"id": "7"}}}}},
		"columns by choice": {
			`{"data":[{"Titre":"a","name":"b","Stock":3,"price":1,"lien":"https://l"}],"toggle":1,"columns":{"product_name":"titre","Stock":"","price":"","product_url":"Lien"}}`,
			asked{catalog.ModeText, []catalog.Item{{Name: "a", ProductURL: "https://l", Attributes: map[string]string{"name": "b"}}}},
		},
		"no columns by choice": {`{"data":[{"Titre":"a","Stock":3}],"toggle":1,"columns":null}`, asked{catalog.ModeText, []catalog.Item{{Attributes: map[string]string{"Titre": "a", "Stock": "3"}}}}},
		"a picture by choice":  {`{"data":[{"Foto":"https://i"}],"toggle":0,"columns":{"image_url":"Foto"}}`, asked{catalog.ModeImage, []catalog.Item{{ImageURL: "https://i"}}}},
		"columns of shops are no names here": {`{"data":[{"Body (HTML)":"a","Variant SKU":"b","Handle":"c"}],"toggle":1}`, asked{catalog.ModeText, []catalog.Item{{Attributes: map[string]string{
			"Body (HTML)": "a", "Variant SKU": "b", "Handle": "c",
		}}}}},
		"spaced out": {" \r\n{ \"data\" :\t[ { \"name\" : \"a\" } ] , \"toggle\" : 1 } \n\n", asked{catalog.ModeText, named("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			var got asked
			r := start(t, setup{engine: noting(&got)})
			if reply := r.ask(t, "POST", classifyPath, tt.body); reply.status != 200 {
				t.Fatalf("%d %s", reply.status, reply.body)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	deep := strings.Repeat("[", 200_000)
	for name, tt := range map[string]struct {
		body    string
		headers []string
		status  int
		says    string
	}{
		"no rows":                    {`{"data":[],"toggle":1}`, nil, 400, "No data provided"},
		"no rows and a bad toggle":   {`{"data":[],"toggle":7}`, nil, 400, "No data provided"},
		"another toggle":             {`{"data":[{"name":"a"}],"toggle":2}`, nil, 400, "Toggle must be 0 or 1"},
		"a negative toggle":          {`{"data":[{"name":"a"}],"toggle":"-1"}`, nil, 400, "Toggle must be 0 or 1"},
		"no picture key":             {`{"data":[{"image_url":"https://i"},{"name":"a"}],"toggle":0}`, nil, 400, `Item 2 has neither the column "Product URL"`},
		"no data":                    {`{"toggle":1}`, nil, 422, "Field required"},
		"no toggle":                  {`{"data":[{"name":"a"}]}`, nil, 422, "Field required"},
		"data is null":               {`{"data":null,"toggle":1}`, nil, 422, "list of objects"},
		"data is an object":          {`{"data":{"name":"a"},"toggle":1}`, nil, 422, "list of objects"},
		"a row is a text":            {`{"data":[{"name":"a"},"b"],"toggle":1}`, nil, 422, "must be an object"},
		"a row is NaN":               {`{"data":[NaN],"toggle":1}`, nil, 422, "must be an object"},
		"toggle is a word":           {`{"data":[{"name":"a"}],"toggle":"text"}`, nil, 422, "whole number"},
		"toggle is a fraction":       {`{"data":[{"name":"a"}],"toggle":0.5}`, nil, 422, "whole number"},
		"toggle is null":             {`{"data":[{"name":"a"}],"toggle":null}`, nil, 422, "whole number"},
		"toggle is NaN":              {`{"data":[{"name":"a"}],"toggle":NaN}`, nil, 422, "whole number"},
		"toggle is hexadecimal":      {`{"data":[{"name":"a"}],"toggle":"0x1p0"}`, nil, 422, "whole number"},
		"toggle has an exponent":     {`{"data":[{"name":"a"}],"toggle":"1e0"}`, nil, 422, "whole number"},
		"toggle is a list":           {`{"data":[{"name":"a"}],"toggle":[1]}`, nil, 422, "whole number"},
		"toggle is huge":             {`{"data":[{"name":"a"}],"toggle":1e300}`, nil, 422, "whole number"},
		"the column is a list":       {`{"data":[{"name":"a"}],"toggle":1,"product_column":["a"]}`, nil, 422, "must be a text"},
		"columns are a list":         {`{"data":[{"name":"a"}],"toggle":1,"columns":["a"]}`, nil, 422, "columns must be an object"},
		"a field that is none":       {`{"data":[{"name":"a"}],"toggle":1,"columns":{"colour":"x"}}`, nil, 422, "is not a field"},
		"no JSON":                    {`name=a`, nil, 422, "JSON decode error"},
		"nothing":                    {``, nil, 422, "ends too early"},
		"a list":                     {`[{"name":"a"}]`, nil, 422, "must be an object"},
		"cut off":                    {`{"data":[{"name":"a"},{"na`, nil, 422, "ends too early"},
		"cut off between rows":       {`{"data":[{"name":"a"},`, nil, 422, "JSON decode error"},
		"a comma too many":           {`{"data":[{"name":"a"},],"toggle":1}`, nil, 422, "JSON decode error"},
		"something after it":         {`{"data":[{"name":"a"}],"toggle":1}{}`, nil, 422, "something follows"},
		"single quotes":              {`{'data':[]}`, nil, 422, "JSON decode error"},
		"not UTF-8":                  {"{\"data\":[{\"name\":\"caf\xe9\"}],\"toggle\":1}", nil, 422, "not in UTF-8"},
		"deep":                       {`{"data":[{"name":` + deep, nil, 422, "JSON decode error"},
		"deep, outside of the rows":  {`{"x":` + deep, nil, 422, "JSON decode error"},
		"deep instead of the object": {deep, nil, 422, "must be an object"},
		"a row of many keys":         {`{"data":[{` + manyKeys(1001) + `}],"toggle":1}`, nil, 422, "at most 1000 keys"},
		"many rows":                  {`{"data":[` + strings.Repeat(`{},`, 500) + `{}],"toggle":1}`, nil, 413, "more than 100 rows"},
		"many bytes":                 {`{"data":[{"name":"` + strings.Repeat("x", 2<<20) + `"}],"toggle":1}`, nil, 413, "more than 1048576 bytes"},
		"many bytes after it":        {`{"data":[{"name":"a"}],"toggle":1}` + strings.Repeat(" ", 2<<20), nil, 413, "more than 1048576 bytes"},
		"no gzip":                    {`{"data":[{"name":"a"}],"toggle":1}`, []string{"Content-Encoding: gzip"}, 400, "announced as gzip"},
		"half of a gzip":             {"\x1f\x8b", []string{"Content-Encoding: gzip"}, 400, "announced as gzip"},
		"another encoding":           {"{}", []string{"Content-Encoding: br"}, 415, "gzip"},
		"gzip twice":                 {"{}", []string{"Content-Encoding: gzip", "Content-Encoding: gzip"}, 415, "gzip"},
		"many bytes in few":          {string(pack(t, `{"data":[{"name":"`+strings.Repeat("x", 2<<20)+`"}],"toggle":1}`)), []string{"Content-Encoding: gzip"}, 413, "more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{config: web.Config{MaxItems: 100, MaxBodyBytes: 1 << 20}})
			got := r.ask(t, "POST", classifyPath, tt.body, tt.headers...)
			if got.status != tt.status || !strings.Contains(detail(t, got.body), tt.says) {
				t.Errorf("%d %.300s, want %d with %q", got.status, got.body, tt.status, tt.says)
			}
			if strings.Contains(got.body, "INVALID_REQUEST") {
				t.Errorf("the reason of another protocol is in %.300s", got.body)
			}
			if r.logs.FilterMessage("finished call").Len() != 1 {
				t.Error("the log does not tell of it once")
			}
		})
	}
}

func manyKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	return strings.Join(keys, ",")
}

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestGzippedRequest(t *testing.T) {
	var got asked
	r := start(t, setup{engine: noting(&got)})
	for _, encoding := range []string{"gzip", "GZIP", "x-gzip"} {
		got = asked{}
		reply := r.ask(t, "POST", classifyPath, string(pack(t, `{"data":[{"name":"a"},{"name":"b","gap":NaN}],"toggle":1}`)), "Content-Encoding: "+encoding)
		if reply.status != 200 || len(got.Items) != 2 || got.Items[1].Name != "b" {
			t.Errorf("%s: %d %s, %+v", encoding, reply.status, reply.body, got)
		}
	}
}

// A bomb is refused by its ratio, long before the limit of a body.
func TestGzippedRequest_IsNoBomb(t *testing.T) {
	r := start(t, setup{})
	bomb := string(pack(t, `{"data":[{"name":"`+strings.Repeat("x", 16<<20)+`"}],"toggle":1}`))
	before := heapTotal()
	got := r.ask(t, "POST", classifyPath, bomb, "Content-Encoding: gzip")
	if took := heapTotal() - before; got.status != 413 || !strings.Contains(got.body, "more than 200 times") || took > 24<<20 {
		t.Errorf("%d %s, and %d MiB were allocated", got.status, got.body, took>>20)
	}
}

// What a body unpacks to takes room as what comes unpacked does.
func TestGzippedRequest_TakesRoomForItsRows(t *testing.T) {
	large := `{"data":[{"name":"` + strings.Repeat("x", 1<<20) + `"}],"toggle":1}`
	for name, body := range map[string]string{"compressed": string(pack(t, large)), "not compressed": large} {
		r := start(t, setup{config: web.Config{MaxBodyBytes: 2 << 20, Intake: intake.New(512 << 10)}})
		var headers []string
		if name == "compressed" {
			headers = []string{"Content-Encoding: gzip"}
		}
		if got := r.ask(t, "POST", classifyPath, body, headers...); got.status != 503 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
}

func heapTotal() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// The rows are kept as they came, and let go of one by one.
func TestMemoryOfARequest(t *testing.T) {
	const size = 3 << 20
	for name, body := range map[string]string{
		"many short values": `{"toggle":1,"data":[` + strings.Repeat(`{`+manyKeys(900)+`},`, size/9000) + `{}]}`,
		"white space":       `{"toggle":1,` + strings.Repeat(" ", 8*size) + `"data":[{"name":"a  b"}` + strings.Repeat("\n", 8*size) + `]}`,
		"one long text":     `{"toggle":1,"data":[{"name":"` + strings.Repeat("x", size) + `"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var used uint64
			r := start(t, setup{engine: fakeEngine{run: func(ctx context.Context, _ classify.Call, next classify.Source, _ classify.Sink) (catalog.Summary, error) {
				_, err := next(ctx)
				used = heap()
				for err == nil {
					_, err = next(ctx)
				}
				return catalog.Summary{}, nil
			}}})
			before := heap()
			if got := r.ask(t, "POST", classifyPath, body); got.status != 200 {
				t.Fatalf("%d %.200s", got.status, got.body)
			}
			if grown := int64(used) - int64(before); grown > int64(len(body))*3/2+1<<20 {
				t.Errorf("%d bytes take %d", len(body), grown)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What is no request is refused as one, and never a fault of ours; what is one is
// answered with a result for each row.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"data":[{"name":"a","x":NaN}],"toggle":1}`, `{"data":[{"image_url":"b"}],"toggle":0,"product_column":"c"}`,
		`{"data":[],"data":[{}],"toggle":"1.0"}`, `{"data":[{"a":[1,{"b":null}]}],"toggle":true}x`, "\xef\xbb\xbf{", `{"data":[{"a`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got asked
		r := start(t, setup{config: web.Config{MaxItems: 100, MaxBodyBytes: 1 << 16}, engine: noting(&got)})
		reply := r.ask(t, "POST", classifyPath, string(body))
		switch reply.status {
		case 200:
			events := parseEvents(t, reply.body)
			if len(events) != len(got.Items)+1 {
				t.Errorf("%d events for %d items", len(events), len(got.Items))
			}
		case 400, 413, 422:
			if detail(t, reply.body) == "" || !json.Valid([]byte(reply.body)) {
				t.Errorf("%d without a detail: %s", reply.status, reply.body)
			}
		default:
			t.Errorf("status %d: %s", reply.status, reply.body)
		}
	})
}
