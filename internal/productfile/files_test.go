package productfile_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/productfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder has files by their names.
type folder string

func (f folder) Open(_ catalog.Owner, id string) (catalog.Upload, *os.File, error) {
	file, err := os.Open(filepath.Join(string(f), id))
	if err != nil {
		return catalog.Upload{}, nil, err
	}
	info, err := file.Stat()
	return catalog.Upload{ID: id, Name: id, Bytes: info.Size()}, file, err
}

// words words each question in 400 bytes.
type words struct{}

func (words) System() string { return strings.Repeat("s", 200) }
func (words) Schema() string { return strings.Repeat("s", 100) }
func (words) AppendUser(b []byte, _ *catalog.Item, _ bool) []byte {
	return append(b, strings.Repeat("u", 100)...)
}

func files(t *testing.T, content string, config productfile.Config) *productfile.Files {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	config.Uploads = folder(dir)
	return productfile.New(config)
}

var view = productfile.View{Upload: "in"}

func TestDescribe_CountsWhatAModelIsAsked(t *testing.T) {
	const content = "name,image_url\nOak chair,\nOak chair,\nPine bed,https://shop.example/bed.jpg\n"
	for name, tt := range map[string]struct {
		config productfile.Config
		want   productfile.Total
		notes  int
	}{
		"shared":   {productfile.Config{Words: words{}, Shared: true, Pace: func() float64 { return 2 }}, productfile.Total{Rows: 3, Items: 3, Calls: 2, Prompt: 200 + 765, Completion: 300, Duration: time.Second}, 0},
		"each own": {productfile.Config{Words: words{}, Pace: func() float64 { return 1 }}, productfile.Total{Rows: 3, Items: 3, Calls: 3, Prompt: 300 + 765, Completion: 450, Duration: 3 * time.Second}, 0},
		"unknown":  {productfile.Config{Words: words{}, Shared: true, Pace: func() float64 { return 0 }}, productfile.Total{Rows: 3, Items: 3, Calls: 2, Prompt: 200 + 765, Completion: 300, Duration: time.Second / 8}, 1},
		"offline":  {productfile.Config{Shared: true}, productfile.Total{Rows: 3, Items: 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := files(t, content, tt.config).Describe(t.Context(), catalog.Owner{}, view)
			if err != nil || d.Total != tt.want || len(d.Notes) != tt.notes {
				t.Errorf("%+v %q (%v), want %+v", d.Total, d.Notes, err, tt.want)
			}
		})
	}
}

func TestDescribe_NamesEachColumnOfTheFile(t *testing.T) {
	d, err := files(t, ",title,title,Lagerplatz,\n1,Oak chair,x,B3,\n2,Pine bed,y,B4,z\n", productfile.Config{}).Describe(t.Context(), catalog.Owner{}, view)
	if err != nil {
		t.Fatal(err)
	}
	var names, fields []string
	for _, c := range d.Columns {
		names, fields = append(names, c.Name), append(fields, c.Field)
	}
	if !slices.Equal(names, []string{"", "title", "title", "Lagerplatz", ""}) || fields[0] != "" || fields[1] != "product_name" || fields[3] == "product_name" {
		t.Errorf("%q %q", names, fields)
	}
	if len(d.Rows) != 2 || len(d.Columns[1].Samples) != 2 || d.Columns[1].Samples[1] != "Pine bed" {
		t.Errorf("%+v", d)
	}
}

func TestDescribe_BoundsWhatItShows(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	d, err := files(t, "name,text\n"+strings.Repeat("Oak chair,"+long+"\n", 50), productfile.Config{}).Describe(t.Context(), catalog.Owner{}, view)
	if err != nil || len(d.Rows) != 20 || len(d.Rows[0][1]) != 1024 || len(d.Columns[1].Samples[0]) != 200 {
		t.Errorf("%d rows (%v)", len(d.Rows), err)
	}
}

func items(t *testing.T, content string) (all []catalog.Item) {
	t.Helper()
	list, err := files(t, content, productfile.Config{}).Items(t.Context(), catalog.Owner{}, view)
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	for {
		item, err := list.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := item.Check(); err != nil && !strings.HasPrefix(item.ID, "line ") {
			t.Errorf("%+v: %v", item, err)
		}
		all = append(all, *item)
	}
}

func TestItems_HaveTheirRows(t *testing.T) {
	got := items(t, "id;name;note\n1;Oak chair;a;b\n2;Pine bed\n3;Lamp;c;;\n")
	want := [][]string{{"1", "Oak chair", "a;b"}, {"2", "Pine bed"}, {"3", "Lamp", "c"}}
	for i, cells := range want {
		if len(got) != 3 || !slices.Equal(got[i].Row.Cells, cells) || len(got[i].Row.Columns) != 3 {
			t.Errorf("row %d is %q, want %q", i, got[i].Row, cells)
		}
	}
	got = items(t, `{"name": "Oak chair", "tags": ["a", "b"]}`+"\n{\n"+`{"price": 99.50, "name": "Pine bed", "size": null}`+"\n")
	if len(got) != 3 || !slices.Equal(got[0].Row.Columns, []string{"name", "tags", "price", "size"}) || !slices.Equal(got[0].Row.Cells, []string{"Oak chair", "a, b", "", ""}) ||
		got[1].ID != "line 2" || got[1].HasText() || !slices.Equal(got[2].Row.Cells, []string{"Pine bed", "", "99.50", ""}) {
		t.Errorf("%+v", got)
	}
}

func TestFiles_RefusesWhatIsNoFileOfProducts(t *testing.T) {
	for want, content := range map[string]string{"has no rows": "name\n", "is empty": " \n", "is neither text": "\x00\x01\x02\x00\x00", "have more than": strings.Repeat("x", 200_000) + ",name\na,b\n"} {
		if _, err := files(t, content, productfile.Config{}).Describe(t.Context(), catalog.Owner{}, view); !fault.Is(err, fault.InvalidRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := files(t, "name\n"+strings.Repeat("Oak chair\n", 1000), productfile.Config{}).Describe(ctx, catalog.Owner{}, view); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller has left: %v", err)
	}
}
