package table_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// rowsOf reads JSON lines.
func rowsOf(t testing.TB, lines ...string) []table.Row {
	t.Helper()
	rows := make([]table.Row, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// mapped returns the items of a file with the rows.
func mapped(t testing.TB, cfg table.MappingConfig, lines ...string) ([]catalog.Item, *table.Mapping) {
	t.Helper()
	rows := rowsOf(t, lines...)
	m, err := table.NewMapping(rows, cfg)
	if err != nil {
		t.Fatal(err)
	}
	items := make([]catalog.Item, len(rows))
	for i, row := range rows {
		items[i] = *m.Item(row)
	}
	return items, m
}

// Exports of shops' programs, and tables in several languages.
func TestMapping_ExportsOfShops(t *testing.T) {
	for name, c := range map[string]struct {
		row  string
		want catalog.Item
	}{
		"Shopify": {
			`{"Handle":"nora","Title":"Nora","Body (HTML)":"<p>Sofa</p>","Vendor":"V","Product Category":"Home > Sofas","Type":"Sofa","Tags":"a, b",
				"Published":"true","Option1 Name":"Title","Option1 Value":"Default Title","Variant SKU":"N-1","Variant Grams":"900",
				"Variant Price":"9","Variant Compare At Price":"12","Image Src":"https://i/1.jpg","SEO Title":"x","Status":"active"}`,
			catalog.Item{
				ID: "N-1", Name: "Nora", Description: "<p>Sofa</p>", Category: "Home > Sofas", Type: "Sofa", Tags: []string{"a", "b"},
				PriceRange: "9", ImageURL: "https://i/1.jpg", Attributes: map[string]string{"Vendor": "V"},
			},
		},
		"WooCommerce": {
			`{"ID":"44","Type":"variable","SKU":"N","Name":"Nora","Published":"1","Visibility in catalog":"visible","Short description":"Two-seat sofa for the hall and the flat",
				"Description":"Soft","Tax status":"taxable","In stock?":"1","Weight (kg)":"30","Regular price":"899","Categories":"Living > Sofas, Sale",
				"Images":"https://i/1.jpg, https://i/2.jpg","Parent":"","Attribute 1 value(s)":"red"}`,
			catalog.Item{
				ID: "44", Name: "Nora", Description: "Soft", Category: "Living > Sofas", PriceRange: "899", ImageURL: "https://i/1.jpg",
				Attributes: map[string]string{"Short description": "Two-seat sofa for the hall and the flat", "Attribute 1 value(s)": "red"},
			},
		},
		"Google Merchant": {
			`{"g:id":"1","g:title":"Nora","g:description":"Soft","g:link":"https://s/p","g:image_link":"https://i/1.jpg","g:price":"9 EUR",
				"g:availability":"in stock","g:product_type":"Home > Sofas","g:gtin":"400","g:brand":"B","g:google_product_category":"460","g:condition":"new"}`,
			catalog.Item{
				ID: "1", Name: "Nora", Description: "Soft", Category: "Home > Sofas", PriceRange: "9 EUR", ProductURL: "https://s/p",
				ImageURL: "https://i/1.jpg", Attributes: map[string]string{"g:brand": "B"},
			},
		},
		"Amazon, a flat file": {
			`{"item_sku":"N","item_name":"Nora sofa","feed_product_type":"sofa","standard_price":"9","quantity":"3","main_image_url":"https://i/1.jpg",
				"other_image_url1":"https://i/2.jpg","bullet_point1":"Soft and wide","parent_child":"child","item_weight":"30"}`,
			catalog.Item{ID: "N", Name: "Nora sofa", Type: "sofa", PriceRange: "9", ImageURL: "https://i/1.jpg", Description: "Soft and wide"},
		},
		"BigCommerce, version 3": {
			`{"ID":"111","Name":"Nora","Type":"physical","Price":"9","Internal Image URL (Export)":"product_images/n/1.jpg","Image URL (Import)":"https://i/1.jpg","Product URL":"/nora/"}`,
			catalog.Item{ID: "111", Name: "Nora", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Odoo": {
			`{"Internal Reference":"N","Name":"Nora","Product Type":"Storable Product","Sales Price":"9","Cost":"4","Sales Description":"Soft","Website URL":"/shop/nora"}`,
			catalog.Item{ID: "N", Name: "Nora", PriceRange: "9", Description: "Soft"},
		},
		"Lightspeed": {
			`{"NL_Title_Short":"Nora","NL_Description_Long":"Zacht","Price":"9","SKU":"N","Images":"https://i/1.jpg,https://i/2.jpg","NL_Meta_Title":"x"}`,
			catalog.Item{ID: "N", Name: "Nora", Description: "Zacht", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Allegro": {
			`{"ID oferty":"7","Tytuł oferty":"Nora","Opis oferty":"Miękka","Link do oferty":"https://s/p","Zdjęcia":"https://i/1.jpg|https://i/2.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Miękka", ProductURL: "https://s/p", ImageURL: "https://i/1.jpg"},
		},
		"a database's dump": {
			`{"sku":"N","name":"Nora","description":"\\N","image_url":"\\N","price":"\\N"}`,
			catalog.Item{ID: "N", Name: "Nora"},
		},
		"texts that were encoded twice": {
			`{"sku":"N","name":"BÃ¼cherregal","Beschreibung":"GrÃ¶ÃŸe â€“ PÃO","GrÃ¶ÃŸe":"XL"}`,
			catalog.Item{ID: "N", Name: "Bücherregal", Description: "GrÃ¶ÃŸe â€“ PÃO", Attributes: map[string]string{"GrÃ¶ÃŸe": "XL"}},
		},
		"a picture by its name": {
			`{"sku":"N","name":"Nora","cover photo":"https://cdn/abc","web address":"https://s/p"}`,
			catalog.Item{ID: "N", Name: "Nora", ImageURL: "https://cdn/abc", ProductURL: "https://s/p"},
		},
		"a sum": {`{"sku":"Total","name":"","price":"9"}`, catalog.Item{ID: "Total"}},
		"Amazon, a listing report": {
			`{"item-name":"Nora sofa","item-description":"Soft","listing-id":"L","seller-sku":"N","price":"9","quantity":"1","open-date":"2021","asin1":"B0"}`,
			catalog.Item{ID: "N", Name: "Nora sofa", Description: "Soft", PriceRange: "9"},
		},
		"Akeneo": {
			`{"sku":"N","family":"sofas","name-en_US":"Nora","description-en_US-ecommerce":"Soft","enabled":"1","categories":"sofas","image":"https://i/1.jpg"}`,
			catalog.Item{ID: "N", Name: "Nora", Description: "Soft", Type: "sofas", Category: "sofas", ImageURL: "https://i/1.jpg"},
		},
		"PrestaShop": {
			`{"Product ID":"7","Active (0/1)":"1","Name *":"Nora","Categories (x,y,z...)":"Home,Sofas","Price tax excluded":"9","Image URLs (x,y,z...)":"https://i/1.jpg,https://i/2.jpg","Meta title":"x"}`,
			catalog.Item{ID: "7", Name: "Nora", PriceRange: "9", ImageURL: "https://i/1.jpg", Category: "Home,Sofas"},
		},
		"BigCommerce": {
			`{"Item Type":"Product","Product ID":"7","Product Name":"Nora","Product Code/SKU":"N","Product Description":"<b>Soft</b>","Price":"9","Product Weight":"3",
				"Product Image URL - 1":"https://i/1.jpg","Category":"Sofas","Product Visible?":"Y"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "<b>Soft</b>", PriceRange: "9", Category: "Sofas", ImageURL: "https://i/1.jpg"},
		},
		"Etsy": {
			`{"TITLE":"Nora","DESCRIPTION":"Soft","PRICE":"9","CURRENCY_CODE":"EUR","QUANTITY":"3","TAGS":"sofa,linen","IMAGE1":"https://i/1.jpg","IMAGE2":"https://i/2.jpg","SKU":"N"}`,
			catalog.Item{ID: "N", Name: "Nora", Description: "Soft", PriceRange: "9", Tags: []string{"sofa", "linen"}, ImageURL: "https://i/1.jpg"},
		},
		"German": {
			`{"Artikelnr.":"7","Artikelbezeichnung":"Nora","Beschreibung":"Weich","Warengruppe":"Sofas","Preis":"9","Bild-URL":"https://i/1.jpg","Lagerbestand":"3","Farbe":"grau"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Weich", Category: "Sofas", PriceRange: "9", ImageURL: "https://i/1.jpg", Attributes: map[string]string{"Farbe": "grau"}},
		},
		"French": {
			`{"Réf":"7","Nom du produit":"Nora","Désignation":"lin","Catégorie":"Canapés","Prix":"9","Lien":"https://s/p","Quantité":"3"}`,
			catalog.Item{ID: "7", Name: "Nora", Category: "Canapés", PriceRange: "9", ProductURL: "https://s/p", Attributes: map[string]string{"Désignation": "lin"}},
		},
		"Spanish": {
			`{"Código":"7","Nombre del producto":"Nora","Descripción":"Suave","Categoría":"Sofás","Precio":"9","Imagen":"https://i/1.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Suave", Category: "Sofás", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Italian": {
			`{"Codice articolo":"7","Nome prodotto":"Nora","Descrizione":"Morbido","Categoria":"Divani","Prezzo":"9","Immagine":"https://i/1.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Morbido", Category: "Divani", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Portuguese": {
			`{"Código do produto":"7","Nome do produto":"Nora","Descrição":"Macio","Preço":"9","Imagem":"https://i/1.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Macio", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Dutch": {
			`{"Artikelnummer":"7","Productnaam":"Nora","Omschrijving":"Zacht","Categorie":"Banken","Prijs":"9","Afbeelding":"https://i/1.jpg","Voorraad":"3"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Zacht", Category: "Banken", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Polish": {
			`{"Indeks":"7","Nazwa produktu":"Nora","Opis":"Miękka","Kategoria":"Sofy","Cena":"9","Zdjęcie":"https://i/1.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Miękka", Category: "Sofy", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
		"Swedish": {
			`{"Artikelnummer":"7","Benämning":"Nora","Beskrivning":"Mjuk","Kategori":"Soffor","Pris":"9","Bild":"https://i/1.jpg"}`,
			catalog.Item{ID: "7", Name: "Nora", Description: "Mjuk", Category: "Soffor", PriceRange: "9", ImageURL: "https://i/1.jpg"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, m := mapped(t, table.MappingConfig{}, c.row)
			if diff := cmp.Diff(c.want, got[0]); diff != "" {
				t.Errorf("%s\n%s", diff, m)
			}
		})
	}
}

func TestMapping_LooksAtValues(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string
		want catalog.Item // of the first row
	}{
		"addresses of pictures":      {[]string{`{"name":"a","x":"https://s/1.jpg"}`, `{"name":"b","x":"https://s/2.png?w=1"}`}, catalog.Item{Name: "a", ImageURL: "https://s/1.jpg"}},
		"addresses of pages":         {[]string{`{"name":"a","x":"https://s/p/1"}`, `{"name":"b","x":"https://s/p/2"}`}, catalog.Item{Name: "a", ProductURL: "https://s/p/1"}},
		"a link to pictures":         {[]string{`{"name":"a","link":"https://s/1.jpg"}`}, catalog.Item{Name: "a", ImageURL: "https://s/1.jpg"}},
		"an image that says yes":     {[]string{`{"name":"a","image":"yes"}`}, catalog.Item{Name: "a", Attributes: map[string]string{"image": "yes"}}},
		"an url that is a slug":      {[]string{`{"name":"a","url":"oak-table"}`}, catalog.Item{Name: "a"}},
		"prices":                     {[]string{`{"name":"a","x":"9,90 €"}`, `{"name":"b","x":"EUR 7"}`}, catalog.Item{Name: "a", PriceRange: "9,90 €"}},
		"long texts":                 {[]string{`{"name":"a","x":"` + strings.Repeat("soft and wide ", 12) + `"}`}, catalog.Item{Name: "a", Description: strings.TrimSpace(strings.Repeat("soft and wide ", 12))}},
		"a name by its values":       {[]string{`{"Posten":"Oak table","Farbe":"x"}`, `{"Posten":"Desk lamp","Farbe":"x"}`}, catalog.Item{Name: "Oak table", Attributes: map[string]string{"Farbe": "x"}}},
		"keys that do not repeat":    {[]string{`{"name":"a","shop code":"A1"}`, `{"name":"b","shop code":"A2"}`}, catalog.Item{ID: "A1", Name: "a"}},
		"sizes are no keys":          {[]string{`{"name":"a","width":"60"}`, `{"name":"b","width":"70"}`}, catalog.Item{Name: "a", Attributes: map[string]string{"width": "60"}}},
		"numbers of categories":      {[]string{`{"name":"a","category":"17"}`, `{"name":"b","category":"18"}`}, catalog.Item{Name: "a"}},
		"how a product is sold":      {[]string{`{"name":"a","type":"simple"}`, `{"name":"b","type":"variable"}`}, catalog.Item{Name: "a"}},
		"what a product is":          {[]string{`{"name":"a","type":"simple sofa"}`}, catalog.Item{Name: "a", Type: "simple sofa"}},
		"paths of types":             {[]string{`{"name":"a","product_type":"Home > Sofas"}`}, catalog.Item{Name: "a", Category: "Home > Sofas"}},
		"kinds in few words":         {[]string{`{"name":"NORA","short_description":"   Bar table, 51x51 cm"}`}, catalog.Item{Name: "NORA", Type: "Bar table, 51x51 cm"}},
		"words for no value":         {[]string{`{"name":"a","image_url":"No image","x":"n/a","y":"-","z":"K.A.","price":"#N/A"}`}, catalog.Item{Name: "a"}},
		"a text with a picture":      {[]string{`{"name":"a","description":"<p>Soft and wide, for the hall and the garden</p><img src='https://i/1.jpg'>"}`}, catalog.Item{Name: "a", Description: "<p>Soft and wide, for the hall and the garden</p><img src='https://i/1.jpg'>"}},
		"no picture":                 {[]string{`{"name":"a","image":"FALSE"}`, `{"name":"b","image":"https://s/1.jpg"}`}, catalog.Item{Name: "a"}},
		"no picture in Magento":      {[]string{`{"name":"a","base_image":"no_selection"}`, `{"name":"b","base_image":"https://s/1.jpg"}`}, catalog.Item{Name: "a"}},
		"the deepest path":           {[]string{`{"name":"a","categories":"Default/Living,Default/Living/Sofas,New"}`}, catalog.Item{Name: "a", Category: "Default/Living/Sofas"}},
		"names over several lines":   {[]string{`{"name":"a","description\n</product>\nname":"soft"}`}, catalog.Item{Name: "a", Description: "soft"}},
		"pictures as objects":        {[]string{`{"title":"a","images":[{"id":1,"src":"https:\/\/i\/1.jpg"},{"src":"https://i/2.jpg"}]}`}, catalog.Item{Name: "a", ImageURL: "https://i/1.jpg"}},
		"other programs' data":       {[]string{`{"title":"a","variants":[{"id":1,"x":"` + strings.Repeat("y", 400) + `"}]}`}, catalog.Item{Name: "a"}},
		"the contract's own names":   {[]string{`{"id":"1","product_name":"a","type":"b","image_url":"https://i","product_url":"https://p","material":"oak"}`}, catalog.Item{ID: "1", Name: "a", Type: "b", ImageURL: "https://i", ProductURL: "https://p", Attributes: map[string]string{"material": "oak"}}},
		"a description that is long": {[]string{`{"name":"a","description":"` + strings.Repeat("wide arms ", 9_000) + `"}`}, catalog.Item{Name: "a", Description: strings.TrimSpace(strings.Repeat("wide arms ", 6_553)) + " wide"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, m := mapped(t, table.MappingConfig{}, c.rows...)
			if diff := cmp.Diff(c.want, got[0]); diff != "" {
				t.Errorf("%.2000s\n%s", diff, m)
			}
		})
	}
}

func TestMapping_RowsOfOneProduct(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string
		want string // id, name, picture of each row
	}{
		"pictures of a handle": {
			[]string{`{"Handle":"a","Title":"Sofa","Image Src":"https://i/1.jpg"}`, `{"Handle":"a","Title":"","Image Src":"https://i/2.jpg"}`, `{"Handle":"b","Title":"Lamp"}`},
			"a Sofa https://i/1.jpg; a Sofa https://i/1.jpg; b Lamp ",
		},
		"a variant with a key": {
			[]string{`{"Handle":"a","Title":"Sofa","Variant SKU":"1"}`, `{"Handle":"a","Title":null,"Variant SKU":"2"}`},
			"1 Sofa ; 2 Sofa ",
		},
		"the title repeated":         {[]string{`{"Handle":"a","Title":"Sofa"}`, `{"Handle":"a","Title":"Sofa"}`}, "a Sofa ; a Sofa "},
		"another product":            {[]string{`{"item group id":"g","title":"Bed"}`, `{"item group id":"g","title":"Nightstand"}`}, " Bed ;  Nightstand "},
		"a parent's key":             {[]string{`{"sku":"p","name":"Sofa","parent_sku":""}`, `{"sku":"v1","name":"Sofa, red","parent_sku":"p"}`, `{"sku":"q","name":"Lamp"}`}, "p Sofa ; v1 Sofa ; q Lamp "},
		"a variant further below":    {[]string{`{"ID":"1","SKU":"p","Name":"Sofa"}`, `{"ID":"2","SKU":"q","Name":"Lamp"}`, `{"ID":"3","Name":"Sofa - red","Parent":"id:1"}`}, "1 Sofa ; 2 Lamp ; 3 Sofa "},
		"a parent that is not there": {[]string{`{"sku":"v","name":"Sofa, red","parent_sku":"p"}`, `{"sku":"w","name":"Lamp","parent_sku":"o"}`}, "v Sofa, red ; w Lamp "},
		"views of a shop": {
			[]string{`{"sku":"a","store_view_code":"","name":"Sofa","base_image":"https://i/1.jpg"}`, `{"sku":"b","name":"Lamp"}`, `{"sku":"a","store_view_code":"de","name":"Sofa auf Deutsch"}`},
			"a Sofa https://i/1.jpg; b Lamp ; a Sofa https://i/1.jpg",
		},
		"variants by their kind":     {[]string{`{"Item":"Product","ID":"1","Name":"Sofa","Image":"https://i/1.jpg"}`, `{"Item":"Image","Image":"https://i/2.jpg"}`, `{"Item":"Variant","ID":"2"}`, `{"Item":"Product","ID":"3","Name":"Lamp"}`, `{"Item":"Product","ID":"4","Image":"https://i/4.jpg"}`}, "1 Sofa https://i/1.jpg; 1 Sofa https://i/1.jpg; 2 Sofa https://i/1.jpg; 3 Lamp ; 4  https://i/4.jpg"},
		"variants by options":        {[]string{`{"Product ID":"1","Title":"Sofa","SKU":"a","Option Value 1":"red"}`, `{"Title":"","SKU":"b","Option Value 1":"blue"}`, `{"Product ID":"2","Title":"","SKU":"c","Image":"https://i/2.jpg","Option Value 1":"x"}`}, "1 Sofa ; b Sofa ; 2  https://i/2.jpg"},
		"options, all else as above": {[]string{`{"id":"1","name":"Sofa","sku":"a","variant":"red","material":"linen","price":"9","stock":"3"}`, `{"id":"1","name":"","sku":"b","variant":"blue","material":"linen","price":"8","stock":"4"}`, `{"id":"","name":"","sku":"c","variant":"green","material":""}`}, "1 Sofa ; 1 Sofa ; c Sofa "},
		"options, other measures":    {[]string{`{"Product ID":"1","Title":"Sofa","SKU":"a","Option Value 1":"S","Length":"100"}`, `{"Product ID":"","Title":"","SKU":"b","Option Value 1":"L","Length":"200"}`}, "1 Sofa ; b Sofa "},
		"options and another key":    {[]string{`{"id":"1","title":"Sofa","option":"red"}`, `{"id":"2","title":"","option":"120x60 cm oak desk"}`}, "1 Sofa ; 2  "},
		"options and other words":    {[]string{`{"sku":"a","name":"Sofa","variant":"red","material":"linen","price":"9"}`, `{"sku":"b","name":"","variant":"oak","material":"Desk with metal legs","price":"9"}`}, "a Sofa ; b  "},
		"options of another group":   {[]string{`{"group id":"g","name":"Sofa","sku":"a","option":"red"}`, `{"group id":"h","name":"","sku":"b","option":"oak"}`}, "a Sofa ; b  "},
		"rows without a name":        {[]string{`{"id":"1","name":"Sofa"}`, `{"id":"2","colour":"red"}`}, "1 Sofa ; 2  "},
		"keys that are words":        {[]string{`{"id":"na","name":"Sofa"}`, `{"id":"no-image","name":"Lamp"}`}, "na Sofa ; no-image Lamp "},
		"no parents":                 {[]string{`{"id":"1","name":"Sofa"}`, `{"id":"1","name":"Lamp"}`}, "1 Sofa ; 1 Lamp "},
	} {
		t.Run(name, func(t *testing.T) {
			items, m := mapped(t, table.MappingConfig{}, c.rows...)
			var got []string
			for _, it := range items {
				got = append(got, it.ID+" "+it.Name+" "+it.ImageURL)
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got %q, want %q: %s", strings.Join(got, "; "), c.want, m)
			}
		})
	}
}

// A right text in Portuguese can be UTF-8 that was encoded twice, by its bytes alone.
func TestMapping_MendsOnlyWhatWasEncodedTwice(t *testing.T) {
	for text, want := range map[string]string{
		"fÃƒÂ¼r KÃƒÂ¼che":         "für Küche",
		"MANTA DE LÃ…":            "",
		"TAPETE \"100% LÃ”":       "",
		"LÃ™ Cadeira":             "",
		"COBERTOR LÃ–LINHO":       "",
		"100% LÃ—macia":           "",
		"MANTA LÃ\u00a0MACIA":     "",
		"MAÇÃ… e LÃ…":             "",
		"POLTRONA MERILÃ®":        "",
		"POLTRONA CASÂ…":          "",
		"grÃ¶ÃŸe":                 "größe",
		"BÃ©ton":                  "Béton",
		"CAFÃ‰":                   "CAFÉ",
		"Ã–llampe":                "Öllampe",
		"MÃ–BELFÃœSSE":            "MÖBELFÜSSE",
		"MÃ–BEL FÃ„RBEN":          "MÖBEL FÄRBEN",
		"VoilÃ\u00a0 le fauteuil": "Voilà le fauteuil",
		"12 Â°C":                  "12 °C",
		"Ã":                       "",
		"Ã¼":                      "ü",
		"Eiche â€“ hell":          "Eiche – hell",
		"JAMÃ\u0081S":             "JAMÁS",
	} {
		items, _ := mapped(t, table.MappingConfig{}, fmt.Sprintf(`{"name":%q}`, text))
		if want == "" {
			want = text
		}
		if got := items[0].Name; got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
