package table_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/table"
)

func TestReader_ReadsFeedsAndPages(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"Google Merchant in RSS": {
			`<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title><link>http://x</link>
<item><g:id>007</g:id><title>Sofa &amp; more</title><description><![CDATA[<p>Soft</p>]]></description><g:image_link>http://x/1.jpg</g:image_link><g:shipping><g:country>DE</g:country></g:shipping></item>
<item><g:id>8</g:id><title>Lamp</title><g:additional_image_link>a</g:additional_image_link><g:additional_image_link>b</g:additional_image_link></item></channel></rss>`,
			"id=\"007\" title=\"Sofa & more\" description=\"<p>Soft</p>\" image_link=\"http://x/1.jpg\" shipping.country=\"DE\"\n" +
				"id=\"8\" title=\"Lamp\" additional_image_link=\"a, b\"\n",
		},
		"Atom": {
			`<feed xmlns="http://www.w3.org/2005/Atom"><title>Shop</title><entry><title type="html">Sofa</title><link href="http://x/p"/><summary>Soft <b>linen</b></summary></entry></feed>`,
			"title=\"Sofa\" link=\"http://x/p\" summary=\"Soft  linen\"\n",
		},
		"other products":         {`<?xml version="1.0" encoding="ISO-8859-1"?><shop><products><product id="7"><name>B\xfcro</name><param name="Colour">red</param></product></products></shop>`, "id=\"7\" name=\"Büro\" param.Colour=\"red\"\n"},
		"Ceneo":                  {`<offers><o id="7" url="https://x/p" price="9.00"><cat>Sofas</cat><name>Sofa</name><imgs><main url="https://x/1.jpg"/></imgs></o></offers>`, "url=\"https://x/p\" id=\"7\" price=\"9.00\" cat=\"Sofas\" name=\"Sofa\" imgs.main=\"https://x/1.jpg\"\n"},
		"names of other letters": {`<?xml version="1.0"?><Ürünler><Ürün><Name>Masa <![CDATA[<_a>]]></Name><_sku a="1">7</_sku></Ürün><Ürün><Name>Lamba</Name><g:_sku/></Ürün></Ürünler>`, "Name=\"Masa <_a>\" _sku=\"7\"\nName=\"Lamba\"\n"},
		"a table in a text":      {`<?xml version="1.0"?><feed><entry><title>Sofa</title><summary><![CDATA[<table><tr><td>Soft</td></tr></table>]]></summary></entry></feed>`, "title=\"Sofa\" summary=\"<table><tr><td>Soft</td></tr></table>\"\n"},
		"a page in a text":       {`<?xml version="1.0"?><feed><entry><title>Sofa</title><summary><![CDATA[<html>Soft</html>]]></summary></entry></feed>`, "title=\"Sofa\" summary=\"<html>Soft</html>\"\n"},
		"a table as XML":         {"<?xml version=\"1.0\"?> <!-- x --><table><thead><tr><th>name</th></tr></thead><tr><td>Sofa</td></tr></table>", "name=\"Sofa\"\n"},
		"texts by language":      {`<products><product><id href="https://x/1">7</id><name><language href="https://x/en">Sofa</language><language href="https://x/fr">Canapé</language></name><image href="https://x/1.jpg">front</image></product></products>`, "id=\"7\" name.language=\"Sofa, Canapé\" image=\"https://x/1.jpg, front\"\n"},
		"an unknown name":        {`<export><at>x</at><ware><sku>7</sku><name>Sofa</name></ware><ware><sku>8</sku><name>Lamp</name></ware></export>`, "sku=\"7\" name=\"Sofa\"\nsku=\"8\" name=\"Lamp\"\n"},
		"few of another":         {`<export><shop><name>A</name></shop><shop><name>B</name></shop><ware><name>Sofa</name></ware><ware><name>Lamp</name></ware><ware><name>Rug</name></ware></export>`, "name=\"Sofa\"\nname=\"Lamp\"\nname=\"Rug\"\n"},
		"parts with names":       {`<export><ware><name>Sofa</name><v><name>red</name></v><v><name>blue</name></v></ware><ware><name>Lamp</name></ware></export>`, "name=\"Sofa\" v.name=\"red, blue\"\nname=\"Lamp\"\n"},
		"attributes alone":       {`<products><product type="a" sku="7" title="Sofa"/></products>`, "sku=\"7\" title=\"Sofa\"\n"},
		"attributes by code":     {`<products><product><attribute code="sku">7</attribute><attribute code="name">Sofa</attribute><price code="EUR">9</price></product></products>`, "attribute.sku=\"7\" attribute.name=\"Sofa\" price=\"9\"\n"},
		"sections":               {`<rss><channel><item><link><![CDATA[https://x/?a=1&section=2&copy=3]]></link><title>A &amp; B <![CDATA[&lt;]]></title></item></channel></rss>`, "link=\"https://x/?a=1&section=2&copy=3\" title=\"A & B &lt;\"\n"},
		"comments in it":         {`<!-- x --><rss><channel><item><!-- > --><title>Sofa<!-- y --></title></item></channel></rss>`, "title=\"Sofa\"\n"},
		"a page":                 {"<html><head><style>td{}</style></head><body><table><tr><th>id</th><th>name</th></tr><tr><td>007</td><td>Sofa &amp;<br>more</td></tr></table></body></html>", "id=\"007\" name=\"Sofa &\\nmore\"\n"},
		"links in a page":        {"<table><tr><th>name</th><th>image</th></tr><tr><td><a href='https://x/p'>Sofa</a></td><td><a href='https://x/p'><img src='//x/1.jpg'></a></td></tr><tr><td>Lamp</td><td><a href='#'>x</a></td></tr></table>", "name=\"Sofa\" image=\"\" name (other link)=\"https://x/p\" image (link)=\"//x/1.jpg\"\nname=\"Lamp\" image=\"x\"\n"},
		"a page, not closed":     {"<table><tr><td>id<td>name<tr><td>1<td>Sofa<script>x</script><tr><td>2<td><table><tr><td>Lamp</td></tr></table>", "id=\"1\" name=\"Sofa\"\nid=\"2\" name=\"Lamp\"\n"},
		"a named encoding":       {"<?xml version=\"1.0\" encoding=\"windows-1251\"?><yml_catalog><shop><offers><offer id=\"7\"><name>\xd1\xf2\xee\xeb</name></offer></offers></shop></yml_catalog>", "id=\"7\" name=\"Стол\"\n"},
		"its name in a page":     {"<html><meta charset=shift_jis><table><tr><td>name</td></tr><tr><td>\x83\\\x83t\x83@</td></tr></table></html>", "name=\"ソファ\"\n"},
		"a false name":           {"<?xml version=\"1.0\" encoding=\"windows-1251\"?><rss><channel><item><title>Büro Stühle</title></item></channel></rss>", "title=\"Büro Stühle\"\n"},
		"a page in UTF-16":       {utf16Text("<html><table><tr><td>name</td></tr><tr><td>Büro</td></tr></table>"), "name=\"Büro\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, strings.ReplaceAll(c.text, `\xfc`, "\xfc"), table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, brief(rows)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReader_RefusesOtherMarkup(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"XML without products": {"<?xml version=\"1.0\"?><config><a>1</a></config>", "in.csv is XML without products: give a feed of RSS or Atom"},
		"a feed, cut off":      {"<rss><channel><item><title>Sofa</title></item><item><title>La", "in.csv is XML that has been cut off in product 2"},
		"Excel 2003":           {"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">", "in.csv is a spreadsheet in XML of Excel 2003"},
		"a page without table": {"<!DOCTYPE html><html><body>Hello</body></html>", "in.csv is a page in HTML without a table"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.text, table.ReaderConfig{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// These would take minutes if the time were not proportional to the length of the file.
func TestReader_HostileMarkup(t *testing.T) {
	const many = 1 << 20
	for name, text := range map[string]string{
		"a comment":   "<rss><item><!--" + strings.Repeat(">", many),
		"a quote":     "<rss><item><a b='" + strings.Repeat(">", many),
		"open tags":   "<rss><item>" + strings.Repeat("<a>", many/3),
		"closed tags": "<rss><item>" + strings.Repeat("<a>", 100) + strings.Repeat("<b>x</b>", many/8),
		"attributes":  "<rss><item><a " + strings.Repeat("b='1' ", many/6),
		"open cells":  "<html><table><tr><td>name<tr>" + strings.Repeat("<td>x", many/5),
		"tables":      "<html><table><tr><td>name<tr><td>" + strings.Repeat("<table>", many/7),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
			for err == nil {
				_, err = r.Read()
			}
			if f, ok := errors.AsType[*fault.Fault](err); !ok && !errors.Is(err, io.EOF) {
				t.Errorf("%v is no fault: %v", f, err)
			}
		})
	}
}

func TestReader_GoesOnAfterAProductOfTooMuch(t *testing.T) {
	var many strings.Builder
	for i := range table.MaxColumns + 1 {
		many.WriteString("<a" + strings.Repeat("b", i) + ">1</a" + strings.Repeat("b", i) + ">")
	}
	text := "<rss>\n<item><title>Sofa</title></item>\n<item>" + many.String() + "</item>\n<item><title>Lamp</title></item></rss>"
	if diff := cmp.Diff([]string{"2 Sofa", "3 unreadable", "4 Lamp"}, lines(t, text, table.ReaderConfig{})); diff != "" {
		t.Error(diff)
	}
}

func utf16Text(s string) string {
	text := "\xff\xfe"
	for _, r := range s {
		text += string([]byte{byte(r), byte(r >> 8)})
	}
	return text
}
