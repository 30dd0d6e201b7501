package table_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// Links around names and icons would have each row fetch a page or a picture that shows no
// product.
func TestMapping_LinksInCells(t *testing.T) {
	const page = `<table><tr><th>Name</th><th>Ampel</th><th>Foto</th><th>Produktlink</th></tr>
<tr><td><a href="https://x/edit/1">Sofa</a></td><td>ok <img src="https://x/green.png"></td><td>%FOTO</td><td>%LINK</td></tr></table>`
	const foto, link = `<a href="https://x/big"><img src="https://x/1.jpg"></a>`, `<a href="https://x/p/1">here</a>`
	for name, c := range map[string]struct {
		foto, link string
		choices    []table.ColumnChoice
		want       catalog.Item
	}{
		"elsewhere":            {want: catalog.Item{Name: "Sofa", Attributes: map[string]string{"Ampel": "ok"}}},
		"in a column for them": {foto: foto, link: link, want: catalog.Item{Name: "Sofa", ImageURL: "https://x/1.jpg", ProductURL: "https://x/p/1", Attributes: map[string]string{"Ampel": "ok"}}},
		"chosen":               {choices: []table.ColumnChoice{{Field: "product_url", Name: "Name (other link)"}}, want: catalog.Item{Name: "Sofa", ProductURL: "https://x/edit/1", Attributes: map[string]string{"Ampel": "ok"}}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, strings.NewReplacer("%FOTO", c.foto, "%LINK", c.link).Replace(page), table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			m, err := table.NewMapping(rows, table.MappingConfig{Choices: c.choices})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *m.Item(rows[0])); diff != "" {
				t.Errorf("%s\n%s", diff, m)
			}
			if !strings.Contains(m.String(), "left out: ") || !strings.Contains(m.String(), "Ampel (other link)") {
				t.Errorf("the links are left out unsaid: %s", m)
			}
		})
	}
}
