package page

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Moved reports whether a redirect from one address to another led to another thing,
// as far as the addresses say: the same path in another spelling, language or shop
// section is the same thing, and so is a path with the product's name or number.
func Moved(from, to *url.URL) bool {
	a, b := steps(from), steps(to)
	if strings.Join(a, "/") == strings.Join(b, "/") {
		return false
	}
	if len(a) == 0 {
		return len(b) > 0
	}
	target := strings.Join(b, "/") + "?" + strings.ToLower(to.RawQuery)
	slug := a[len(a)-1]
	for _, number := range numbers.FindAllString(slug+"?"+from.RawQuery, -1) {
		if strings.Contains(target, strings.ToLower(number)) {
			return false
		}
	}
	names := set(strings.Join(words(slug), " "))
	shared, count := set(strings.Join(words(target), " ")), 0
	for w := range names {
		if shared[w] {
			count++
		}
	}
	return len(names) == 0 || 2*count < len(names) || isAncestor(b, a)
}

// numbers are long enough to be those of products.
var numbers = regexp.MustCompile(`[A-Za-z]*[0-9]{5,}[A-Za-z0-9]*`)

// IsAbove reports whether an address is that of a folder in which another is.
func IsAbove(folder, file *url.URL) bool { return isAncestor(steps(folder), steps(file)) }

// isAncestor reports whether a path is that of a folder in which another is.
func isAncestor(folder, file []string) bool {
	if len(folder) >= len(file) {
		return false
	}
	for i, step := range folder {
		if file[i] != step {
			return false
		}
	}
	return true
}

// steps returns the parts of a path that name something: without the language, and
// without the ending of the file.
func steps(u *url.URL) []string {
	var out []string
	for step := range strings.SplitSeq(strings.ToLower(u.Path), "/") {
		if step == "" || (len(out) == 0 && language.MatchString(step)) {
			continue
		}
		out = append(out, step)
	}
	if n := len(out); n > 0 {
		switch ext := path.Ext(out[n-1]); ext {
		case ".html", ".htm", ".php", ".aspx", ".asp", ".jsp":
			out[n-1] = strings.TrimSuffix(out[n-1], ext)
		}
		if fronts[out[n-1]] {
			out = out[:n-1]
		}
	}
	return out
}

var (
	language = regexp.MustCompile(`^[a-z]{2}([-_][a-z]{2,4})?$`)
	fronts   = set("index home default homepage startseite accueil inicio main welcome")
	// sections are parts of the paths of lists of products.
	sections = set("category categories collections collection c cat catalog catalogsearch search suche recherche kategorie " +
		"kategorien categorie product-category produkt-kategorie departments department brand brands sale outlet all")
	// doors are in paths of pages that ask for something first.
	doors = set("login signin sign-in account consent captcha challenge password gdpr cookie cookies privacy region country " +
		"country-selector select-country age-check verify blocked denied")
	// holes are in paths of pages for what is missing.
	holes = set("404 not-found notfound page-not-found error errors 404error error404 gone unavailable")
)

// IsFront reports whether an address is that of a site's first page.
func IsFront(u *url.URL) bool { return len(steps(u)) == 0 && u.RawQuery == "" }

// KindByAddress returns what the address of a page says about it: Front, List, Missing,
// Refused or Unclear.
func KindByAddress(u *url.URL) Kind {
	all := steps(u)
	switch {
	case len(all) == 0:
		return Front
	case anyIn(all, holes):
		return Missing
	case anyIn(all, doors) || strings.HasPrefix(u.Hostname(), "consent.") || strings.HasPrefix(u.Hostname(), "login."):
		return Refused
	case anyIn(all, sections) && !anyIn(all, set("products product p dp item")):
		return List
	}
	return Unclear
}

func anyIn(all []string, names map[string]bool) bool {
	for _, s := range all {
		if names[s] {
			return true
		}
	}
	return false
}

// Names reports whether the page's title or heading has the name in an address.
func (p *Page) Names(u *url.URL) bool { return share(p.text, nameIn(u)) >= 0.5 }

// HasName reports whether an address has a name, and not only a number or a code.
func HasName(u *url.URL) bool { return len(nameIn(u)) > 0 }

// nameIn returns the words in the last part of an address.
func nameIn(u *url.URL) map[string]bool {
	names := map[string]bool{}
	if all := steps(u); len(all) > 0 {
		for _, w := range words(all[len(all)-1]) {
			if len(w) > 2 && strings.Trim(w, "0123456789") == w {
				names[w] = true
			}
		}
	}
	return names
}

// IsSubstitute reports whether an address is that of a picture that stands for one that
// is missing.
func IsSubstitute(u *url.URL) bool {
	all := words(path.Base(u.Path))
	return inAny(strings.Join(all, "-"), "noimage", "no-image", "nophoto", "no-photo", "no-picture", "no-pic", "placeholder", "not-available",
		"coming-soon") || slices.ContainsFunc(all, func(w string) bool { return substituteWords[w] })
}

// substituteWords are whole words in such names: "blank" is not that of a blanket.
var substituteWords = set("missing blank default 404")
