// Package taxonomy reads the categories and styles that items are sorted into.
//
// They are a file, because shops disagree on what a sofa-bed is: a category has a
// description, which the model reads, and the names of its products, which the
// offline classifier searches for; a style has keywords, colours and tags. Only the
// names of the categories are required.
//
// A file is checked completely before anything starts. All its problems are
// reported at once, each with its line and how to correct it. An unknown key is an
// error, because a misspelt one would silently have no effect.
//
//	t, err := taxonomy.Load("") // the built-in file
//	if err != nil {
//		return err
//	}
//	sofa, ok := t.Category("SOFA")
package taxonomy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Taxonomy is a list of categories and styles, with the words that point to
// them. It is immutable and safe for concurrent use.
type Taxonomy struct {
	// Version is 12 hexadecimal digits of the content's SHA-256: equal content,
	// equal version, whatever the file's layout and comments.
	Version string
	// Fallback is the category of every product that fits no other. Empty: none.
	Fallback string
	// Foreign words before a product's name move the product to the fallback: if
	// "dog" is one, a "dog bed" is not a bed. Empty if there is no fallback.
	Foreign []string
	// ProductWords describe a product although the offline classifier would read
	// them as grammar: "fit" in "slim fit jeans" is not the verb of "fits jeans".
	ProductWords []string `json:",omitempty"`
	// Categories has at least two entries, in the file's order.
	Categories []Category
	// Styles may be empty. The first is the default if no word points to another.
	Styles []Style
}

// Category is a kind of furniture.
type Category struct {
	// Name stands in results: upper-case letters, digits and underscores.
	Name string
	// Description says what belongs in the category and what does not. The model
	// reads it. Optional.
	Description string
	// Terms are names of its products, singular, lower case, such as "couch" or
	// "coffee table". The offline classifier searches for them, and for the
	// category's name if there are none. No two categories share a term.
	Terms []string
	// Translations are the names of its products in other languages than English, by ISO
	// 639 code. In each language, no two categories share a term. Optional.
	Translations map[string][]string `json:",omitempty"`
	// Hints suggest the category without naming a product, such as "light bulb
	// sold separately". Optional.
	Hints []string
	// Native are the foreign words that change nothing in this category: a cat
	// figurine is decor like any other. Optional.
	Native []string
	// Placements are two or more usual places of such a product, the most common
	// first. Optional.
	Placements []string
}

// Style is a look. All but its name is optional.
type Style struct {
	Name        string
	Description string
	// Keywords are words that suggest the style.
	Keywords []string
	// Palette lists its colours.
	Palette []string
	// Tags are three or more short words for the look, for results.
	Tags []string
}

// Category returns the category with exactly that name.
func (t *Taxonomy) Category(name string) (Category, bool) {
	for _, c := range t.Categories {
		if c.Name == name {
			return c, true
		}
	}
	return Category{}, false
}

// Style returns the style with exactly that name.
func (t *Taxonomy) Style(name string) (Style, bool) {
	for _, s := range t.Styles {
		if s.Name == name {
			return s, true
		}
	}
	return Style{}, false
}

// version hashes the content. The order of a list matters, because it has a meaning.
func (t *Taxonomy) version() (string, error) {
	content := *t
	content.Version = ""
	canonical, err := json.Marshal(content)
	if err != nil {
		return "", fmt.Errorf("hashing the taxonomy: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:6]), nil
}
