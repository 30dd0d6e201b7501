package page_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/picture/page"
)

func read(t testing.TB, html string) page.Page {
	t.Helper()
	p, err := page.Read(t.Context(), []byte(html), "text/html; charset=utf-8", parsed(t, "https://shop.example/chairs/oak.html"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func parsed(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestRead_Kind(t *testing.T) {
	product := script(`{"@type": "Product", "name": "Oak chair", "image": "/i/oak.jpg"}`)
	tests := []struct {
		name, html string
		want       page.Kind
	}{
		{"nothing special", `<title>Oak chair</title><h1>Oak chair</h1><img src="/i/oak.jpg">`, page.Unclear},
		{"JSON-LD", product, page.Product},
		{"microdata", `<div itemscope itemtype="https://schema.org/Product"><img itemprop="image" src="/a.jpg"></div>`, page.Product},
		{"og:type", `<meta property="og:type" content="og:product">`, page.Product},
		{"a price", `<meta property="product:price:amount" content="3">`, page.Product},
		{"products in a list only", script(`{"itemListElement": [{"item": {"@type": "Product", "image": "/no.jpg"}}]}`) + `<h1>Chairs</h1>`, page.Unclear},
		{"many products", strings.Repeat(product, 12), page.List},
		{"many in microdata", strings.Repeat(`<li itemscope itemtype="https://schema.org/Product"><b itemprop="name">x</b></li>`, 12), page.List},
		{"a collection", script(`{"@type": "CollectionPage", "name": "Chairs"}`) + `<h1>Chairs</h1>`, page.List},
		{"a group of products", `<meta property="og:type" content="product.group">`, page.List},
		{"the shop", `<meta property="og:type" content="website"><h1>Welcome</h1>`, page.Front},
		{"the shop by its canonical address", `<link rel="canonical" href="https://shop.example/"><h1>Welcome</h1>`, page.Front},
		{"the shop by its language", `<link rel="canonical" href="/de-de/"><h1>Willkommen</h1>`, page.Front},
		{"filled by a script", `<title>Oak chair</title><div id="root"></div><script src="/app.js"></script>`, page.Scripted},

		{"not found", `<title>Page not found | Shop</title><h1>Sorry</h1>`, page.Missing},
		{"by number", `<title>404 - Shop</title>`, page.Missing},
		{"by its heading", `<title>Shop</title><h1>This product is no longer available</h1>`, page.Missing},
		{"in German", `<title>Seite nicht gefunden</title>`, page.Missing},
		{"in French", `<title>Boutique</title><h1>Cette page n’existe plus</h1>`, page.Missing},
		{"in Spanish", `<title>Página no encontrada</title>`, page.Missing},
		{"in Swedish", `<title>Sidan kunde inte hittas</title>`, page.Missing},
		{"closed for repairs", `<title>Under maintenance</title>`, page.Missing},
		{"a proof of being human", `<title>Robot or human?</title>`, page.Refused},
		{"in Polish", `<title>Nie znaleziono strony</title>`, page.Missing},
		{"a product with a number", `<title>Sofa 404 | Shop</title><h1>Sofa 404</h1>`, page.Unclear},
		{"a product with another number", `<title>4041 Oak chair</title>`, page.Unclear},
		{"a product that is sold out", `<title>Not available</title><h1>Oak chair</h1>` + product, page.Product},
		{"a product that is gone, with its data", `<h1>No longer available</h1>` + product, page.Product},

		{"consent", `<title>Before you continue</title><form>Accept cookies</form>`, page.Refused},
		{"consent in German", `<title>Bevor Sie fortfahren</title>`, page.Refused},
		{"consent by its heading", `<title>Shop</title><h1>We value your privacy</h1>`, page.Refused},
		{"a challenge", `<title>Just a moment...</title>`, page.Refused},
		{"a robot check", `<title>Robot Check</title>`, page.Refused},
		{"a refusal", `<title>Access Denied</title><h1>Access Denied</h1>`, page.Refused},
		{"a login", `<title>Log in – Shop</title><form><input type="password"></form>`, page.Refused},
		{"a product and a login form", `<h1>Oak chair</h1><form><input type="password"></form>`, page.Unclear},
		{"a country", `<title>Choose your country or region</title>`, page.Refused},
		{"a product that is blocked in wood", `<title>Blockedge table</title>`, page.Unclear},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(t, tt.html).Kind; got != tt.want {
				t.Errorf("it is of kind %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMoved(t *testing.T) {
	const oak = "http://shop.example/chairs/oak-chair"
	tests := []struct {
		from, to string
		want     bool
	}{
		{oak, oak, false},
		{oak, "https://www.shop.example/chairs/oak-chair/", false},
		{oak, "https://shop.example/de-de/chairs/Oak-Chair.html?ref=1", false},
		{oak, "https://shop.example/furniture/oak-chair-nils", false},
		{oak + "?id=1234567", "https://shop.example/p/stuhl-1234567", false},
		{"http://shop.example/dp/B00ABC1234", "http://shop.example/Oak-Chair/dp/B00ABC1234", false},
		{oak, "https://shop.example/", true},
		{oak, "https://shop.example/en/", true},
		{oak, "https://shop.example/index.html", true},
		{oak, "https://shop.example/chairs/", true},
		{oak, "https://shop.example/tables/pine-table", true},
		{"http://shop.example/", "https://shop.example/en-gb/index.php", false},
	}
	for _, tt := range tests {
		if got := page.Moved(parsed(t, tt.from), parsed(t, tt.to)); got != tt.want {
			t.Errorf("from %s to %s: %v", tt.from, tt.to, got)
		}
	}
}

func TestRefresh(t *testing.T) {
	meta := func(content string) string {
		return `<html><head><meta http-equiv="Refresh" content="` + content + `"></head>`
	}
	tests := []struct{ name, html, header, want string }{
		{"none", "<p>Oak chair, refreshing", "", ""},
		{"usual", meta("0; url=/oak"), "", "/oak"},
		{"in quotes", meta("0;URL='/oak?a=1'"), "", "/oak?a=1"},
		{"with a fraction", meta("0.5, url = /oak"), "", "/oak"},
		{"without a name", meta("1; /oak"), "", "/oak"},
		{"without a time", meta("; url=/oak"), "", "/oak"},
		{"soon", meta("5;url=/oak"), "", "/oak"},
		{"later", meta("300;url=/oak"), "", ""},
		{"the same page", meta("3"), "", ""},
		{"by a header", "<p>Oak chair", "0; url=/oak", "/oak"},
		{"without scripts", `<script>location="/oak"</script><noscript><meta http-equiv=refresh content="0;url=/oak"></noscript>`, "", "/oak"},
		{"for old browsers", `<noscript><meta http-equiv=refresh content="0;url=/old"></noscript>` + strings.Repeat("<p>Oak chair", 1000), "", ""},
		{"in a comment", "<!-- " + meta("0; url=/oak") + " -->", "", ""},
		{"far down", strings.Repeat("<p>Oak chair", 10_000) + meta("0; url=/oak"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := page.Refresh([]byte(tt.html), "text/html", tt.header); got != tt.want {
				t.Errorf("it sends on to %q, want %q", got, tt.want)
			}
		})
	}
}

// TestFind_Software has the main picture as the software of shops, and the libraries
// that they use, put it on their pages.
func TestFind_Software(t *testing.T) {
	const inline = `src="data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="`
	const others = `<h1>Oak chair</h1><nav><img src="/nav.jpg" width=900 height=900></nav>%s<section class="related"><img src="/no.jpg" width=900 height=900></section>`
	tests := []struct{ name, html, want string }{
		{"lazysizes", `<img class="lazyload" ` + inline + ` data-srcset="/s.jpg 100w, /oak.jpg 800w" alt="Oak chair">`, "/oak.jpg"},
		{"Flickity", `<div class="product"><img data-flickity-lazyload="/oak.jpg" width=800 height=800></div>`, "/oak.jpg"},
		{"Flickity's sizes", `<img data-flickity-lazyload-srcset="/s.jpg 100w, /oak.jpg 800w" alt="Oak chair">`, "/oak.jpg"},
		{"Revolution", `<img ` + inline + ` data-lazyload="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"a spinner", `<img src="/spin-nav.gif" data-ll-src="/oak.jpg" alt="Oak chair" width=800 height=800>`, "/oak.jpg"},
		{"lazy-src", `<img src="/spinner.gif" lazy-src="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"slick", `<img data-lazy="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"jQuery", `<img src="/grey.gif" data-original="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"a number that is not an address", `<img src="/oak.jpg" data-original="17" data-image="true" alt="Oak chair">`, "/oak.jpg"},
		{"WP Rocket", `<img ` + inline + ` data-lazy-src="/oak.jpg" data-lazy-srcset="/oak.jpg 800w, /s.jpg 100w" alt="Oak chair">`, "/oak.jpg"},
		{"NitroPack", `<img ` + inline + ` nitro-lazy-src="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"Cloudflare", `<img data-cfsrc="/oak.jpg" style="display:none" alt="Oak chair">`, "/oak.jpg"},
		{"Shopify's widths", `<img class="lazyload" src="/oak_300x.jpg" data-src="//shop.example/oak_{width}x.jpg" data-widths="[180, 360, 1080, 2048]" alt="Oak chair">`, "/oak_1080x.jpg"},
		{"Shopify's small widths", `<img data-src="/oak_{width}x.jpg" data-widths="[180, 720, 360]" alt="Oak chair">`, "/oak_720x.jpg"},
		{"Shopify without widths", `<img data-src="/oak_%7Bwidth%7Dx.jpg" alt="Oak chair">`, "/oak_1024x.jpg"},
		{"BigCommerce", `<img data-src="/images/stencil/{:size}/products/7/oak.jpg" alt="Oak chair">`, "/images/stencil/1024x1024/products/7/oak.jpg"},
		{"an unknown template", `<img src="/i/{{ image }}.jpg" alt="Oak chair"><img src="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"noscript after a lazy one", `<div><img class="lazyload" ` + inline + ` data-src="/other_{width}x.jpg" alt="Oak chair"><noscript><img src="/oak.jpg"></noscript></div>`, "/oak.jpg"},
		{"noscript with the sizes of the lazy one", `<div class="product"><img ` + inline + ` width=800 height=800><noscript><img src="/oak.jpg"></noscript></div><img src="/b.jpg" width=400 height=400>`, "/oak.jpg"},
		{"WooCommerce", `<div class="woocommerce-product-gallery__image"><a href="/oak.jpg"><img src="/s.jpg" data-large_image="/large.jpg" class="wp-post-image"></a></div>`, "/oak.jpg"},
		{"PrestaShop", `<img class="js-qv-product-cover" src="/m.jpg" data-image-large-src="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"Shopware", `<img class="gallery-slider-image" src="/m.jpg" data-full-image="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"Squarespace", `<img class="product-image" data-src="/oak.jpg" data-image="/oak.jpg" data-load="false">`, "/oak.jpg"},
		{"elevateZoom", `<img src="/s.jpg" data-zoom-image="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"Amazon", `<img id="landingImage" src="/s.jpg" data-old-hires="/oak.jpg">`, "/oak.jpg"},
		{"Amazon's sizes", `<img id="landingImage" src="/s.jpg" data-old-hires="" data-a-dynamic-image='{"/s.jpg":[100,100],"/oak.jpg":[900,900]}'>`, "/oak.jpg"},
		{"Magento", `<script type="text/x-magento-init">{"[data-gallery-role=gallery-placeholder]": {"mage/gallery/gallery": {"data": [` +
			`{"thumb": "/t2.jpg", "img": "/m2.jpg", "full": "/back.jpg", "isMain": false}, ` +
			`{"thumb": "/t.jpg", "img": "/m.jpg", "full": "https:\/\/shop.example\/oak.jpg", "isMain": true}]}}}</script>`, "/oak.jpg"},
		{"a background", `<div class="product-image" style="background-image:url('/oak.jpg')"></div>`, "/oak.jpg"},
		{"a background in short", `<figure style="width: 9px; BACKGROUND: #fff url(/oak.jpg) center"></figure>`, "/oak.jpg"},
		{"a background with entities", `<a class="gallery-item" style="background-image:url(&quot;/oak.jpg&quot;)"></a>`, "/oak.jpg"},
		{"a late background", `<div class="product__media lazyload" data-bg="/oak.jpg"></div>`, "/oak.jpg"},
		{"a late background with sizes", `<div class="product__media lazyload" data-bgset="/s.jpg 180w 180h, /oak.jpg 900w 900h | --small"></div>`, "/oak.jpg"},
		{"a background of the shop", `<div class="main-banner product" style="background-image:url(/no.jpg)"></div><img src="/oak.jpg" alt="Oak chair">`, "/oak.jpg"},
		{"a picture's source in a format", `<picture><source type="image/avif" srcset="/a.avif"><source srcset="/b.avif"><source data-srcset="/oak.jpg 1x"><img ` + inline + ` alt="Oak chair"></picture>`, "/oak.jpg"},
		{"sizes in a format", `<img srcset="/a.avif 2000w, /oak.jpg 900w" alt="Oak chair">`, "/oak.jpg"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found := find(t, fmt.Sprintf(strings.ReplaceAll(others, "%s", "%[1]s"), tt.html), "text/html; charset=utf-8")
			if len(found) == 0 || found[0].Address != "https://shop.example"+tt.want {
				t.Errorf("found %v, want %s", found, tt.want)
			}
		})
	}
}

func TestIsSubstitute(t *testing.T) {
	for name, want := range map[string]bool{
		"noimage.png": true, "no-image_600.jpg": true, "placeholder2.jpg": true, "default.jpg": true, "blank.gif": true, "404.png": true,
		"blanket-box.jpg": false, "IMG_4041.jpg": false, "oak-chair.jpg": false, "1404.jpg": false,
	} {
		if got := page.IsSubstitute(parsed(t, "https://shop.example/media/"+name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
