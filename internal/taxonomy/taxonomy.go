// Package taxonomy knows the categories and styles that items are sorted into.
//
// What a sofa-bed is, is a house rule and no fact of nature, and shops want rules
// of their own. So the rules are a file: a category has a description, which
// models are told, and the names of its products, which the offline classifier
// goes by; a style has keywords, colours and tags.
//
//	furniture.yaml or a user's file -> Parse: checked, line by line -> Taxonomy
//	                                                                     |
//	                    prompts and schemas, the offline classifier, results
//
// A file is checked completely before anything starts, and all its problems are
// told at once, each with its line and how to mend it. The price is strictness: a
// key that the format does not know is refused, since a misspelt one would be
// silently without effect.
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
	// Fallback is the category of whatever no other claims. Empty: there is none.
	Fallback string
	// Foreign are words that, before a product's name, make it something of the
	// fallback: with "dog" among them, a "dog bed" is no bed. Optional, and only
	// where there is a fallback.
	Foreign []string
	// Categories are at least two, in the file's order.
	Categories []Category
	// Styles are at least one. The first is taken where nothing points to any.
	Styles []Style
}

// Category is a kind of furniture.
type Category struct {
	// Name is what verdicts say: upper case letters, digits and underscores.
	Name string
	// Description says what belongs in it and what does not; models see it.
	Description string
	// Terms are names of products in it, singular, lower case, such as "couch"
	// or "coffee table". The offline classifier goes by them. Only the fallback
	// may have none, and no two categories share one.
	Terms []string
	// Hints are words that speak for the category without naming a product,
	// such as "light bulb sold separately". Optional.
	Hints []string
	// Native are those of the taxonomy's foreign words that change nothing here:
	// a cat figurine is as much decor as any. Optional.
	Native []string
	// Placements are two or more places where such a product usually stands,
	// the commonest first.
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
	// Tags are three or more short words for its look, for verdicts.
	Tags []string
}

// Category returns the category with the name, which is compared exactly.
func (t *Taxonomy) Category(name string) (Category, bool) {
	for _, c := range t.Categories {
		if c.Name == name {
			return c, true
		}
	}
	return Category{}, false
}

// Style returns the style with the name, which is compared exactly.
func (t *Taxonomy) Style(name string) (Style, bool) {
	for _, s := range t.Styles {
		if s.Name == name {
			return s, true
		}
	}
	return Style{}, false
}

// version hashes the content. The order of lists counts: it has a meaning.
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
