// Package picture gets an item's picture and prepares it for a model.
//
//	item -> image_data, image_url, product_url, in this order
//	     -> fetch:  guarded, polite, one fetch for all callers of an address
//	     -> by its bytes a picture, or a page -> page: candidates -> fetch
//	     -> is the page the product's, by its words and where it redirected?
//	     -> raster: checked, shrunk, rotated
//	     -> cache by content; by address with the shop's validators
//
// Shops change pictures at the same address, so each address is requested again. If the
// shop gave validators, that costs a round trip without a body.
//
// A page and its pictures are one chain: they share cookies, and the pictures are asked
// for with the page as the Referer. Callers that share the fetch of a page share its
// chain; nothing of it is kept for later ones.
//
// Three limits nest: the connections to a host, the bodies in memory, and the workers
// and memory for decoding. A caller that waits for an outer one holds no inner one, so a
// shop that hangs takes four connections for 15 seconds and nothing else.
package picture
