package table

import (
	"regexp"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// SampleRows is how many rows of a file are enough to see what its columns hold.
const SampleRows = 200

// MappingConfig describes how the columns of a file are matched.
type MappingConfig struct {
	// ProductColumn is a further name for the column of pages, empty for none.
	ProductColumn string
	// Choices come before names and values.
	Choices []ColumnChoice
	// Separate has each row be a product of its own, never a part of one above it. No
	// column can be chosen for the parent.
	Separate bool
}

// Mapping makes items of the rows of one file. It matches columns by their names and by
// what a sample of their values looks like. It is not safe for concurrent use.
type Mapping struct {
	config   MappingConfig
	choices  []choice
	columns  map[string]*column
	sampled  []*column // in the order of the file
	products products
}

// column is what is known of a column.
type column struct {
	key    string
	field  field
	rank   int
	hidden bool // its values take no part in the question
	parent int  // its rank among those that join a product's rows; 0: none
	view   bool // a value is the view of the shop for which the row repeats a product
	kind   bool // a value says whether the row is a product or a part of one
	option bool // a value is what a variant of a product differs by
	place  bool // a value is the place of a picture among those of the product
	values []Value
}

// NewMapping matches the columns of the sample, the first rows of a file. An error is
// for a choice of a column that no row has.
func NewMapping(sample []Row, cfg MappingConfig) (*Mapping, error) {
	m := &Mapping{config: cfg, choices: choicesOf(cfg.Choices), columns: map[string]*column{}}
	for _, row := range sample {
		for _, cell := range mended(row) {
			c := m.columns[cell.Key]
			if c == nil {
				c = &column{key: cell.Key}
				m.columns[cell.Key] = c
				m.sampled = append(m.sampled, c)
			}
			if !blankInFile(cell.Value) {
				c.values = append(c.values, cell.Value)
			}
		}
	}
	for _, c := range m.sampled {
		m.match(c)
	}
	m.findName()
	m.findType()
	m.demoteForeign()
	m.findParents()
	m.findParts()
	return m, m.checkChoices()
}

func (m *Mapping) checkChoices() error {
	keys := make([]columnName, len(m.sampled))
	for i, c := range m.sampled {
		keys[i] = newColumnName(c.key)
	}
	for _, c := range m.choices {
		sought := c.name
		if c.known && c.field == fieldParent && m.config.Separate {
			return c.asked.noField(fieldNames[:leftOut])
		}
		if !c.known {
			sought = c.leftOut
		}
		name := sought.text
		if name == "" || slices.ContainsFunc(keys, func(key columnName) bool { return key.is(sought) }) {
			continue
		}
		names := make([]string, len(m.sampled))
		for i, c := range m.sampled {
			names[i] = c.key
		}
		return fault.Invalid("column", "there is no column %q: there are %s", clip(name), clip(strings.Join(names, ", ")))
	}
	return nil
}

func sameName(key, name string) bool { return newColumnName(key).is(newColumnName(name)) }

// columnName is a name that is compared with many others.
type columnName struct{ text, folded string }

func newColumnName(name string) columnName { return columnName{name, foldName(name)} }

// is reports whether the name of a column is the sought one.
func (n columnName) is(sought columnName) bool {
	return strings.TrimSpace(n.text) == sought.text || n.folded == sought.folded && sought.folded != ""
}

// match sets the column's field by the caller's choice, else by its name and values.
func (m *Mapping) match(c *column) {
	key := newColumnName(c.key)
	c.parent, c.view = parentRank(c.key), key.folded == "storeviewcode" || c.key == "_store" // of Magento
	for _, choice := range m.choices {
		switch {
		case choice.known && choice.field == fieldParent && choice.name.text == "":
			c.parent, c.view = 0, false
		case choice.name.text != "" && key.is(choice.name):
			if choice.field == fieldParent {
				c.parent, m.products.joined = 1, true
				continue
			}
			c.field, c.rank, c.hidden = choice.field, rankExactColumn, false
			return
		case !choice.known && key.is(choice.leftOut):
			c.hidden = true
			return
		}
	}
	m.products.joined = m.products.joined || c.parent > 0 || c.view
	m.matchByName(c)
	for _, choice := range m.choices {
		if choice.known && choice.name.text == "" && choice.field == c.field && c.field != attribute {
			c.field, c.hidden = attribute, true
		}
	}
}

func parentRank(key string) int {
	if _, rest, ok := strings.Cut(key, ":"); ok && strings.HasPrefix(key, "g:") {
		key = rest
	}
	return parentNames[foldName(key)]
}

func (m *Mapping) matchByName(c *column) {
	known, named := namedField(mendText(c.key))
	s := statsOf(c.values)
	if product := m.config.ProductColumn; product != "" && known.field != fieldImage && sameName(c.key, product) {
		known, named = fieldRank{fieldPage, rankProductColumn - 1}, true
	}
	folded := foldName(c.key)
	switch {
	case (folded == "no" || folded == "nr") && s.numbers < s.values && holdsKeys(c.key, s): // no numbers of rows
		c.field, c.rank = fieldID, rankByValue
	case bookkeepingNames[folded], strings.HasPrefix(c.key, "@") && c.key != "@id", // "@type" of linked data
		strings.HasSuffix(c.key, otherLink),
		strings.HasPrefix(folded, "unnamed") && s.all(s.codes), // row numbers of pandas
		saysLanguage(c):
		c.hidden = true
	case named:
		c.take(known, s)
	case isFlag(c.key, s):
		c.hidden = true
	case isPriceName(c.key):
		c.take(fieldRank{fieldPrice, rankOfVariants + rankAnyPrice}, s)
	case s.most(s.addresses) && hasWord(c.key, pictureWords): // "merchant_image_url"
		c.takeByValue(s)
	case isBookkeeping(c.key), c.parent > 0:
		c.hidden = true
		if holdsKeys(c.key, s) {
			c.field, c.rank = fieldID, rankByValue
		}
	default:
		c.takeByValue(s)
	}
	c.hidden = c.hidden || c.field == attribute && isOtherKey(c.key, s)
	if c.field == attribute && s.addresses == 0 && s.all(s.slugs) && hasWord(c.key, addressWords) {
		c.hidden = true // a page or a picture within the shop
	}
}

// saysLanguage reports whether a column has the language of the text next to it, such as
// "title.language" next to "title.value".
func saysLanguage(c *column) bool {
	words := nameWords(c.key)
	if n := len(words); n < 2 || words[n-1] != "language" && words[n-1] != "lang" {
		return false
	}
	return !slices.ContainsFunc(c.values, func(v Value) bool { return !v.Blank() && !language.MatchString(v.String()) })
}

// rankByValue is the rank of a column whose name is not known.
const rankByValue = 400

// keyWords are words in the names of columns with keys.
var keyWords = wordSet("id nr no num number code key ref kod codigo codice ean gtin upc barcode mpn nummer numero")

// keyEnding ends such names in one word: "Artikelcode".
var keyEnding = regexp.MustCompile(`(nummer|nr|code|kod|number)$`)

// otherKeyStart begins such names of keys of something else: "Farbcode".
var otherKeyStart = regexp.MustCompile(`^(farb|colou?r|ral|post|zip|zoll|marken|hersteller|kategorie)`)

// skuWords are words that stand for a key in every name.
var skuWords = wordSet("sku")

// otherKeyWords are words in the names of columns with keys of something else.
var otherKeyWords = wordSet("category categories kategorie categoria brand marke marque manufacturer hersteller color colour farbe tax media image currency")

// pictureWords and addressWords are words in the names of columns with pictures and with addresses.
var (
	pictureWords = wordSet("image images img picture pictures photo photos bild bilder foto fotos imagen imagem immagine afbeelding zdjęcie media thumbnail")
	addressWords = wordSet("url link href permalink slug")
)

// otherPages are words in the names of columns with addresses of other things than products,
// ownerWords those of whom many products may have.
var (
	otherPages = wordSet("video logo pdf profile manual youtube")
	ownerWords = wordSet("shop store seller vendor supplier brand manufacturer author hersteller marke")
)

func hasWord(name string, words map[string]bool) bool {
	return slices.ContainsFunc(nameWords(name), func(word string) bool { return words[word] })
}

// holdsKeys reports whether a column has keys: short values that do not repeat.
func holdsKeys(key string, s valueStats) bool {
	folded := foldName(key)
	return (hasWord(key, keyWords) || keyEnding.MatchString(folded) && !otherKeyStart.MatchString(folded)) && !hasWord(key, otherKeyWords) &&
		s.values > 1 && s.distinct == s.values && s.all(s.slugs) && s.all(s.digits)
}

// take sets the field that the column's name stands for, unless its values contradict.
func (c *column) take(known fieldRank, s valueStats) {
	c.field, c.rank = known.field, known.rank
	if s.values == 0 {
		return
	}
	switch known.field {
	case fieldImage:
		c.takeIf(s.addresses+s.pictures > 0 || !s.all(s.numbers) && s.words == s.values && s.digits > 0 && s.bytes > 6*s.values)
		if s.addresses == 0 {
			c.rank += 2 * rankByValue // paths are of use only if there are no addresses
		}
	case fieldPage:
		c.takePage(s)
	case fieldName:
		if s.all(s.addresses) {
			c.field, c.rank = fieldPage, known.rank+rankByValue
		}
		if s.all(s.slugs) && s.all(s.digits) {
			c.rank += rankByValue // it has keys, and is the name only if there is no better one
		}
	case fieldType:
		c.hidden = s.all(s.shopTypes)
		if s.most(s.paths) {
			c.field, c.rank = fieldCategory, known.rank+rankOfVariants
		}
		c.takeIf(!c.hidden)
	case fieldCategory:
		c.hidden = s.all(s.shopTypes) || s.all(s.codes)
		c.takeIf(!c.hidden)
	case fieldPrice:
		c.takeIf(s.digits > 0 || foldName(c.key) == "pricerange") // "$$"
	case fieldDescription:
		const fewWords = 8 // an address, and not a text with pictures in it
		c.takeIf(!s.all(s.numbers) && (!s.all(s.addresses) || s.words > fewWords*s.values))
	case fieldID:
		if s.values >= 4 && 2*s.distinct <= s.values && !slices.Contains([]string{"id", "sku", "handle"}, foldName(c.key)) {
			c.rank += rankByValue // it repeats, and is a key only if there is no better one
		}
	default: // any text does
	}
}

func (c *column) takeIf(ok bool) {
	if !ok {
		c.field, c.rank = attribute, 0
	}
}

func (c *column) takePage(s valueStats) {
	switch {
	case s.most(s.pictures):
		c.field, c.rank = fieldImage, c.rank+rankOfVariants
	case s.addresses == 0 && foldName(c.key) == "product":
		c.take(fieldRank{fieldName, rankOfVariants}, s)
	case s.addresses == 0 && s.all(s.slugs) && !s.most(s.slugs-dotted(c.values)):
	case s.addresses == 0:
		c.field, c.rank, c.hidden = attribute, 0, s.all(s.slugs)
	}
}

// dotted counts the values with a dot, as in "shop.example/p/1".
func dotted(values []Value) int {
	n := 0
	for _, v := range values {
		if strings.Contains(v.String(), ".") {
			n++
		}
	}
	return n
}

// takeByValue sets the field that the column's values stand for.
func (c *column) takeByValue(s valueStats) {
	const longText = 100 // bytes, of a description
	switch {
	case s.pictures+s.addresses > 0 && hasWord(c.key, pictureWords) && (s.most(s.pictures) || s.most(s.addresses)),
		s.addresses > 0 && s.most(s.pictures):
		c.field = fieldImage
	case s.all(s.addresses) && (hasWord(c.key, otherPages) || s.distinct < s.values && hasWord(c.key, ownerWords)):
		c.hidden = true
		return
	case s.all(s.addresses):
		c.field = fieldPage
	case s.most(s.money):
		c.field = fieldPrice
	case s.values > 0 && s.bytes > longText*s.values && s.words > 8*s.values:
		c.field = fieldDescription
	case s.all(s.slugs) && hasWord(c.key, skuWords):
		c.field, c.rank = fieldID, fileNames["handleid"].rank-1 // a handle is of all variants
		return
	case holdsKeys(c.key, s):
		c.field = fieldID
	default:
		return
	}
	c.rank = rankByValue
	if c.field == fieldImage && s.addresses == 0 {
		c.rank += 2 * rankByValue
	}
}

// drops reports whether the caller wants no column for the field.
func (m *Mapping) drops(f field) bool {
	return slices.ContainsFunc(m.choices, func(c choice) bool { return c.known && c.field == f && c.name.text == "" })
}
