package lexicon

// All weights are in this file. `credenza eval FILE` shows the effect of a change on a
// labelled catalogue.

// Weights of the fields of an item. A shop's type is the shortest and most reliable; a
// name may be only a brand; prose describes the room.
const (
	typeWeight        = 1.2
	nameWeight        = 1.0
	kindWeight        = 0.8 // attributes with a key such as "product type"
	categoryWeight    = 0.5
	tagWeight         = 0.2
	attributeWeight   = 0.1
	descriptionWeight = 1.0

	// hintHeadWeight is for a head that is a hint.
	hintHeadWeight = 0.2
	// maxHints bounds the weight of all hints for a category: less than a name.
	maxHints = 0.5
	// unknownType is for the fallback, or against all, if the type names nothing known.
	unknownType = 0.5
	// unknownItem is for the same in any case: it decides if no word is known.
	unknownItem = 0.08
)

// hintWeights are the weights of one hint, by field.
var hintWeights = [numFields]float64{
	fieldType: 0.2, fieldName: 0.15, fieldCategory: 0.15, fieldTags: 0.1, fieldAttributes: 0.1, fieldDescription: 0.12,
}

// relationWeights are the weights of a phrase's head, by relation.
var relationWeights = [...]float64{1, 0.6, 0.12, 0.05, 0.1, 0}

// rankWeights are the weights of the first, second... phrase that names something: in a
// long title, the first phrases name the product, and later ones are for search
// engines.
var rankWeights = [...]float64{1, 0.55, 0.45, 0.35, 0.25, 0.2, 0.15, 0.1}

// Shares of words other than the head of the first phrase.
const (
	// modifierShare is for the word before the head: "desk" in "desk lamp".
	modifierShare = 0.05
	// otherShare is for other products in the phrase.
	otherShare = 0.2
	// coordinateShare is for each further one of "table and chairs".
	coordinateShare = 0.5
	// bracketShare is for text in brackets.
	bracketShare = 0.3
	// doubtShare remains for a head before an unknown word. The rest is for the fallback.
	doubtShare = 0.58
	// partShare is for a part as the head of a name: "Old Drawers" is a chest of them, if
	// another field says so.
	partShare = 0.35
	// listShare is for text that may continue a list of rooms or uses.
	listShare = 0.5
)

// Weights of phrases in a description.
const (
	openingWeight = 0.5 // "Armchair, 80x90 cm"
	thisWeight    = 0.6 // "This armchair"
	theWeight     = 0.3 // "Fold the chair"
	proseWeight   = 0.25
	// prosePartWeight is for "the legs": every product has parts.
	prosePartWeight = 0.02
)

// Limits of the text that is read, because the product is named at the beginning and
// time must not grow with the text.
const (
	maxNameBytes        = 400
	maxDescriptionBytes = 600
	maxTagBytes         = 100
	maxTags             = 16
	maxAttributes       = 16
)
