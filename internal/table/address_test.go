package table_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/table"
)

func TestMapping_Addresses(t *testing.T) {
	const one = "https://i/1.jpg"
	for name, c := range map[string]struct{ cell, want string }{
		"commas":              {"https://i/1.jpg,https://i/2.jpg", one},
		"commas and spaces":   {"https://i/1.jpg , https://i/2.jpg", one},
		"semicolons":          {"https://i/1.jpg;https://i/2.jpg", one},
		"bars":                {"https://i/1.jpg | https://i/2.jpg", one},
		"a bar at the end":    {"https://i/1.jpg|", one},
		"line ends":           {"https://i/1.jpg\nhttps://i/2.jpg", one},
		"spaces":              {"https://i/1.jpg https://i/2.jpg", one},
		"JSON":                {`["https://i/1.jpg","https://i/2.jpg"]`, one},
		"JSON, escaped":       {`["https:\/\/i\/1.jpg"]`, one},
		"Python":              {`['https://i/1.jpg', 'https://i/2.jpg']`, one},
		"objects":             {`[{"url": "https://i/1.jpg", "alt": "x"}]`, one},
		"a name before it":    {"1.jpg (https://i/1.jpg)", one},
		"HYPERLINK":           {`=HYPERLINK("https://i/1.jpg","picture")`, one},
		"HYPERLINK, German":   {`=HYPERLINK("https://i/1.jpg";"Bild")`, one},
		"a caption":           {"https://i/1.jpg ! alt : sofa ! title : x", one},
		"blanks first":        {", https://i/1.jpg", one},
		"quotes":              {`"https://i/1.jpg"`, one},
		"angle brackets":      {"<https://i/1.jpg>", one},
		"zero width":          {"\ufeffhttps://i/1\u200b.jpg\u200b", one},
		"no-break spaces":     {"\u00a0https://i/1.jpg\u00a0", one},
		"entities":            {"https://i/x?a=1&amp;c=2", "https://i/x?a=1&c=2"},
		"a comma in the path": {"https://i/q/High_Street,_red.jpg", "https://i/q/High_Street,_red.jpg"},
		"a comma for sizes":   {"https://i/w_300,h_200/1", "https://i/w_300,h_200/1"},
		"a space in the path": {"https://i/red chair.jpg", "https://i/red chair.jpg"},
		"one in another":      {"https://proxy/?u=https://i/1.jpg", "https://proxy/?u=https://i/1.jpg"},
		"brackets and bars":   {"https://i/1?f[]=a|b&x={y}", "https://i/1?f[]=a|b&x={y}"},
		"brackets in names":   {"https://i/sofa_(grey).jpg", "https://i/sofa_(grey).jpg"},
		"no scheme":           {"//cdn.example/1.jpg", "//cdn.example/1.jpg"},
		"no scheme, several":  {"www.i.example/1.jpg, www.i.example/2.jpg", "www.i.example/1.jpg"},
		"a path":              {"images/1.jpg", "images/1.jpg"},
		"nothing":             {"[]", ""},
		"other separators":    {"https://i/1.jpg~https://i/2.jpg", one},
		"several signs":       {"https://i/1.jpg :: https://i/2.jpg", one},
		"no separator":        {"https://i/1.jpghttps://i/2.jpg", one},
		"line ends in HTML":   {"https://i/1.jpg<br />https://i/2.jpg", one},
		"line ends, escaped":  {`https://i/1.jpg\nhttps://i/2.jpg`, one},
		"commas in Chinese":   {"https://i/1.jpg，https://i/2.jpg", one},
		"quotes in German":    {"„https://i/1.jpg“, „https://i/2.jpg“", one},
		"a full stop":         {"https://i/1.jpg.", one},
		"names before them":   {"1.jpg (https://i/1.jpg),2.jpg (https://i/2.jpg)", one},
		"Markdown in a link":  {"[![Sofa](https://i/1.jpg)](https://i/sofa)", one},
		"BBCode":              {"[img]https://i/1.jpg[/img]", one},
		"a tag":               {"<img alt='x' src=https://i/1.jpg width=100>", one},
		"a tag in a link":     {`<a href="https://i/sofa"><img src="https://i/1.jpg"></a>`, one},
		"a tag, escaped":      {"&lt;img src=&quot;https://i/1.jpg&quot;&gt;", one},
		"a lazy tag":          {`<img src="data:image/gif;base64,R0lGODlh" data-src="https://i/1.jpg">`, one},
		"a tag of a script":   {`<img src="/blank.gif" data-lazy="https://i/1.jpg">`, one},
		"a tag with sizes":    {`<img srcset="//i.example/1.jpg 1x, //i.example/2.jpg 2x">`, "//i.example/1.jpg"},
		"a formula of a path": {`=HYPERLINK("images/1.jpg","picture")`, "images/1.jpg"},
		"other references":    {"https://i/x?a=1&#038;c=2", "https://i/x?a=1&c=2"},
		"no reference":        {"https://i/x?a=1&copy=2&amp;d=3", "https://i/x?a=1&copy=2&d=3"},
	} {
		t.Run(name, func(t *testing.T) {
			cell, _ := json.Marshal(c.cell)
			items, _ := mapped(t, table.MappingConfig{}, fmt.Sprintf(`{"name":"a","image_url":%s}`, cell))
			if items[0].ImageURL != c.want {
				t.Errorf("got %q, want %q", items[0].ImageURL, c.want)
			}
		})
	}
}

// TestMapping_LongAddress would take minutes if the time were not proportional to the
// length of the cell.
func TestMapping_LongAddress(t *testing.T) {
	for name, cell := range map[string]string{
		"spaces":  "https://i/" + strings.Repeat("x ", 200_000),
		"dots":    "https://i/" + strings.Repeat("x.y ", 100_000),
		"several": strings.Repeat("https://i/ ", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			items, _ := mapped(t, table.MappingConfig{}, fmt.Sprintf(`{"name":"a","image_url":%q}`, cell))
			if got := items[0].ImageURL; !strings.HasPrefix(got, cell[:9]) {
				t.Errorf("got %.40q", got)
			}
		})
	}
}

func TestMapping_PicturesInCells(t *testing.T) {
	for name, c := range map[string]struct{ cell, want string }{
		"base64":       {"data:image/png;base64,cGljdHVyZQ==", "picture"},
		"of any type":  {"data:application/octet-stream;base64,iVBORw0KGgpwaWN0dXJl", "\x89PNG\r\n\x1a\npicture"},
		"spaces":       {"data: image/png;base64, cGljdHVyZQ==", "picture"},
		"Base64 alone": {"iVBORw0KGgpw" + strings.Repeat("AAAA", 30), "\x89PNG\r\n\x1a\np" + strings.Repeat("\x00", 90)},
		"no padding":   {"data:image/png;base64,cGljdHVyZQ", "picture"},
		"escaped":      {"data:image/png;base64,cGljdHVyZQ%3D%3D", "picture"},
		"quoted":       {`'data:image/png;base64,cGljdHVyZQ=='`, "picture"},
		"capitals":     {"DATA:image/PNG;charset=x;BASE64,cGljdHVyZQ==", "picture"},
		"line ends":    {"data:image/png;base64,cGlj\r\n dHVy\n\tZQ==", "picture"},
		"more spaces":  {"data:image/png ; base64,cGljdHVyZQ==", "picture"},
		"in a tag":     {`<img src="data:image/png;base64,cGljdHVyZQ=="/>`, "picture"},
		"in a style":   {"url(data:image/png;base64,cGljdHVyZQ==)", "picture"},
		"cut":          {"data:image/png;base64,cGljdHVyZ", "pictur"},
		"broken":       {"data:image/png;base64,%", ""},
		"no picture":   {"data:text/plain,hello", ""},
	} {
		t.Run(name, func(t *testing.T) {
			cell, _ := json.Marshal(c.cell)
			items, _ := mapped(t, table.MappingConfig{}, fmt.Sprintf(`{"name":"a","image_url":%s}`, cell))
			if got := string(items[0].ImageData); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
