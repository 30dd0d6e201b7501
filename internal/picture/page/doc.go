// Package page finds the main picture of a page that sells a product.
//
// # The problem
//
// A shop's page holds hundreds of pictures: the product from five sides, its
// neighbours in the catalogue, payment badges, the shop's logo. Most shops say
// which is the one, each in its own way, and often in broken syntax.
//
// # The picture
//
//	bytes -> UTF-8 -> one pass over the tags -> evidence, strongest first:
//	         JSON-LD Product, og:image, microdata, a marked main image,
//	         the largest plausible img
//
// # The trade-off
//
// The page is read as a stream of tags and never becomes a tree: memory is in
// proportion to what is kept, and the time to the page's length, whatever it
// nests. What a tree would tell better, which element holds which, is followed
// with a stack that forgives missing end tags.
//
// JSON-LD is read by a parser of its own that takes what real pages hold:
// trailing commas, comments, line breaks and unescaped quotes in strings,
// several values in a row. Where two readings are possible it takes the one
// that finds more.
//
// # Example
//
//	found, err := page.Find(ctx, body, "text/html; charset=utf-8", address)
//	...
//	for _, c := range found {
//		// try c.Address
//	}
package page
