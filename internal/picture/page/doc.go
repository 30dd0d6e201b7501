// Package page finds the main picture of a page that sells a product.
//
//	bytes -> UTF-8 -> one pass over the tags -> evidence, strongest first:
//	         JSON-LD Product, og:image, microdata, a marked main image,
//	         the largest plausible img
//	      -> kind: a product, the shop, a list, "not found", consent, a login
//
// The page is read as a stream of tags and never becomes a tree. So memory grows with
// what is kept and time with the length of the page, however deeply it nests. A stack
// that tolerates missing end tags replaces the tree.
//
// JSON-LD is read by a lenient parser, because real pages have trailing commas,
// comments, line breaks and unescaped quotes in strings, and several values in a row.
// If two readings are possible, it takes the one that finds more.
package page
