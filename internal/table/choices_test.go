package table_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

func TestMapping_Choices(t *testing.T) {
	choices := func(texts ...string) (cfg table.MappingConfig) {
		for _, text := range texts {
			choice, err := table.ParseColumnChoice(text)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Choices = append(cfg.Choices, choice)
		}
		return cfg
	}
	rows := []string{`{"Handle":"h","Title":"a","Kurztitel":"b","Price":"9","Stock":"3","Colour":"red"}`, `{"Handle":"h","Kurztitel":"c"}`}
	for name, c := range map[string]struct {
		cfg  table.MappingConfig
		want catalog.Item
	}{
		"another name":        {choices("name=kurztitel"), catalog.Item{ID: "h", Name: "b", PriceRange: "9", Attributes: map[string]string{"Title": "a", "Colour": "red"}}},
		"a field left out":    {choices("price="), catalog.Item{ID: "h", Name: "a", Attributes: map[string]string{"Kurztitel": "b", "Colour": "red"}}},
		"a column left out":   {choices("Colour=", "Kurztitel="), catalog.Item{ID: "h", Name: "a", PriceRange: "9"}},
		"bookkeeping is back": {choices("attribute=Stock"), catalog.Item{ID: "h", Name: "a", PriceRange: "9", Attributes: map[string]string{"Kurztitel": "b", "Stock": "3", "Colour": "red"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := mapped(t, c.cfg, rows...)
			if diff := cmp.Diff(c.want, got[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, _ := mapped(t, choices("parent="), rows...); got[1].Name != "" {
		t.Errorf("without a parent, the second row is %q", got[1].Name)
	}
}

func TestMapping_WrongChoices(t *testing.T) {
	for text, want := range map[string]string{"x": "field=NAME", "=x": "field=NAME", "colour=x": `"colour" is not a field`} {
		if _, err := table.ParseColumnChoice(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := table.NewMapping(rowsOf(t, `{"a":"1","b":"2"}`), table.MappingConfig{Choices: []table.ColumnChoice{{Field: "id", Name: "c"}}})
	if err == nil || !strings.Contains(err.Error(), `no column "c": there are a, b`) {
		t.Error(err)
	}
}

func TestMapping_SaysWhatBecameOfColumns(t *testing.T) {
	_, m := mapped(t, table.MappingConfig{}, `{"Handle":"h","Title":"a","Vendor":"v","Variant SKU":"1","Status":"active","Empty":"","label":"x"}`)
	if want := "product_name from Title, id from Variant SKU or Handle; as attributes: Vendor, label; left out: Status"; m.String() != want {
		t.Errorf("got %q, want %q", m, want)
	}
	want := []table.ColumnMatch{
		{Column: "Handle", Field: "id", Values: []string{"h"}},
		{Column: "Title", Field: "product_name", Values: []string{"a"}},
		{Column: "Vendor", Field: "attribute", Values: []string{"v"}},
		{Column: "Variant SKU", Field: "id", Values: []string{"1"}},
		{Column: "Status", Field: "(left out)", Values: []string{"active"}},
		{Column: "Empty", Field: "attribute"},
		{Column: "label", Field: "attribute", Values: []string{"x"}},
	}
	if diff := cmp.Diff(want, m.Matches()); diff != "" {
		t.Error(diff)
	}
}

// Rows of any keys cost a bounded memory, and those that no row of the sample has are
// matched as they come.
func TestMapping_KeysThatTheSampleLacks(t *testing.T) {
	m, err := table.NewMapping(rowsOf(t, `{"name":"a"}`), table.MappingConfig{})
	if err != nil {
		t.Fatal(err)
	}
	got := m.Item(rowsOf(t, `{"name":"b","Image Src":"https://i/1.jpg","stock":3,"x":"y"}`)[0])
	want := &catalog.Item{Name: "b", ImageURL: "https://i/1.jpg", Attributes: map[string]string{"x": "y"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add("Image Src", "https://i/1.jpg, data:image/png;base64,x", "-")
	f.Add("g:title[de]#1", "=HYPERLINK(\"http://x\")", "['']")
	f.Add("1", "\u200b<http:/", "data:image/,")
	f.Fuzz(func(t *testing.T, key, value, other string) {
		row := table.Row{{Key: key, Value: table.TextValue(value)}, {Key: "image", Value: table.TextValue(other)}, {Key: "handle", Value: table.TextValue(value)}}
		m, err := table.NewMapping([]table.Row{row}, table.MappingConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := m.Item(row), m.Item(row); !cmp.Equal(a.Name, b.Name) {
			t.Errorf("the same row is %q and %q", a.Name, b.Name)
		}
		_, _ = m.String(), m.Matches()
	})
}

// TestNewMapping_ComparesNamesOnce has as many choices as a caller can send: to fold each
// name for each column would take minutes.
func TestNewMapping_ComparesNamesOnce(t *testing.T) {
	const columns, choices = 100, 1000
	var row table.Row
	for i := range columns {
		row = append(row, table.Cell{Key: fmt.Sprint("Column Nr. ", i), Value: table.TextValue("x")})
	}
	var config table.MappingConfig
	for i := range choices {
		config.Choices = append(config.Choices, table.ColumnChoice{Field: strings.Repeat(" ", i) + "column nr 99"})
	}
	allocations := testing.AllocsPerRun(1, func() {
		if _, err := table.NewMapping([]table.Row{row}, config); err != nil {
			t.Fatal(err)
		}
	})
	if most := float64(50 * (columns + choices)); allocations > most {
		t.Errorf("%v allocations, want at most %v", allocations, most)
	}
}
