package lexicon

import (
	"strings"

	"github.com/credenza-dev/credenza/internal/taxonomy"
)

// grammarOf is how product names are built in a language other than English.
type grammarOf struct {
	code, name string
	// headLast is set if the last noun is the product, as in English and German; else the
	// first one is, as in French.
	headLast bool
	// compounds is set if nouns are joined to one word, of which the last part decides.
	compounds bool
	// with, purpose, of, and, unit are function words: those that begin a feature or a
	// purpose, join a quantity to its noun, join two nouns, and name a quantity.
	with, of, and, unit string
	// common are articles, adjectives, colours and materials, which name no product.
	articles, common string
	// letters are those beyond Latin-1 that the language has.
	letters string
}

// grammars are the languages that the classifier knows, if the taxonomy has terms in them.
var grammars = []grammarOf{
	{
		code: "de", name: "German", headLast: true, compounds: true,
		with: "mit aus in für von ohne zum zur auf am im unter über an bei vom", of: "von", and: "und oder sowie",
		unit: "set paar stück satz kombination serie", articles: "der die das den dem des ein eine einen einer ist sind wird nicht sich auch",
		common: `schwarz weiß weiss grau braun beige grün blau rot rosa gelb natur hell dunkel anthrazit eiche buche kiefer nussbaum holz massivholz
			metall glas stoff leder leinen samt baumwolle rund eckig klein groß hoch niedrig breit modern skandinavisch höhenverstellbar klappbar
			ausziehbar verstellbar ergonomisch gepolstert massiv matt hochglanz türig sitzer teilig schubladen türen fächer liegefläche küche
			schlafzimmer wohnzimmer esszimmer kinderzimmer flur bad garten`,
	},
	{
		code: "fr", name: "French", letters: "œŒ",
		with: "avec en à au aux pour sans sur sous dans par", of: "de du des d", and: "et ou", unit: "lot ensemble set paire jeu série",
		articles: "le la les un une l est sont ce cette son sa ses",
		common: `noir noire blanc blanche gris grise marron beige vert verte bleu bleue rouge rose jaune naturel clair foncé anthracite chêne hêtre
			pin noyer bois métal verre tissu cuir lin velours coton rond ronde carré ovale petit petite grand grande haut haute bas basse moderne
			scandinave réglable pliant pliante extensible convertible ergonomique massif places tiroirs portes salon chambre cuisine salle bureau
			jardin entrée couleur`,
	},
	{
		code: "es", name: "Spanish",
		with: "con en para sin sobre por", of: "de del", and: "y e o", unit: "juego conjunto set par lote", articles: "el la los las un una es al su",
		common: `negro negra blanco blanca gris marrón verde azul rojo roja rosa amarillo natural claro oscuro roble haya pino nogal madera metal vidrio
			cristal tela cuero piel lino terciopelo algodón redondo redonda cuadrado pequeño pequeña grande alto alta bajo baja moderno moderna
			nórdico plegable extensible ajustable regulable plazas dos tres puertas cajones dormitorio cocina oficina jardín comedor`,
	},
	{
		code: "it", name: "Italian",
		with: "con in per senza su da dal", of: "di del della dei delle d", and: "e o", unit: "set coppia insieme serie", articles: "il lo la i gli le un una è al",
		common: `nero nera bianco bianca grigio grigia marrone verde blu rosso rossa rosa giallo naturale chiaro scuro rovere faggio pino noce legno
			metallo vetro tessuto pelle lino velluto cotone rotondo rotonda quadrato piccolo piccola grande alto alta basso bassa moderno moderna
			pieghevole allungabile regolabile posti due tre ante cassetti camera cucina ufficio giardino soggiorno`,
	},
	{
		code: "pt", name: "Portuguese",
		with: "com em para sem sobre por no na", of: "de do da dos das", and: "e ou", unit: "jogo conjunto kit par", articles: "o a os as um uma é ao",
		common: `preto preta branco branca cinza castanho marrom verde azul vermelho vermelha rosa amarelo natural claro escuro carvalho faia pinho nogueira
			madeira metal vidro tecido couro linho veludo algodão redondo redonda quadrado pequeno pequena grande alto alta baixo baixa moderno
			dobrável extensível ajustável retrátil lugares dois portas gavetas quarto cozinha escritório jardim`,
	},
	{
		code: "nl", name: "Dutch", headLast: true, compounds: true,
		with: "met voor van in zonder op uit naast onder", of: "van", and: "en of", unit: "set paar stuks", articles: "de het een is zijn wordt niet",
		common: `zwart zwarte wit witte grijs grijze bruin bruine groen groene blauw blauwe rood rode roze geel naturel licht donker eiken beuken grenen
			noten hout houten metaal metalen glas stof leer leren linnen fluweel katoen rond ronde vierkant klein kleine groot grote hoog hoge laag lage
			breed modern verstelbaar inklapbaar uitschuifbaar zits lades deuren slaapkamer woonkamer keuken tuin`,
	},
	{
		code: "pl", name: "Polish", letters: "ąćęłńśźżĄĆĘŁŃŚŹŻ",
		with: "z ze do na w we dla bez pod nad", of: "", and: "i oraz lub", unit: "zestaw komplet para", articles: "jest to się nie",
		common: `czarny czarna czarne biały biała białe szary szara szare brązowy brązowa beżowy zielony niebieski czerwony różowy żółty naturalny jasny ciemny
			dąb dębowy dębowa buk sosna sosnowy orzech drewno drewniany drewniana drewniane metal metalowy szkło szklany tkanina skóra len aksamit
			okrągły okrągła okrągłe mały mała duży duża wysoki wysoka niski niska nowoczesny nowoczesna składany rozkładany rozkładana regulowany
			tapicerowany tapicerowane tapicerowana kawowy osobowa osobowy`,
	},
	{
		code: "sv", name: "Swedish", headLast: true, compounds: true,
		with: "med för i till av utan på från under", of: "av", and: "och eller", unit: "set par", articles: "en ett den det är inte som",
		common: `svart svarta vit vita grå gråa brun bruna beige grön gröna blå röd röda rosa gul natur ljus mörk ek bok furu tall valnöt trä metall glas tyg
			läder linne sammet bomull rund runda fyrkantig liten stor hög låg bred modern justerbar hopfällbar utdragbar sits lådor dörrar sovrum
			vardagsrum kök trädgård`,
	},
}

// strangers are common words of languages without terms. A text in which they prevail is
// in none of the known languages.
const strangers = `og til af fra hvid sort ja kanssa musta valkoinen harmaa sekä pro na se bílá bílý černá černý dřevo dřevěná dřevěný és egy fehér
	fekete fa cu pentru și din alb negru lemn ve ile için beyaz siyah ahşap dan dengan untuk putih hitam kayu voor med biela čierna drevo bel črn les
	baltas juodas balts melns valge must koos cho và màu gỗ bàn trắng z je`

// maxLanguages bounds the languages and the strangers, whose scores are an array.
const maxLanguages = 10

// stranger is the index of the languages without terms.
const stranger = maxLanguages - 1

// functionWeight is how much a function word says about the language of a text. Other
// words count 1.
const functionWeight = 2

// scoresByLanguage is what a word says about the language.
type scoresByLanguage [maxLanguages]uint8

// language is the grammar and the nouns of one language.
type language struct {
	grammarOf
	roles map[string]role
	terms map[string]foreignTerm // by the words of the phrase, joined by spaces
	parts map[string]foreignTerm // the terms of one word that may end a compound
}

// foreignTerm is the name of a product in another language.
type foreignTerm struct {
	category int16
	phrase   int32
}

// languages are the known languages but English. They are immutable once built.
type languages struct {
	list  []*language
	words map[string]scoresByLanguage
}

// maxPhraseWords is the longest term in words, and minPart the shortest word that may end
// a compound, in bytes.
const (
	maxPhraseWords = 4
	minPart        = 4
)

func newLanguages(t *taxonomy.Taxonomy, v *vocabulary) *languages {
	all := &languages{words: map[string]scoresByLanguage{}}
	for _, g := range grammars {
		l := &language{grammarOf: g, roles: map[string]role{}, terms: map[string]foreignTerm{}, parts: map[string]foreignTerm{}}
		for i := range t.Categories {
			for _, text := range t.Categories[i].Translations[g.code] {
				l.add(v, text, int16(i))
			}
		}
		if len(l.terms) > 0 {
			l.addRoles(v)
			all.learn(v, l)
			all.list = append(all.list, l)
		}
	}
	if len(all.list) > 0 {
		all.score(v.split(strangers), stranger, functionWeight)
	}
	return all
}

func (l *language) add(v *vocabulary, text string, category int16) {
	words := v.split(text)
	term := foreignTerm{category, int32(len(v.phrases))}
	v.phrases = append(v.phrases, text)
	l.terms[strings.Join(words, " ")] = term
	if word := words[0]; len(words) == 1 && len(word) >= minPart {
		l.parts[word] = term
	}
}

func (l *language) addRoles(v *vocabulary) {
	for _, words := range []struct {
		role role
		text string
	}{
		{roleFiller, l.common},
		{roleThe, l.articles},
		{roleUnit, l.unit},
		{roleWith, l.with},
		{roleOf, l.of},
		{roleAnd, l.and},
	} {
		for _, word := range v.split(words.text) {
			l.roles[word] = words.role
		}
	}
}

// learn adds the language's words to those that tell languages apart.
func (all *languages) learn(v *vocabulary, l *language) {
	at := len(all.list)
	for phrase := range l.terms {
		for word := range strings.FieldsSeq(phrase) {
			all.score([]string{word}, at, 1)
		}
	}
	all.score(v.split(l.common), at, 1)
	for _, text := range []string{l.with, l.of, l.and, l.articles} {
		all.score(v.split(text), at, functionWeight)
	}
}

func (all *languages) score(words []string, at int, weight uint8) {
	for _, word := range words {
		scores := all.words[word]
		scores[at] = max(scores[at], weight)
		all.words[word] = scores
	}
}

// part returns the longest term that ends the compound, and its length.
func (l *language) part(word string) (term foreignTerm, length int) {
	for i := 2; i+minPart <= len(word); i++ {
		if term, ok := l.parts[word[i:]]; ok {
			return term, len(word) - i
		}
	}
	return foreignTerm{}, 0
}
