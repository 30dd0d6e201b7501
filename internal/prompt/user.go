package prompt

import "github.com/credenza-dev/credenza/internal/catalog"

// AppendUser appends the user text for an item to dst and returns the result: see
// catalog.Item.AppendText, which also says which questions are the same.
//
// Whatever an item says stays data: nothing in it can stand alone as the closing
// marker.
func (p *Prompt) AppendUser(dst []byte, it *catalog.Item, picture bool) []byte {
	if picture {
		dst = append(dst, "Classify the product in the picture. What the shop says of it:\n<product>\n"...)
	} else {
		dst = append(dst, "Classify this product:\n<product>\n"...)
	}
	return append(it.AppendText(dst, picture), "</product>"...)
}
