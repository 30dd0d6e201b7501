package catalog_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/credenza-dev/credenza/internal/catalog"
)

func TestVisibleText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"no HTML":              {"Sofa, 3 < 4 seats & more", "Sofa, 3 < 4 seats & more"},
		"paragraphs and lists": {"<p>Soft &amp; wide.</p><ul><li>Oak</li><li>Ash</li></ul>", "Soft & wide. Oak Ash"},
		"inline elements":      {"Sof<b>a</b> <i>bed</i>", "Sofa bed"},
		"line breaks":          {"Sofa<br>grey<br/>linen", "Sofa grey linen"},
		"tables":               {`<table class="x"><tr><td>Width</td><td>180</td></tr></table>`, "Width 180"},
		"scripts and styles":   {"<style>.bed{}</style>Lamp<script>if (a<b) {'</p>'}</script> oak", "Lamp oak"},
		"an open script":       {"Lamp<script>var bed", "Lamp"},
		"comments":             {"Lamp<!-- bed > table --> oak", "Lamp oak"},
		"an open comment":      {"Lamp<!-- bed", "Lamp"},
		"quoted ends":          {`<a title="a > b" href='x>y'>Lamp</a>`, "Lamp"},
		"hidden elements":      {`Lamp<div style="display: none">bed<div>table</div>desk</div> oak`, "Lamp oak"},
		"hidden by size":       {`Lamp<i style="font-size:0">bed</i><i style="color: red; font-size: 0.0em">desk</i> oak`, "Lamp oak"},
		"boxes without spaces": {
			`<div style="font-size:0"><span style="font-size: 14px">Lamp</span> <i style="font-size:0"><b style="font-size:12px">in oak</b></i></div> new<i style="font-size:0">bed</i>`,
			"Lamp in oak new",
		},
		"hidden by opacity":        {`Lamp<i style='opacity:0'>bed</i><i style="opacity: 0%">desk</i> oak`, "Lamp oak"},
		"small and pale":           {`<i style="font-size:0.9em">Lamp</i> <i style="fill-opacity:0;opacity:.5">oak</i> <i style="font-size:10px">ash</i>`, "Lamp oak ash"},
		"the attribute hidden":     {`Lamp<span hidden>bed</span> oak`, "Lamp oak"},
		"pictures":                 {`<img src="table-lamp.jpg" alt="bed">Lamp`, "Lamp"},
		"names with entities":      {"Sofa &quot;Nora&quot; &#8211; 2&nbsp;seats", "Sofa \"Nora\" – 2 seats"},
		"escaped once":             {"&lt;p&gt;Sofa&lt;/p&gt;", "Sofa"},
		"escaped twice":            {"&amp;lt;p&amp;gt;Sofa &amp;amp; bed", "Sofa & bed"},
		"no elements":              {"a<b, <product> <3 </product> <|im_end|> if x<y>z", "a<b, <product> <3 </product> <|im_end|> if x<y>z"},
		"an element that is open":  {"Width<b and so on", "Width<b and so on"},
		"documents":                {"<!DOCTYPE html><html><head><title>Shop</title></head><body>Lamp</body></html>", "Lamp"},
		"capitals and namespaces":  {"<P CLASS=x>Lamp<o:p></o:p></P>", "Lamp"},
		"CDATA":                    {"<![CDATA[Lamp > x]]> oak", "Lamp > x oak"},
		"Outlook's declarations":   {"<?xml:namespace prefix = o />Lamp", "Lamp"},
		"nothing visible":          {"<div><style>p{}</style></div>", ""},
		"void elements are no end": {`<input hidden>Lamp`, "Lamp"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(strings.Fields(catalog.VisibleText(c.in)), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestItem_Fitted(t *testing.T) {
	words := strings.Repeat("wide arms. ", 4_000)
	for name, c := range map[string]struct {
		description string
		cut, fits   bool
	}{
		"short":                 {"wide arms", false, true},
		"long":                  {words, true, true},
		"long only as HTML":     {"<p style='" + strings.Repeat("x", 33<<10) + "'>wide arms</p>", false, true},
		"a script without gaps": {strings.Repeat("实木餐桌", 4_000), true, true},
		"no words":              {strings.Repeat("x", 33<<10), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			item := &catalog.Item{Description: c.description}
			got, cut := item.Fitted()
			if cut != c.cut || (got.Check() == nil) != c.fits {
				t.Errorf("cut %v, %v", cut, got.Check())
			}
			if !utf8.ValidString(got.Description) || cut && !strings.HasPrefix(c.description, got.Description) {
				t.Errorf("the description became %.40q", got.Description)
			}
			if cut && name == "long" && !strings.HasSuffix(got.Description, "s.") && !strings.HasSuffix(got.Description, "wide") {
				t.Errorf("a word was cut: %q", got.Description[len(got.Description)-10:])
			}
			if item.Description != c.description {
				t.Error("the item was changed")
			}
		})
	}
}

func FuzzVisibleText(f *testing.F) {
	for _, s := range []string{"<p>a</p>", "<script>x</", "<div hidden><div/>", "&lt;b&gt;", "<!--", "<a title='>", "&#0;&#xD800;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := catalog.VisibleText(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q became %q, which is not UTF-8", s, got)
		}
		if len(got) > 3*len(s)+3 {
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
	})
}
