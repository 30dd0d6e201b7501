package page

import (
	"strings"
)

// Kind is what a page is about.
type Kind uint8

// The kinds.
const (
	// Unclear pages may be a product's: most shops' pages say no more.
	Unclear Kind = iota
	// Product pages describe one product, in a form for programs.
	Product
	// Front pages are about the shop.
	Front
	// List pages show several products.
	List
	// Missing pages say that there is no page, or no product, with a status that says
	// otherwise.
	Missing
	// Refused pages ask the visitor for something first: consent, a login, a proof of
	// being human.
	Refused
	// Scripted pages are empty until a script fills them.
	Scripted
)

// maxListed is the most products of a page that is about one of them. Some pages
// describe each variant as a product.
const maxListed = 6

// kind returns what the page is about. The texts of refusals and of missing pages do
// not count against a product that the page describes.
func (s *scan) kind(products int, lists bool) Kind {
	og := strings.ToLower(s.ogType)
	switch {
	case products+s.scopes > maxListed:
		return List
	case products+s.scopes > 0, strings.HasSuffix(og, "product"), strings.HasSuffix(og, "product.item"), s.priced:
		return Product
	}
	title, heading := plain(s.title.String()), plain(s.heading.String())
	switch {
	case refuses(title), refuses(heading), s.password && (begins(title, logins) || begins(heading, logins)):
		return Refused
	case misses(title), misses(heading):
		return Missing
	case lists, strings.HasSuffix(og, "product.group"), strings.HasSuffix(og, "category"):
		return List
	case s.isFront(og):
		return Front
	case s.scripted && len(s.images) == 0 && heading == "":
		return Scripted
	}
	return Unclear
}

// isFront reports whether the page calls itself the shop's site, or its first page.
func (s *scan) isFront(og string) bool {
	if s.canonical != "" {
		if u := s.resolve(s.canonical); u != nil && IsFront(u) {
			return true
		}
	}
	return og == "website"
}

// plain returns a text in lower case, with single blanks and at most 300 bytes.
func plain(text string) string {
	text = strings.ToLower(strings.ReplaceAll(text[:min(len(text), 600)], "’", "'"))
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), 300)]
}

// Texts in titles and headings, in lower case.
var (
	// missing are in texts of pages that do not exist, or products that are gone.
	missing = []string{
		"not found", "page unavailable", "no longer available", "no longer exists", "doesn't exist", "does not exist",
		"isn't available", "can't find that page", "can't find the page", "cannot find the page", "couldn't find", "could not find", "error 404", "404 error", "404 page",
		"nicht gefunden", "nicht mehr verfügbar", "existiert nicht", "nicht mehr erhältlich",
		"introuvable", "n'existe pas", "n'existe plus", "n'est plus disponible", "pas été trouvée", "non trouvée",
		"no encontrad", "no existe", "ya no está disponible", "no se encuentra", "non trovat", "non esiste", "non è più disponibile",
		"niet gevonden", "bestaat niet", "niet meer beschikbaar", "nie znalezion", "nie istnieje", "nie jest już dostępny",
		"não encontrad", "não existe", "não está mais disponível", "hittades inte", "finns inte", "hittar inte", "inte hittas",
		"ikke fundet", "ikke funnet", "findes ikke", "ei löydy", "nenalezen", "neexistuje", "nem található", "bulunamadı", "не найден",
		"見つかりません", "页面不存在", "找不到", "찾을 수 없",
	}
	// missingBegins begin such texts.
	missingBegins = []string{
		"404", "oops!", "oops,", "oops.", "oops…", "sorry, this product", "sorry, this item", "sorry, this page", "500 internal", "internal server error", "503 service", "service unavailable", "502 bad",
		"bad gateway", "site under maintenance", "under maintenance", "site maintenance", "wartungsarbeiten", "en maintenance",
	}
	// refusals are in texts of pages that ask for something first.
	refusals = []string{
		"before you continue", "just a moment", "attention required", "access denied", "access to this page has been denied",
		"pardon our interruption", "are you a robot", "are you human", "are you a human", "robot or human", "please enter password", "enter the password", "not a robot", "robot check", "bot verification",
		"you are human", "you're human", "human verification", "security check", "captcha", "checking your browser",
		"one more step", "request blocked", "request rejected", "unusual traffic", "ddos protection", "verify your age", "age verification",
		"zugriff verweigert", "sicherheitsprüfung", "accès refusé", "acceso denegado", "accesso negato", "toegang geweigerd",
	}
	// refusalBegins begin such texts.
	refusalBegins = []string{
		"bevor sie fortfahren", "bevor du fortfährst", "bevor sie zu", "avant de continuer", "avant d'accéder", "antes de continuar", "prima di continuare",
		"voordat je verdergaat", "voordat u verdergaat", "zanim przejdziesz", "innan du fortsätter",
		"cookie consent", "cookie settings", "cookie preferences", "cookies policy", "cookie-einstellungen", "accept cookies",
		"we use cookies", "we value your privacy", "your privacy", "privacy settings", "privacy choices", "consent", "datenschutzeinstellungen",
		"403", "please wait", "verifying", "select your country", "choose your country", "select your region",
		"choose your region", "select your location", "choose your location", "enter store using password", "opening soon",
	}
	// logins begin the texts of pages with a password.
	logins = []string{
		"log in", "login", "sign in", "anmelden", "einloggen", "anmeldung", "kundenlogin", "se connecter", "connexion", "identifiez", "iniciar sesi", "accedi", "inloggen", "zaloguj", "entrar", "logga in",
		"enter", "password", "passwort", "my account", "mein konto", "mon compte", "customer login",
	}
)

func misses(text string) bool { return inAny(text, missing...) || begins(text, missingBegins) }

func refuses(text string) bool { return inAny(text, refusals...) || begins(text, refusalBegins) }

// begins reports whether a text begins with one of the words.
func begins(text string, all []string) bool {
	for _, begin := range all {
		if rest, ok := strings.CutPrefix(text, begin); ok && (rest == "" || !isWord(rest[0])) {
			return true
		}
	}
	return false
}

func isWord(c byte) bool { return ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') }
