package table

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// columnNames are the names of columns by the field that they fill, as shops' programs and
// people write them, the best first: Shopify, WooCommerce, Magento, BigCommerce,
// PrestaShop, Akeneo, Etsy, AliExpress, Amazon, Google Merchant, and the usual words in
// eight languages. Case, spaces, accents and punctuation do not matter.
var columnNames = []struct {
	field field
	names string
}{
	{fieldID, `id, item_id, product id, variant sku, sku, item sku, seller sku, product sku, product code/sku, sku code, identifier, article number,
		item number, product number, product code, item code, part number, model number, offer id, listing id, entity id, asin, asin1, uuid, artikelnummer,
		artikelnr, artikel-nr., art.-nr., artnr, bestellnummer, sachnummer, produktnummer, référence, réf, ref, réf. produit, référence produit, code
		article, code produit, numéro d'article, referencia, código, código de producto, código de artículo, codice, codice articolo, codice prodotto,
		riferimento, código do produto, referência, kod, kod produktu, indeks, symbol, nr katalogowy, artikelkod, productcode, productnummer, id product,
		produkt-id, ugs, cod, code, bezeichner, alias, identifiant, identificador, identificatore, matnr, 商品番号, 商品編号, 商品编号, артикул, ordernumber, order number, variation number, variant number, variation id, referentie, referenz, internal reference, seller product id, supplier part number, supplier pid, supplier aid, custom label, custom label
		(sku), handle id, handle, url handle`},
	{fieldName, `product_name, name, title, product title, item name, item title, listing title, post title, product, product label, article name, goods
		name, model name, subject, label, produktname, artikelname, artikelbezeichnung, produktbezeichnung, bezeichnung, titel, produkttitel, artikeltitel,
		artikel, produkt, nom, nom du produit, nom produit, nom de l'article, titre, titre du produit, désignation, intitulé, libellé, article, produit,
		nombre, nombre del producto, nombre producto, nombre del artículo, título, título del producto, denominación, artículo, producto, nome, nome
		prodotto, nome del prodotto, nome articolo, titolo, denominazione, prodotto, articolo, nome do produto, nome produto, título do produto, produto,
		artigo, nazwa, nazwa produktu, nazwa towaru, tytuł, naam, productnaam, artikelnaam, producttitel, namn, produktnamn, benämning, varunamn,
		title short, short label, short name, display name, display title, libellé long, libellé court, libellé produit, titre long, denominación del
		artículo, materialkurztext, maktx, 商品名, 商品名称, 商品标题, 标题, название, наименование, название товара`},
	{fieldDescription, `description, product description, body (html), body html, body, long description, full description, html description, item
		description, description html, post content, content, product overview, sales description, marketing copy, description long, overview, about this item, about, summary, details, text,
		beschreibung, produktbeschreibung, artikelbeschreibung, langbeschreibung, langtext, détails, description produit, description du produit,
		description longue, descriptif, descripción, descripción del producto, descripción larga, descrizione, descrizione prodotto, descrizione lunga,
		descrição, descrição do produto, opis, opis produktu, długi opis, omschrijving, beschrijving, productomschrijving, productbeschrijving,
		beskrivning, produktbeskrivning, short description, post excerpt, excerpt, bullet points, bullet point, bullet point 1, key features, features,
		kurzbeschreibung, kurztext, description courte, résumé, descripción corta, descripción breve, descrizione breve, descrizione corta, descrição
		curta, descrição breve, marketing description, site description, long text, 商品説明, 商品説明文, 商品描述, 描述, описание, krótki opis, opis krótki, korte omschrijving, korte beschrijving, kort beskrivning, description short, short text, desc, descr`},
	{fieldType, `type, product type, item type, item type keyword, item type name, feed product type, item type name, kind, family, subcategory, sub
		category, produkttyp, produktart, artikelart, artikeltyp, type de produit, type produit, famille, tipo, tipo de producto, tipo producto, tipo di
		prodotto, tipo prodotto, tipo de produto, typ, typ produktu, rodzaj, rodzaj produktu, soort, producttype, productsoort`},
	{fieldCategory, `category, current category, categories, categories xyz, product category, product categories, main category, category name, category path, ebay category 1 name, google
		product category, google shopping / google product category, standard product type, custom product type, breadcrumb, breadcrumbs, department,
		section, node, node path, browse node, product group, attribute set code, attribute set, kategorie, kategorien,
		produktkategorie, hauptkategorie, warengruppe, produktgruppe, artikelgruppe, sortiment, catégorie, catégories, catégorie du produit, rayon,
		univers, categoría, categorías, categoría del producto, sección, categoria, categorie, categoria prodotto, reparto, categorias, categoria do
		produto, departamento, kategoria, kategorie produktu, kategoria produktu, dział, productcategorie, productgroep, kategori, produktkategori,
		varugrupp, class name, primary category, merchant category, store category, shop category, item category name, hoofdgroep, カテゴリ, カテゴリー, 类目, 分类, категория, item category, hoofdcategorie, kategoria główna, category text, collection, collections, cat`},
	{fieldStyles, `style, styles, design style, furniture style, stil, stilrichtung, estilo, stile, styl, stijl`},
	{fieldTags, `tags, tag, product tags, keywords, keyword, search terms, generic keyword, generic keywords, schlagwörter, schlagworte, stichwörter, mots
		clés, suchbegriffe, étiquettes, etiquetas, palabras clave, parole chiave, etichette, palavras-chave, słowa kluczowe, tagi, trefwoorden, nyckelord, taggar`},
	{fieldPrice, `price range, price, variant price, regular price, standard price, list price, sale price, special price, retail price, price tax excluded, price tax included, preis,
		verkaufspreis, bruttopreis, prix, prix ttc, prix de vente, precio, pvp, precio de venta, prezzo, prezzo di vendita, preço, preço de venda, cena,
		cena brutto, prijs, verkoopprijs, pris, sales price, brutto vk, vk brutto, vk preis, netto vk, msrp, uvp, 販売価格, 価格, 价格, цена`},
	{fieldImage, `image_url, image src, image link, main image url, main image, main product image locator, base image, primary image, image, images,
		image urls, image urls xyz, image url 1, image link 1, product image url, product image file, product images, product image, picture,
		pictures, picture url, photo, photos, photo url, img, img url, img src, cover image, featured image, hero image, media, pictures url, image 1,
		photo 1, picture 1, bild, bilder, bild-url, bildlink, hauptbild, produktbild, produktbilder, artikelbild, foto, fotos, abbildung, image
		principale, url image, url de l'image, images produit, photo produit, imagen, imágenes, imagen principal, url imagen, url de la imagen,
		immagine, immagini, immagine principale, url immagine, imagem, imagens, imagem principal, url da imagem, zdjęcie, zdjęcia, zdjęcie główne,
		obrazek, afbeelding, afbeeldingen, afbeelding url, hoofdafbeelding, bildadress, huvudbild, produktfoto, variant image, small image, thumbnail,
		thumbnail image, thumb, swatch image, additional images, additional image link, additional image links, other image url, gallery, galerie, image
		name, files & media, 商品画像url, 商品画像, 图片, 主图, изображение, фото`},
	{fieldPage, `product_url, product link, product page, page url, link, url, permalink, canonical link, canonical url, item url, listing url, detail page
		url, deeplink, deep link, webpage, website, href, mobile link, produkt-url, produktlink, produktseite, artikellink, lien, lien produit, url
		produit, url du produit, page produit, enlace, url del producto, enlace del producto, collegamento, link prodotto, url prodotto, link do
		produto, url do produto, ligação, link do produktu, adres url, odnośnik, productlink, productpagina, länk, produktlänk`},
	{fieldParent, `handle, url handle, handle id, parent, parent sku, parent id, parent asin, parent product, parent product id, parent code, item group id, group
		id, variant group id, variation group, variant of, master sku, vaterartikel, elternartikel, hauptartikel, übergeordneter artikel, référence
		parent, sku parent, sku padre, sku pai, id gruppo, übergeordnet, superior, genitore, hoofdproduct, bovenliggend, nadrzędny,
		rodzic, ascendente, förälder, main number, mainnumber, parent product number, parent number`},
}

// shortDescriptions are names of columns that may hold the kind of product in a few words,
// folded.
var shortDescriptions = foldedSet(`short description, kurzbeschreibung, kurztext, description courte, descripción corta, descripción breve, descrizione
	breve, descrizione corta, descrição curta, descrição breve, krótki opis, opis krótki, korte omschrijving, korte beschrijving, kort beskrivning, short text`)

// blankWords are what people write in a cell that has no value.
var blankWords = foldedSet(`n/a, na, #n/a, -, --, —, –, ?, tbd, tba, none, null, nil, nan, undefined, no image, no_selection, no picture, no photo, noimage, not available, missing, kein bild,
	kein foto, ohne bild, keine angabe, k.a., aucune image, pas d'image, sans image, sin imagen, ninguna, nessuna immagine, sem imagem, brak, brak
	zdjęcia, geen, geen afbeelding, ingen, ingen bild, default title, no old price, #ref!, #value!, #name?, [], {}`)

// shopTypes are values of a column "type" that say how a product is sold, not what it is.
var shopTypes = wordSet(`simple simpleproduct variable variation variant grouped external configurable bundle virtual downloadable physical product item sku rule
	image parent child digital subscription giftcard standard pack combinations combination active default service p v affiliate productbundle products productvariation
	productoption productvariant option media video storableproduct goods consumable doc listitem inventoryitem noninventoryitem inventory noninventory kititem assemblyitem serviceitem`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[foldName(word)] = true
	}
	return set
}

func foldedSet(text string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.Join(strings.Fields(name), " ")
		if folded := foldName(name); folded != "" {
			set[folded] = true
		} else if name != "" {
			set[name] = true
		}
	}
	return set
}

// specialLetters are those that Unicode does not take apart.
var specialLetters = strings.NewReplacer("ß", "ss", "ł", "l", "ø", "o", "æ", "ae", "œ", "oe", "đ", "d", "ı", "i")

// foldName returns a name in the form in which columns of files are compared: its letters
// and digits, in lower case and without accents.
func foldName(name string) string {
	var short [64]byte
	if folded, ok := foldASCII(short[:0], name); ok {
		return string(folded)
	}
	lower := specialLetters.Replace(strings.ToLower(name))
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, norm.NFKD.String(lower))
}

// foldASCII appends what foldName returns to buf. It returns false for other letters.
func foldASCII(buf []byte, name string) ([]byte, bool) {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= utf8.RuneSelf:
			return nil, false
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			buf = append(buf, c)
		case 'A' <= c && c <= 'Z':
			buf = append(buf, c+'a'-'A')
		}
	}
	return buf, true
}

// nameWords returns the words of a name, folded. A capital within a word begins another
// one: "productTitle".
func nameWords(name string) []string {
	var split strings.Builder
	before := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			split.WriteByte(' ')
		}
		split.WriteRune(r)
		before = r
	}
	words := strings.FieldsFunc(split.String(), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for i, word := range words {
		words[i] = foldName(word)
	}
	return words
}

// locales are codes of languages, countries and channels that exports append to names:
// "name-en_US", "Titel [de]".
var locales = wordSet(`en de fr es it nl pl pt sv da fi nb cs us gb uk at ch be ca mx br se dk au ie eu eng deu ger fra fre spa ita default ecommerce
	print mobile web shopify html text plain value deutsch german englisch english français french español spanish italiano italian nederlands dutch polski polish
	português portuguese svenska swedish`)

// entities are words for the product itself in names: "product description".
var entities = wordSet(`product item variation article goods listing variant offer oferty oferta produkt artikel produit producto articulo prodotto articolo produto artigo towar
	du del de di do des la le l el il o a of the your`)

// sellers are words for the shop itself at the end of names: "Artikelnummer im Shop".
var sellers = wordSet("im shop vendeur marchand venditore vendedor sprzedawcy verkäufer verkäufers händler verkoper")

// namedField returns the field that a column of a file fills by its name, and its rank.
func namedField(name string) (fieldRank, bool) {
	name = strings.TrimPrefix(name, "\ufeff")
	if i := strings.IndexAny(name, "[\r\n"); i > 0 {
		name = name[:i]
	}
	if prefix, rest, ok := strings.Cut(name, ":"); ok && len(prefix) <= 2 {
		name = rest // the name space of a feed: "g:title"
	}
	if known, ok := fileNames[foldName(name)]; ok {
		return known, true
	}
	for _, named := range []func(string) (fieldRank, bool){remarked, localized, numbered, nested} {
		if known, ok := named(name); ok {
			return known, true
		}
	}
	return fieldRank{}, false
}

// remarked returns the field of a name with a remark: "Prix (TTC)".
func remarked(name string) (fieldRank, bool) {
	name, remark, ok := strings.Cut(name, "(")
	known, named := fileNames[foldName(name)]
	return known.after(rankOfVariants), ok && named && (known.field == fieldPrice || !isBookkeeping(remark))
}

// localized returns the field of a name with a language at either end: "name-en_US", "NL_Title".
func localized(name string) (fieldRank, bool) {
	words := nameWords(name)
	for rest := words; len(rest) > 1 && locales[rest[len(rest)-1]]; {
		rest = rest[:len(rest)-1]
		if known, ok := fileNames[strings.Join(rest, "")]; ok {
			return known.after(rankOfVariants), true
		}
	}
	if len(words) < 2 || !locales[words[0]] {
		return fieldRank{}, false
	}
	known, ok := fileNames[strings.Join(words[1:], "")]
	return known.after(rankOfVariants), ok
}

// nested returns the field of a path within a product or a variant of it, as programs write
// it when they make a table of records: "ItemTexts.name1". A path within another part of a
// product has the name of that part: "Product Category/Complete Name".
func nested(name string) (fieldRank, bool) {
	steps := "./"
	if strings.Contains(name, "_") && strings.ContainsFunc(name[1:], unicode.IsUpper) && strings.ContainsFunc(name, unicode.IsLower) {
		steps = "_" // "productDescription_category"
	}
	at := strings.LastIndexAny(name, steps)
	if at <= 0 || at+1 == len(name) {
		return fieldRank{}, false
	}
	part := name[:strings.IndexAny(name, steps)]
	if known, ok := namedField(part); ok && ownTexts[foldName(name[at+1:])] {
		own := known.field == fieldCategory || known.field == fieldImage || known.field == fieldPrice
		return known.after(rankOfVariants), own || textsOfParts[foldName(name[at+1:])]
	}
	owner := name[:at]
	if !hasWord(owner[strings.LastIndexAny(owner, steps)+1:], entities) { // "product.brand.name"
		return fieldRank{}, false
	}
	known, ok := namedField(name[at+1:])
	return known.after(rankOfVariants), ok
}

// ownTexts are the names of what stands for the part of a product that it is in, folded, and
// textsOfParts those of texts alone: "name.language".
var (
	ownTexts     = wordSet("name completename displayname fullname title src url value amount text label path language lang")
	textsOfParts = wordSet("value text language lang")
)

const (
	rankOfVariants = 100 // a name of the list with something before or after it
	rankOfNumbers  = 200 // and numbered
)

func (c fieldRank) after(by int) fieldRank { return fieldRank{c.field, c.rank + by} }

// numbered returns the field of "image 2" and "product image". Of the fields that are
// numbered, only pictures take more than the first.
func numbered(name string) (fieldRank, bool) {
	words := nameWords(name)
	base := strings.TrimRight(strings.Join(words, ""), "0123456789")
	if known, ok := fileNames[base]; ok && base != strings.Join(words, "") && base != "" {
		if number := strings.Join(words, "")[len(base):]; known.field == fieldImage || number == "1" {
			return known.after(rankOfNumbers + len(number)*10 + int(number[len(number)-1]-'0')), true
		}
		return fieldRank{}, false
	}
	rest := words
	for len(rest) > 1 && entities[rest[0]] {
		rest = rest[1:]
	}
	for len(rest) > 1 && (entities[rest[len(rest)-1]] || sellers[rest[len(rest)-1]]) {
		rest = rest[:len(rest)-1]
	}
	if len(rest) == len(words) {
		return fieldRank{}, false
	}
	known, ok := fileNames[strings.Join(rest, "")]
	return known.after(rankOfVariants), ok
}

// fileNames are the known names of columns in files, folded.
var fileNames = map[string]fieldRank{}

// parentNames are the names of columns that join a product's rows, folded.
var parentNames = map[string]int{}

func init() {
	for _, known := range columnNames {
		for i, name := range strings.Split(known.names, ",") {
			name = strings.Join(strings.Fields(name), " ")
			if known.field == fieldParent {
				parentNames[foldName(name)] = i + 1
				continue
			}
			if _, taken := fileNames[foldName(name)]; !taken {
				fileNames[foldName(name)] = fieldRank{known.field, i + 1}
			}
			// Readers find the header by the names as they are written. Addresses do not help:
			// everything on a page has one.
			if _, taken := columns[string(fold(nil, name))]; !taken && known.field != fieldPage {
				columns[string(fold(nil, name))] = fieldRank{known.field, i + rankOfVariants}
			}
		}
	}
}

// What is added to a column's name for the addresses behind its cells. Others are those in
// columns that are not for them: of pages, icons and filters, which fill no field unless
// the caller chooses them.
const (
	ownLink   = " (link)"
	otherLink = " (other link)"
)

// linkKey returns the key of the addresses behind the cells of a column.
func linkKey(key string) string {
	known, _ := namedField(key)
	if known.field == fieldImage || known.field == fieldPage || hasWord(key, pictureWords) || hasWord(key, addressWords) {
		return key + ownLink
	}
	return key + otherLink
}
