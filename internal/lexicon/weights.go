package lexicon

// The numbers that decide how words weigh against each other are all here. They
// are plain constants: whoever changes one sees what it does to a labelled catalogue
// with `credenza eval FILE`.

// What the parts of an item say about its category. A shop's type is the shortest
// and surest; a name may be nothing but a brand's; prose talks about the room.
const (
	typeWeight        = 1.2
	nameWeight        = 1.0
	kindWeight        = 0.8 // attributes whose key says that they name the kind
	categoryWeight    = 0.5
	tagWeight         = 0.2
	attributeWeight   = 0.1
	descriptionWeight = 1.0

	// hintHeadWeight is for a head that hints without naming a product.
	hintHeadWeight = 0.2
	// maxHints is how much all hints together can say for a category: less than
	// a name.
	maxHints = 0.5
	// unknownType is for the fallback, or against all, where a type is given and names nothing known.
	unknownType = 0.5
	// unknownItem is so too in any case: it wins where nothing speaks.
	unknownItem = 0.08
)

// hintWeights are what one hint says, by field.
var hintWeights = [numFields]float64{
	fieldType: 0.2, fieldName: 0.15, fieldCategory: 0.15, fieldTags: 0.1, fieldAttributes: 0.1, fieldDescription: 0.12,
}

// partWeights are how much a phrase's head says in each part.
var partWeights = [...]float64{1, 0.6, 0.12, 0.05, 0.1, 0}

// rankWeights are how much the first, second... phrase that names something says:
// in a title of many phrases the first ones are about the product, the later
// ones about who may search for it.
var rankWeights = [...]float64{1, 0.55, 0.45, 0.35, 0.25, 0.2, 0.15, 0.1}

// What words say beside the head of their phrase, as shares of it.
const (
	// modifierShare is for the word before the head: in "desk lamp" it says what
	// kind of lamp.
	modifierShare = 0.05
	// besideShare is for products strung together, as titles do.
	besideShare = 0.2
	// coordinateShare is for each further one of "table and chairs".
	coordinateShare = 0.5
	// asideShare is for what stands in brackets.
	asideShare = 0.3
	// doubtShare is left to a head that an unknown word follows; the rest goes to
	// whatever that word may be.
	doubtShare = 0.58
	// listShare is for what may only go on with a list of rooms or uses.
	listShare = 0.5
)

// What a phrase of a description says, by what it is.
const (
	openingWeight = 0.5 // "Armchair, 80x90 cm"
	thisWeight    = 0.6 // "This armchair"
	theWeight     = 0.3 // "Fold the chair"
	proseWeight   = 0.25
	// partToldWeight is for "the legs": every product has parts.
	partToldWeight = 0.02
)

// How much of an item's text is looked at, in bytes: what a product is stands at
// the beginning, and time must not grow with the text.
const (
	maxNameBytes        = 400
	maxDescriptionBytes = 600
	maxTagBytes         = 100
	maxTags             = 16
	maxAttributes       = 16
)
