package table

import (
	"regexp"
	"slices"
	"strings"
)

// bookkeeping are words in the names of columns that hold the shop's bookkeeping, which
// says nothing about what a product is.
var bookkeeping = wordSet(`stock stocks inventory qty quantity quantities weight gross net grams tax taxes taxable vat mwst ust steuer tva iva btw moms barcode
	gtin ean ean13 upc isbn mpn seo meta visibility visible published publish status created updated modified deleted date dates datum timestamp time
	shipping fulfillment fulfilment delivery lieferzeit versand bestand lager lagerbestand menge gewicht sichtbar sichtbarkeit aktiv active activo enabled
	poids quantité livraison peso existencias cantidad envío magazzino quantità giacenza spedizione estoque quantidade waga ilość magazyn dostępność
	voorraad gewicht aantal verzending vikt lagersaldo antal position sort order ordering backorders backorder download downloads downloadable virtual
	cost margin currency availability available sellable gift websites website_ids view rating ratings review reviews votes sold sales upsell
	upsells crosssell crosssells crosssell cross related incoming committed unavailable purchase minimum maximum min max discount sale layout template redirect author comment comments
	comments google merchant hs harmonized hazmat warehouse supplier_sku tracker policy compare position old index row featured online erstellt geändert
	aktualisiert verfügbar verfügbarkeit disponibilité disponibilidad disponibilità disponibilidade beschikbaarheid tillgänglighet skus visibile activa
	condition zustand channel channels adult marketplace watchers bids website subtract points disabled layout checkout googlecheckout veröffentlicht
	publié publicado pubblicato gepubliceerd opublikowano publicerad hervorgehoben destacado uitgelicht wyróżnione steuerstatus steuerklasse steuersatz
	vorrätig lagernd lagermenge mindestbestand lieferstatus lieferrückstände kundenbewertungen bewertungen visibilité visibilidad visibilità zichtbaarheid
	widoczność synlighet instock stockmin minpurchase maxpurchase purchasesteps shippingtime shippingfree topseller added changed artikelgewicht versandgewicht
	recommendable sztuk wysyłki zwrotów magazynowy stan conditie levertijd afleverwijze surcharge blocked inactive ativo edited mengeneinheit preiseinheit
	rabattgruppe mengenrabatt pos versandkosten porto vorkasse nachnahme ship inkoopprijs evaluation hits command scraped language sprache langue idioma lingua taal język språk action comparison reasons listed lead
	liefergewicht nettogewicht bruttogewicht ek einkaufspreis wholesale achat acquisto inkoop zakupu inköpspris compra dispatch duration paypal returns
	verpackungseinheit mindestbestellmenge bestelleinheit zolltarifnummer ursprungsland`)

// ofPrices are those of the words above that a name for a price may have as well.
var ofPrices = wordSet(`gross net sale sales discount tax taxes taxable vat mwst ust tva iva btw moms min minimum`)

// flagWords are words in the names of columns that say whether the shop does something.
var flagWords = wordSet("is has are can allow allows allowed show use enable exists required ist hat erlauben")

// flagValues are what such a column says.
var flagValues = wordSet("0 1 y n yes no true false ja nein j oui non si sí não sim tak nie nee nej on off")

// notBookkeeping are names that the rule above would take, folded.
var notBookkeeping = wordSet("gift googleproductcategory googleshoppinggoogleproductcategory saleprice salesprice salesdescription")

// bookkeepingNames are whole names of such columns, folded.
var bookkeepingNames = foldedSet(`option1 name, option2 name, option3 name, image position, variant inventory policy, gtin, url key, slug, store view
	code, product websites, product online, has options, required options, swatch image label, item is refurbished?, in stock?, sold individually?, allow
	customer reviews?, allow backorders?, low stock amount, external url, button text, menu order, page title, metatitle, meta title, meta description,
	meta keywords, search engine title, custom label 0, custom label 1, custom label 2, custom label 3, custom label 4, variant id, shop id, store id,
	parent child, parentage, relationship type, variation theme, update delete, product tax code, condition, condition type, tag text, msrp price, no,
	nr, #, row, index, is featured?, who made, when made, is supply, taxonomy id, item type bigcommerce, category id, category ids,
	categories ids, brand id, manufacturer id, parent id, created at, updated at, published scope, template suffix, admin graphql api id, coo, bin name, on hand
	(current), on hand (new), condition id, état, format, listing site, gallery type, options container, configurable variations, configurable variation
	labels, bundle values, associated skus, x_sell products, x_sell groups, custom label 5, paypal, te koop, shop name, store name, seller name, verkäufer, 在庫数, 库存, trade count, image width,
	image height, sename, start url, web scraper start url, web scraper order`)

// isBookkeeping reports whether a column is the shop's bookkeeping by its name.
func isBookkeeping(name string) bool {
	if _, rest, ok := strings.Cut(name, ":"); ok && strings.HasPrefix(name, "g:") {
		name = rest
	}
	folded := foldName(name)
	if notBookkeeping[folded] {
		return false
	}
	if bookkeepingNames[folded] || folded == "" && bookkeepingNames[strings.TrimSpace(name)] {
		return true
	}
	for _, entity := range []string{"product", "item", "variant", "stock"} { // "productweight"
		if rest, ok := strings.CutPrefix(folded, entity); ok && bookkeeping[rest] {
			return true
		}
	}
	return slices.ContainsFunc(nameWords(name), func(word string) bool { return bookkeeping[word] })
}

// isPriceName reports whether a column has a price of the product by its name.
func isPriceName(name string) bool {
	folded := foldName(name)
	price := hasWord(name, priceWords)
	for _, part := range []string{"price", "preis", "prijs", "価格", "价格"} { // within compounds too
		price = price || strings.Contains(folded, part)
	}
	return price && !bookkeepingNames[folded] && !ofOtherThanPrice.MatchString(folded) &&
		!slices.ContainsFunc(nameWords(name), func(word string) bool { return bookkeeping[word] && !ofPrices[word] })
}

// ofOtherThanPrice are the ends of names for what belongs to a price.
var ofOtherThanPrice = regexp.MustCompile(`(einheit|gruppe|kennzeichen|unit|group|type|code|list)$`)

var priceWords = wordSet("listino prix precio prezzo preço cena pris tarif tarifa vk rrp msrp pvp")

// features are words for what furniture has and where it stands, about which a column may ask
// too: "Outdoor use".
var features = wordSet(`outdoor indoor garden patio bathroom kitchen office kids children storage drawer drawers door doors shelf shelves arms armrest
	armrests backrest headrest headboard footrest wheels castors casters legs cushion cushions mattress bed sleeper sleeps chaise upholstered upholstery
	fabric leather wood wooden wicker rattan glass mirror metal marble foldable folding folds extendable extensible expandable adjustable reclining
	recliner swivel rotating stackable modular convertible removable washable waterproof weatherproof weather lamp light lights lighting bulb bulbs led
	dimmable ausziehbar klappbar verstellbar stapelbar drehbar armlehnen rollen schlaffunktion bettkasten schubladen polsterung gepolstert`)

// isFlag reports whether a column says yes or no to a question of the shop's.
func isFlag(name string, s valueStats) bool {
	asks := !hasWord(name, features) && (strings.HasSuffix(strings.TrimSpace(name), "?") || strings.Contains(name, "0/1") || strings.Contains(name, "0 = ") || hasWord(name, flagWords))
	return s.all(s.flags) && (asks || s.all(s.zeros))
}

// code is a number or a random key, of a thing that the file does not describe.
var code = regexp.MustCompile(`^([0-9]+|[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}|[0-9a-f]{24})$`)

// isCode reports whether a text has nothing but codes.
func isCode(text string) bool {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;| \n", r) })
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(part string) bool { return !code.MatchString(part) })
}

// codeWords end the names of columns with codes. Numbers in other columns count or measure.
var codeWords = wordSet("id ids uuid guid number nr no code codes nodes category categories kategorie")

// isOtherKey reports whether a column has keys of something else than products.
func isOtherKey(name string, s valueStats) bool {
	words := nameWords(strings.TrimRight(name, "0123456789 -_"))
	return s.all(s.codes) && (s.numbers == 0 && s.bytes >= 24*s.values || len(words) > 1 && codeWords[words[len(words)-1]])
}
