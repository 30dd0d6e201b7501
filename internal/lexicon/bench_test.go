package lexicon_test

import (
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/catalog"
)

// The items are as catalogues have them: a name with a type, and a title of many
// phrases with a long description.
func BenchmarkClassify(b *testing.B) {
	c, _ := classifier(b)
	short := &catalog.Item{Name: "Halden", Type: "Wardrobe with 2 doors and 3 drawers", Description: "Wardrobe, 120x60x200 cm"}
	long := &catalog.Item{
		Name: "Velora Bar Stools Set of 2, Modern Swivel Counter Height Chairs with Back and Footrest, Faux Leather " +
			"Upholstered Kitchen Island Stools, Adjustable Pub Chairs for Dining Room, Home Bar, Cafe, Grey",
		Description: strings.Repeat("This bar stool brings a sleek look to your kitchen island. The padded seat and the "+
			"curved back keep you comfortable, and the chrome base with its footrest is easy to clean. ", 12),
	}
	for name, item := range map[string]*catalog.Item{"short": short, "long": long} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(item)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
