package page_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/picture/page"
)

// These pages would take minutes and more if the work on one were not bounded.

func TestFind_CircularReferencesEnd(t *testing.T) {
	circle := strings.TrimSuffix(strings.Repeat(`{"@id":"a"},`, 5000), ",")
	find(t, `<script type="application/ld+json">{"@type":"Product","@id":"a","image":[`+circle+`]}</script>`, "text/html")
}

func TestFind_ManyProductsUnderALongTitle(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "<title>%s</title><script type=\"application/ld+json\">[", strings.Repeat("oak chair ", 40_000))
	for i := range 5000 {
		fmt.Fprintf(&b, `{"@type":"Product","name":"oak chair %d","image":"/%d.jpg"},`, i, i)
	}
	b.WriteString(`{}]</script>`)
	if got := find(t, b.String(), "text/html"); len(got) == 0 {
		t.Error("no picture found")
	}
}

// TestFind_WorkIsProportionalToThePage limits the allocations, which are proportional to
// the time: most of both is for addresses.
func TestFind_WorkIsProportionalToThePage(t *testing.T) {
	const size, factor = 1 << 20, 150
	far := `<base href="/` + strings.Repeat("b/", 2000) + `">`
	repeated := func(s string) string { return strings.Repeat(s, size/len(s)) }
	var different strings.Builder
	for i := range size / 8 {
		fmt.Fprintf(&different, "a%d=b ", i)
	}
	for name, html := range map[string]string{
		"an icon in many words":   `<link href="/` + strings.Repeat("i", 3000) + `" rel="` + repeated("icon ") + `">`,
		"many icons":              far + repeated(`<link rel=icon href=a>`),
		"icons that are none":     far + repeated(`<link rel=icon href=../a:b>`),
		"many links to pictures":  far + repeated(`<a href=.jpg>`),
		"many linked pictures":    far + repeated(`<a href=.jpg><img src=a></a>`),
		"many bases":              repeated(`<base href="/b/">`),
		"many attributes":         "<img " + repeated("a=b ") + ">",
		"many different ones":     "<img " + different.String() + ">",
		"many classes":            `<div class="` + repeated("related ") + `">`,
		"many offers":             repeated(`<img srcset="a 1w,b 2w">`),
		"many elements left open": repeated("<div id=a>"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			find(t, html, "text/html; charset=utf-8")
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > factor*size {
				t.Errorf("%d MB were allocated for a page of %d MB", n>>20, len(html)>>20)
			}
		})
	}
}

func TestFind_EndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	at := &url.URL{Scheme: "https", Host: "shop.example"}
	html := []byte(strings.Repeat(`<meta property="og:image" content="/a.jpg">`, 10_000))
	allocations := testing.AllocsPerRun(1, func() {
		p, err := page.Read(ctx, html, "text/html; charset=utf-8", at)
		if !errors.Is(err, context.Canceled) || p.Candidates != nil {
			t.Errorf("found %v, %v", p.Candidates, err)
		}
	})
	if allocations > 1000 {
		t.Errorf("the page was read all the same, with %.0f allocations", allocations)
	}
}
