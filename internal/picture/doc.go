// Package picture gets the picture that an item is to be classified by, and
// makes it fit for a model.
//
// # The problem
//
// An item brings a picture, its address, or the address of a page that shows it
// among others. Addresses come from strangers, shops are slow, and pictures are
// of any format, size and state. A model wants one small upright picture, and
// the service must neither be led into its own network, nor wait for one shop
// with all it has, nor fill its memory.
//
// # The picture
//
//	item -> image_data, image_url, product_url, in this order
//	     -> fetch:  guarded, polite, one fetch for all who want the same
//	     -> by its bytes a picture, or a page -> page: candidates -> fetch
//	     -> raster: recognised, checked, shrunk, turned
//	     -> cache by content; by address with the shop's validators
//
// # The trade-off
//
// An address is always asked again whether it still holds what it held, since
// shops change pictures behind the same address; where the shop gave validators
// that costs a round trip without a body. A picture on the way belongs to all
// who wait for it, and is given up when the last has left.
//
// Three bounds nest, and nobody who waits for an outer one holds an inner one:
// the connections to a host, the bodies in memory, the processors and the memory
// for decoding. So a shop that hangs takes four connections for 15 seconds, and
// nothing else.
//
// # Example
//
//	source, err := picture.New(picture.Config{Version: "1.2.0"})
//	...
//	defer source.Close()
//	p, err := source.Picture(ctx, &catalog.Item{ImageURL: "https://shop.example/sofa.jpg"})
package picture
