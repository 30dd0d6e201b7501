package lexicon

// role is the function of a word in a phrase, independent of the taxonomy.
type role uint8

const (
	roleNone role = iota
	// roleWith begins a feature: "bed with storage".
	roleWith
	// roleFor begins a purpose: "cover for a sofa".
	roleFor
	// roleOf joins a quantity to its noun, or a material to its thing.
	roleOf
	// roleWithout begins a feature that the product lacks.
	roleWithout
	// roleAnd joins two words of one kind.
	roleAnd
	// roleThis points to the product in prose: "this elegant chair".
	roleThis
	// roleThe may point to the product: "fold the chair".
	roleThe
	// roleVerb ends a subject in prose.
	roleVerb
	// roleUnit is a noun that takes its kind from the word before it or from its
	// contents: "shelf unit", "combination with drawers", "set of vases".
	roleUnit
	// roleAttribute is a property: there is no bed in "king bed size".
	roleAttribute
	// rolePart is a part that describes the whole: "table round glass top". Directly
	// after a product it is the product itself: "table top".
	rolePart
	// roleAccessory is sold for a product: "chair pad".
	roleAccessory
	// roleCover is an accessory also before its product: "cover 2-seat sofa".
	roleCover
	// roleLike makes the noun before it a property: "pet-friendly", "cat print".
	roleLike
	// roleFiller has no meaning here and separates nothing: "black", "round".
	roleFiller
	numRoles
)

// grammar is the part of English that product names use. A word has one role.
var grammar = [numRoles][]string{
	roleWith: {
		"with", "w", "in", "on", "by", "from", "featuring", "feature", "including", "include", "plus", "at", "behind", "under", "above",
		"via", "using", "that", "which", "has", "have", "made", "inspired", "against",
	},
	roleFor:     {"for", "to", "fit", "compatible", "f", "as"},
	roleOf:      {"of"},
	roleWithout: {"without", "no", "not", "excluding", "wo", "w o", "except"},
	roleAnd:     {"and", "or", "und"},
	roleThis:    {"this", "these"},
	roleThe:     {"the"},
	roleVerb: {
		"is", "are", "was", "were", "be", "can", "will", "may", "must", "make", "give", "offer", "provide", "add", "bring", "let", "help",
		"keep", "create", "use", "need", "come", "hold", "you", "it", "we", "they", "so", "because", "when", "where", "if", "than", "like",
		"look", "complement", "blend", "combine", "choose", "enjoy", "read", "allow", "easy", "also", "but", "while", "sold",
	},
	roleUnit: {
		"unit", "combination", "combo", "comb", "set", "pair", "pack", "system", "module", "frame", "series", "collection", "piece", "suite", "model", "group",
		"section", "range", "bundle", "package", "replica", "design", "furniture", "qty", "pk", "element", "version",
	},
	roleAttribute: {
		"finish", "size", "colour", "color", "material", "shape", "type", "style", "pattern", "configuration", "config", "capacity",
		"height", "width", "depth", "length", "weight", "dimension", "fabric colour", "structure", "theme", "shade color", "shade colour",
		"shade material", "shade finish", "shade shape", "base finish", "home decor", "home decoration", "living room decor",
		"room decor", "home furniture", "furniture design", "hardware finish",
	},
	rolePart: {"top", "base", "back", "seat", "arm", "trim", "foot", "edge", "side", "rest", "apron"},
	roleAccessory: {
		"pad", "cushion", "leg", "castor", "caster", "wheel", "handle", "knob", "hinge", "bracket", "connector", "cap", "glide", "slide", "mount", "rail",
		"rod", "panel", "door", "drawer", "front", "plinth", "insert", "divider", "fitting", "screw", "bolt", "lever", "cable", "cord", "protector",
		"topper", "liner", "skirt", "hook", "organizer", "organiser", "holder", "caddy", "template", "hardware", "slat", "kit", "extension",
		"accessory", "attachment", "adapter", "screen", "riser", "lock", "latch", "clip", "armrest", "headrest", "headboard", "footboard",
		"backrest", "filler", "post", "support", "corner guard", "bumper", "polish", "cleaner", "repair", "lift", "mechanism", "spring", "gasket", "strap", "anchor", "gripper",
		"tray", "mat", "throw", "runner", "skirting", "part", "component", "plan", "catalog", "catalogue", "sample", "swatch", "book", "sticker", "decal",
	},
	roleCover: {"cover", "replacement", "spare", "spare part"},
	roleLike: {
		"friendly", "proof", "safe", "resistant", "repellent", "free", "shaped", "print", "printed", "themed", "motif", "hair", "lover",
	},
	roleFiller: {
		"a", "an", "new", "best", "black", "white", "grey", "gray", "brown", "beige", "blue", "green", "red", "pink", "yellow", "orange", "purple", "silver", "gold",
		"natural", "walnut", "oak", "teak", "pine", "birch", "mahogany", "wood", "wooden", "metal", "steel", "leather", "velvet", "linen", "glass", "marble",
		"small", "large", "tall", "low", "high", "wide", "big", "mini", "compact", "long", "short", "narrow", "slim", "thin", "thick", "deep", "matt", "matte", "left", "right", "round", "square", "rectangular", "oval", "triangle", "hexagon", "modern", "outdoor", "indoor",
		"light brown", "light grey", "light gray", "light blue", "light green", "light wood", "light walnut", "light oak", "light beige", "light pink", "light purple", "light yellow",
		"light teak", "light weight", "light duty", "light finish", "light colour", "light color", "light filtering", "light brass", "king", "queen", "double", "single", "twin",
		"bed room", "bathroom", "living room", "dining room", "all", "very", "extra", "basic", "sit", "each", "other", "home",
	},
}

// disclaimers exclude their sentence: it is about other products.
var disclaimers = []string{"sold separately", "not included", "to be completed with", "may be completed with", "completed with", "may be combined with", "can be combined with", "combine with", "goes well with", "coordinate with"}
