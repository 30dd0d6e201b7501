package table_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/table"
)

// Names within names, and the shop's questions, in the exports of further programs.
func TestMapping_NamesWithinNames(t *testing.T) {
	nora := func(change func(*catalog.Item)) catalog.Item {
		it := catalog.Item{ID: "N1", Name: "Nora"}
		change(&it)
		return it
	}
	for name, c := range map[string]struct {
		row  string
		want catalog.Item
	}{
		"paths within the product": {
			`{"Variation.number":"N1","ItemTexts.name1":"Nora","VariationSalesPrice.price":"9","VariationCategory.category1":"Sofas","Variation.isMain":"1"}`,
			nora(func(it *catalog.Item) { it.PriceRange, it.Category = "9", "Sofas" }),
		},
		"paths to other parts": {
			`{"Internal Reference":"N1","Name":"Nora","Product Category/Complete Name":"All / Sofas","brand.name":"B","images.src":"https://i/1.jpg"}`,
			nora(func(it *catalog.Item) {
				it.Category, it.ImageURL, it.Attributes = "All / Sofas", "https://i/1.jpg", map[string]string{"brand.name": "B"}
			}),
		},
		"paths of a marketplace": {
			`{"sku":"N1","title":"Nora","productDescription_category":"Sofa","productDescription_bundle":"false","pricing_standardPrice_amount":"9","pricing_vat":"FULL"}`,
			nora(func(it *catalog.Item) { it.Category, it.PriceRange = "Sofa", "9" }),
		},
		"remarks and questions": {
			`{"Référence vendeur":"N1","Nom":"Nora","Prix (TTC)":"9","Tags (x,y,z...)":"a,b","Show price (0 = No, 1 = Yes)":"1","Is handmade?":"no","Drawers":"0"}`,
			nora(func(it *catalog.Item) { it.PriceRange, it.Tags = "9", []string{"a", "b"} }),
		},
		"names in two languages": {
			`{"Bezeichner [Alias]":"N1","Name/Deutsch [Name/de]":"Nora","Listenpreis/EUR/gross [ListPrices/EUR/gross]":"9","Käuflich [IsAvailable]":"1","Produktgruppe im Shop":"Sofas"}`,
			nora(func(it *catalog.Item) { it.PriceRange, it.Category = "9", "Sofas" }),
		},
		"what a product has": {
			`{"sku":"N1","name":"Nora","Outdoor use":"Yes","Has drawers":"No","Is bundle":"No","Default material":"Oak","Location":"Bedroom"}`,
			nora(func(it *catalog.Item) {
				it.Attributes = map[string]string{"Outdoor use": "Yes", "Has drawers": "No", "Default material": "Oak", "Location": "Bedroom"}
			}),
		},
		"parts of a product": {
			`{"Product_SKU":"N1","Product_Name":"Nora","Product_Frame_Type":"Oak"}`,
			nora(func(it *catalog.Item) { it.Attributes = map[string]string{"Product_Frame_Type": "Oak"} }),
		},
		"prices with a tax, and what they cost": {
			`{"SKU":"N1","Nazwa":"Nora","price_gross":"9","Inkoopprijs":"4","Preiseinheit":"1","EK netto":"4"}`,
			nora(func(it *catalog.Item) { it.PriceRange = "9" }),
		},
		"names in one word": {
			`{"productcode":"N1","productname":"Nora","productweight":"3","stockstatus":"3","productcondition":"New","merchant_image_url":"https://i/1.jpg"}`,
			nora(func(it *catalog.Item) { it.ImageURL = "https://i/1.jpg" }),
		},
		"keys of other tables": {
			`{"sku":"N1","name":"Nora","brand_id":"7","optionIds":"1a2b3c4d5e6f708192a3b4c5d6e7f809","Frame number":"N-70","categories":"23;24"}`,
			nora(func(it *catalog.Item) { it.Attributes = map[string]string{"Frame number": "N-70"} }),
		},
		"texts by language": {
			`{"reference":"N1","name.language":"Nora","description.language":"Soft","link_rewrite.language":"nora"}`,
			nora(func(it *catalog.Item) { it.Description = "Soft" }),
		},
		"languages next to texts": {
			`{"sku":"N1","title.language":"de","title.value":"Nora","description.lang":"pt_BR","description.text":"Soft"}`,
			nora(func(it *catalog.Item) { it.Description = "Soft" }),
		},
		"BMEcat": {
			`{"SUPPLIER_AID":"N1","ARTICLE_DETAILS.DESCRIPTION_SHORT":"Nora","ARTICLE_DETAILS.DESCRIPTION_LONG":"Soft"}`,
			nora(func(it *catalog.Item) { it.Description = "Soft" }),
		},
		"a short and a long text": {
			`{"Article Number":"N1","Long Text":"Soft sofa","Short Text":"Nora"}`,
			nora(func(it *catalog.Item) { it.Description = "Soft sofa" }),
		},
		"short names": {
			`{"sku":"N1","name":"Nora","desc":"Soft","cat":"Sofas","Unnamed: 0.1":"7","type":"Inventory"}`,
			nora(func(it *catalog.Item) { it.Description, it.Category = "Soft", "Sofas" }),
		},
		"a description of a few words":   {`{"No.":"N1","Description":"Nora desk","Notes":"x"}`, catalog.Item{Name: "Nora desk", Attributes: map[string]string{"Notes": "x"}}},
		"Shopify, of a shop in German":   {`{"Handle":"nora","Titel":"Nora","Varianten-SKU":"N1","Varianten-Preis":"9"}`, nora(func(it *catalog.Item) { it.PriceRange = "9" })},
		"a long text of a word":          {`{"sku":"N1","name":"Nora","Long text":"Sofa"}`, nora(func(it *catalog.Item) { it.Description = "Sofa" })},
		"a price range in signs":         {`{"sku":"N1","name":"Nora","Price Range":"$$"}`, nora(func(it *catalog.Item) { it.PriceRange = "$$" })},
		"a remark on something else":     {`{"sku":"N1","name":"Nora","Description (SEO)":"x"}`, nora(func(*catalog.Item) {})},
		"addresses of the shop's videos": {`{"sku":"N1","name":"Nora","Video link":"https://v/1"}`, nora(func(*catalog.Item) {})},
	} {
		t.Run(name, func(t *testing.T) {
			got, m := mapped(t, table.MappingConfig{}, c.row)
			if diff := cmp.Diff(c.want, got[0]); diff != "" {
				t.Errorf("%s\n%s", diff, m)
			}
		})
	}
}

// Columns that only several rows tell apart.
func TestMapping_KeysByValues(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string
		want string // id and name of each row
	}{
		"names that are keys":        {[]string{`{"Internal ID":"1","Name":"SOF-1","Display Name":"Nora"}`, `{"Internal ID":"2","Name":"LMP-2","Display Name":"Orb"}`}, "1 Nora; 2 Orb"},
		"keys with a description":    {[]string{`{"Product":"N1","ProductDescription":"Nora sofa"}`, `{"Product":"L1","ProductDescription":"Orb lamp"}`}, " Nora sofa;  Orb lamp"},
		"keys under No.":             {[]string{`{"No.":"1896-S","Name":"Nora"}`, `{"No.":"1900-S","Name":"Orb"}`}, "1896-S Nora; 1900-S Orb"},
		"numbers of rows under No.":  {[]string{`{"No.":"1","Name":"Nora"}`, `{"No.":"2","Name":"Orb"}`}, " Nora;  Orb"},
		"a compound":                 {[]string{`{"Artikelcode":"A1","Omschrijving":"Nora bank"}`, `{"Artikelcode":"A2","Omschrijving":"Orb lamp"}`}, "A1 Nora bank; A2 Orb lamp"},
		"barcodes of changing kinds": {[]string{`{"product-id":"B0","product-id-type":"1","seller-sku":"S1","item-name":"Nora"}`, `{"product-id":"4001","product-id-type":"4","seller-sku":"S2","item-name":"Orb"}`}, "S1 Nora; S2 Orb"},
		"parents by their keys":      {[]string{`{"Artikelnummer":"A1","Artikelname":"Nora","Identifizierungsspalte Vaterartikel":"","Ist Vaterartikel":"Y"}`, `{"Artikelnummer":"A1-G","Artikelname":"Nora grau","Identifizierungsspalte Vaterartikel":"A1","Ist Vaterartikel":"N"}`, `{"Artikelnummer":"A2","Artikelname":"Orb","Ist Vaterartikel":"N"}`}, "A1 Nora; A1-G Nora; A2 Orb"},
		"a mould is no parent":       {[]string{`{"sku":"A1","name":"Nora","master collection":"Fjord"}`, `{"sku":"A2","name":"Orb","master collection":"Fjord"}`}, "A1 Nora; A2 Orb"},
		"parts with a name":          {[]string{`{"Item Type":"Product","Product ID":"1","Product Name":"Nora","Product Code/SKU":"A"}`, `{"Item Type":"SKU","Product Name":"[RB]Colour=Blue","Product Code/SKU":"A-B"}`, `{"Item Type":"Product","Product ID":"2","Product Name":"Orb","Product Code/SKU":"B"}`}, "1 Nora; A-B Nora; 2 Orb"},
		"codes of colours":           {[]string{`{"Name":"Nora","Farbcode":"7016"}`, `{"Name":"Orb","Farbcode":"9005"}`}, " Nora;  Orb"},
		"numbers of categories":      {[]string{`{"id":"1","name":"Nora","main category":"2"}`, `{"id":"2","name":"Orb","main category":"1"}`, `{"id":"3","name":"Ida","main category":"1"}`}, "1 Nora; 2 Orb; 3 Ida"},
		"marks of main variants":     {[]string{`{"id":"1","name":"Nora","main variant":"1"}`, `{"id":"2","name":"Orb","main variant":"1"}`}, "1 Nora; 2 Orb"},
		"main articles":              {[]string{`{"id":"11","name":"Nora","main article":"11"}`, `{"id":"12","name":"Nora grey","main article":"11"}`, `{"id":"13","name":"Orb","main article":""}`}, "11 Nora; 12 Nora; 13 Orb"},
		"variants with other names":  {[]string{`{"type":"standard","sku":"1","name":"Nora"}`, `{"type":"variant","sku":"2","name":"Orb"}`, `{"type":"standard","sku":"3","name":"Ida"}`}, "1 Nora; 2 Orb; 3 Ida"},
		"variants with longer names": {[]string{`{"type":"standard","sku":"1","name":"Nora"}`, `{"type":"variant","sku":"2","name":"Nora, grey"}`, `{"type":"standard","sku":"3","name":"Ida"}`}, "1 Nora; 2 Nora; 3 Ida"},
		"described variants":         {[]string{`{"Row Type":"product","sku":"1","name":"Nora"}`, `{"Row Type":"variant","sku":"2","name":"Orb","description":"Pendant light"}`}, "1 Nora; 2 Orb"},
		"pictures of a gallery":      {[]string{`{"sku":"1","name":"Nora","_media_image":"/a.jpg","_media_position":"1"}`, `{"sku":"","name":"","_media_image":"/b.jpg","_media_position":"2"}`, `{"sku":"","name":"","_media_image":"/c.jpg","_media_position":""}`}, "1 Nora; 1 Nora;  "},
		"views without a key":        {[]string{`{"sku":"1","_store":"","name":"Nora"}`, `{"sku":"","_store":"german","name":"Nora DE","description":"Sofa"}`, `{"sku":"2","_store":"","name":"Orb"}`}, "1 Nora; 1 Nora; 2 Orb"},
	} {
		t.Run(name, func(t *testing.T) {
			items, m := mapped(t, table.MappingConfig{}, c.rows...)
			var got []string
			for _, it := range items {
				got = append(got, it.ID+" "+it.Name)
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got %q, want %q: %s", strings.Join(got, "; "), c.want, m)
			}
		})
	}
}

func TestReader_FindsHeadersByAllNames(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"stars and actions": {
			"*Action(SiteID=US|Country=US),CustomLabel,*Title,*Description,PicURL\nAdd,E1,Corner sofa,Soft,https://i/1.jpg|https://i/2.jpg\n",
			"E1 Corner sofa",
		},
		"names for people above those of the program": {
			"TemplateType=x\tVersion=1\t\t\t\nProduct Type\tSeller SKU\tProduct Name\tProduct Description\tParent SKU\n" +
				"feed_product_type\titem_sku\titem_name\tproduct_description\tparent_sku\nsofa\tS1\tNora\tSoft\t\n",
			"S1 Nora",
		},
		"a cell that is a name": {
			"shop_reference;sku;shop_name.label;mediaAssets_0_type;mediaAssets_0_location;productDescription_text\nR;S1;x;IMAGE;https://i/1.jpg;Corner sofa\n",
			"S1 Corner sofa",
		},
		"a cell that is a name, below unknown ones": {"shop_a;shop_b;shop_c;shop_d\n12;7;IMAGE;https://i/1.jpg\n", " "},
		"a title with a remark":                     {"Artikel (Stand 2024);;\nNr;Artikelbezeichnung;Preis\nA-1;Ecksofa Nora;9\n", " Ecksofa Nora"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := table.NewReader(strings.NewReader(c.file), table.ReaderConfig{Name: "a.csv"})
			if err != nil {
				t.Fatal(err)
			}
			var rows []table.Row
			for {
				row, err := r.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, row)
			}
			m, err := table.NewMapping(rows, table.MappingConfig{})
			if err != nil || len(rows) != 1 {
				t.Fatal(len(rows), err)
			}
			if it := m.Item(rows[0]); it.ID+" "+it.Name != c.want {
				t.Errorf("got %q, want %q: %s", it.ID+" "+it.Name, c.want, m)
			}
		})
	}
}
