// Package taxonomy knows the categories and styles that items are sorted into:
// the built-in furniture file, and files of the user's own.
package taxonomy

// Taxonomy is a list of categories and styles, with the words that point to
// them. It is immutable and safe for concurrent use.
type Taxonomy struct {
	// Version is a hash of the content: equal content, equal version.
	Version    string
	Categories []Category
	Styles     []Style
}

// Category is a kind of furniture.
type Category struct {
	// Name is what verdicts say: upper case letters, digits and underscores.
	Name string
	// Description says what belongs in it and what does not; models see it.
	Description string
	// Terms are names of products in it, singular, lower case, such as "couch"
	// or "coffee table". The offline classifier goes by them.
	Terms []string
	// Placements are where such a product usually stands.
	Placements []string
}

// Style is a look.
type Style struct {
	Name        string
	Description string
	// Keywords are words that point to the style.
	Keywords []string
	// Palette are its colours.
	Palette []string
	// Tags are short words for its look, for verdicts.
	Tags []string
}
