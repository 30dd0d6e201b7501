package prompt

import "github.com/credenza-dev/credenza/internal/catalog"

// AppendUser appends the user text for an item to dst and returns the result. See
// catalog.Item.AppendText, which also defines when two questions are the same.
//
// No line of the item's data can be the closing marker.
func (p *Prompt) AppendUser(dst []byte, it *catalog.Item, picture bool) []byte {
	if picture {
		dst = append(dst, "Classify the product in the picture. What the shop says of it:\n<product>\n"...)
	} else {
		dst = append(dst, "Classify this product:\n<product>\n"...)
	}
	return append(it.AppendText(dst, picture), "</product>"...)
}
