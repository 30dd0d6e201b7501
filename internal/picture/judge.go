package picture

import (
	"context"
	"net/url"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/page"
	"github.com/credenza-dev/credenza/internal/picture/raster"
)

// judge returns why a page is not that of the product at the address that was asked
// for, or nil. It believes a page that describes a product, wherever that is.
func judge(asked, at *url.URL, p *page.Page) *fault.Fault {
	kind := p.Kind
	if page.Moved(asked, at) {
		kind = kindAfterMove(asked, at, p)
	}
	host := at.Hostname()
	switch kind {
	case page.Missing:
		return fault.New(fault.NoImageFound,
			"%s says that the page or the product does not exist any more: correct the address, or give the picture's own in image_url", host).
			WithSummary(fault.PictureNotFound)
	case page.Refused:
		return fault.New(fault.ImageUnreachable,
			"%s asks for consent, a login or a proof of being human instead of showing the product: send the picture in image_data", host).
			WithSummary(fault.PictureBlocked)
	case page.Front, page.List:
		if !page.Moved(asked, at) {
			return nil // the address is what it is
		}
		return fault.New(fault.NoImageFound,
			"the product's address leads to another page of %s, its home page or a category: correct the address, or give the picture's own in image_url", host).
			WithSummary(fault.PictureRedirected)
	default:
		return nil
	}
}

// kindAfterMove returns the kind of a page to which another address redirected. Shops
// send the addresses of products that are gone to their home page or a category, whose
// pictures are others'.
func kindAfterMove(asked, at *url.URL, p *page.Page) page.Kind {
	byAddress, named := page.KindByAddress(at), p.Names(asked)
	switch {
	case byAddress == page.Front && !named:
		return page.Front
	case p.Kind == page.Product || p.Kind == page.Missing || p.Kind == page.Refused:
		return p.Kind
	case named, p.Kind == page.Front && !page.HasName(asked) && p.Names(at):
		return page.Unclear
	case byAddress != page.Unclear:
		return byAddress
	case p.Kind == page.Unclear && page.IsAbove(at, asked):
		return page.List
	}
	return p.Kind
}

// noPicture returns the fault of a page without a usable picture.
func noPicture(at *url.URL, kind page.Kind) *fault.Fault {
	if kind == page.Scripted {
		return fault.New(fault.NoImageFound,
			"the page of %s is empty until a script fills it, and scripts are not run: give the picture's own address in image_url, or send it in image_data",
			at.Hostname()).WithSummary(fault.PictureNotOnPage)
	}
	return fault.New(fault.NoImageFound,
		"the page of %s shows no picture that is clearly the product's: give the picture's own address in image_url, or send it in image_data",
		at.Hostname()).WithSummary(fault.PictureNotOnPage)
}

// Shorter sides, in pixels, of the smallest pictures that are used.
const (
	// leastSide is that of pictures in shops: smaller ones count visitors or hold a place.
	leastSide = 32
	// leastSent is that of pictures in image_data, which the caller chose.
	leastSent = 8
)

// checkSize returns a fault if the picture is too small to show a product.
func checkSize(p raster.Prepared, least int) error {
	if p.Shorter >= least {
		return nil
	}
	return fault.New(fault.ImageUnsupported,
		"the picture's shorter side has %s, at least %d are needed: give a larger version", catalog.Count(p.Shorter, "pixel"), least).
		WithSummary(fault.PictureTooSmall)
}

// checkShown returns a fault if the picture shows nothing, or ctx's error.
func (s *Source) checkShown(ctx context.Context, p raster.Prepared) error {
	blank, err := s.raster.IsBlank(ctx, p)
	if err != nil || !blank {
		return err
	}
	return fault.New(fault.ImageUnsupported, "the picture is wholly white or transparent: give another one").
		WithSummary(fault.PictureBlank)
}
