package page

import (
	"cmp"
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Attributes of pictures in the software of shops and in libraries that load pictures
// when they are scrolled to.
var (
	// lazyKeys have the picture itself, while src is empty or a placeholder.
	lazyKeys = strings.Fields("data-src data-lazy-src data-lazy data-lazyload data-lazyload-src data-lazy-load " +
		"data-flickity-lazyload data-flickity-lazyload-src data-ll-src lazy-src lazysrc data-original data-original-src " +
		"data-orig-file data-echo data-cfsrc data-ezsrc nitro-lazy-src data-nitro-lazy-src data-wood-src data-breeze " +
		"data-defer-src data-deferred-src data-async-src data-delay-src data-hi-res-src data-normal data-default-src " +
		"data-img-src data-img-url data-image-src data-image data-img")
	// setKeys have a list of sizes.
	setKeys = strings.Fields("srcset data-srcset data-lazy-srcset data-flickity-lazyload-srcset data-ll-srcset lazy-srcset " +
		"nitro-lazy-srcset data-original-set data-src-retina")
	// largeKeys have a picture that is shown when this one is clicked.
	largeKeys = strings.Fields("data-old-hires data-zoom-image data-zoom-src data-zoom-img data-image-zoom data-large_image " +
		"data-large-image data-large-img data-large-src data-large data-image-large-src data-image-large " +
		"data-full-size-image-url data-full-image data-full-src data-fullsrc data-full data-hires data-high-res " +
		"data-high-res-src data-highres data-zoom data-magnify-src data-photoswipe-src data-pswp-src data-mfp-src " +
		"data-master data-super-src")
	// backgroundKeys have a picture that becomes an element's background.
	backgroundKeys = strings.Fields("data-bg data-bg-src data-background data-background-image data-background-src " +
		"data-flickity-bg-lazyload data-lazy-background data-bgset data-src data-lazy data-original")
)

// looksLikeAddress reports whether an attribute's value is an address: some have a
// number or "true".
func looksLikeAddress(v string) bool {
	return strings.ContainsAny(v, "/.") && !strings.HasPrefix(v, "{") && !isPlaceholder(v)
}

// isPlaceholder reports whether the picture is shown until another is loaded.
func isPlaceholder(src string) bool {
	if strings.HasPrefix(src, "data:") || src == "#" || strings.HasPrefix(src, "about:") {
		return true
	}
	file, _, _ := strings.Cut(src, "?")
	name := strings.ToLower(path.Base(file))
	if inAny(name, "lazyload", "placeholder", "spacer", "spinner", "loader", "1x1") {
		return true
	}
	all := words(strings.TrimSuffix(name, path.Ext(name)))
	return slices.ContainsFunc(all, func(w string) bool { return placeholderWords[w] || (w == "lazy" && len(all) == 1) })
}

// placeholderWords are whole words in the names of such pictures: "blank" is not that
// of a blanket.
var placeholderWords = set("blank pixel loading transparent")

// unsupportedFile reports whether the file has a format that is not supported.
func unsupportedFile(reference string) bool {
	file, _, _ := strings.Cut(reference, "?")
	switch strings.ToLower(path.Ext(file)) {
	case ".avif", ".heic", ".heif", ".jxl":
		return true
	}
	return false
}

// source returns the reference of the picture once it is loaded, and whether it is
// loaded late.
func (t tag) source() (reference string, lazy bool) {
	src := t.get("src")
	for _, key := range lazyKeys {
		if v := t.get(key); looksLikeAddress(v) {
			return t.expanded(v), v != src
		}
	}
	if src != "" && !isPlaceholder(src) {
		return t.expanded(src), false
	}
	if set := t.largestOfSets(); set != "" {
		return set, true
	}
	return src, src != ""
}

func (t tag) largestOfSets() string {
	for _, key := range setKeys {
		if v := largestOfSet(t.get(key)); v != "" {
			return t.expanded(v)
		}
	}
	return ""
}

// largest returns the reference of the largest size of the picture.
func (t tag) largest() (reference string, lazy bool) {
	for _, key := range largeKeys {
		if v := t.get(key); looksLikeAddress(v) {
			return t.expanded(v), false
		}
	}
	source, lazy := t.source()
	return cmp.Or(largestOfMap(t.get("data-a-dynamic-image")), t.largestOfSets(), source), lazy
}

// background returns the reference of the picture behind an element.
func (t tag) background() string {
	for _, key := range backgroundKeys {
		v := t.get(key)
		if key == "data-bgset" {
			v, _, _ = strings.Cut(v, " | ")
			v = largestOfSet(v)
		}
		if m := cssAddress.FindStringSubmatch(v); m != nil {
			v = m[1]
		}
		if looksLikeAddress(v) {
			return t.expanded(v)
		}
	}
	style := t.get("style")
	if !strings.Contains(strings.ToLower(style), "background") {
		return ""
	}
	if m := cssAddress.FindStringSubmatch(style[:min(len(style), maxOffer)]); m != nil && looksLikeAddress(m[1]) {
		return t.expanded(m[1])
	}
	return ""
}

var cssAddress = regexp.MustCompile(`(?i)url\(\s*["']?([^"')]+)["']?\s*\)`)

// wanted is the side, in pixels, that is asked of servers that resize pictures.
const wanted = 1024

// expanded replaces the width in a template such as "sofa_{width}x.jpg" by one that the
// page offers.
func (t tag) expanded(reference string) string {
	if len(reference) > maxAddress || !hasBrace(reference) {
		return reference
	}
	return expand(reference, t.width())
}

// width returns the smallest of the offered widths that is large enough, or else the
// largest.
func (t tag) width() int {
	best := 0
	for _, key := range []string{"data-widths", "data-sizes-list"} {
		var all []int
		if list := t.get(key); len(list) > maxOffer || json.Unmarshal([]byte(list), &all) != nil {
			continue
		}
		for _, n := range all {
			if n > 0 && (best == 0 || (best < wanted && n > best) || (n >= wanted && n < best)) {
				best = n
			}
		}
	}
	return cmp.Or(best, wanted)
}

var (
	widths  = regexp.MustCompile(`(?i)(?:\{|%7b)\s*(?:width|height|w|h|size|maxwidth|imwidth)\s*(?:\}|%7d)`)
	squares = regexp.MustCompile(`(?i)(?:\{|%7b):size(?:\}|%7d)`)
)

// expand replaces the names of sizes in a template. References that are too long to be
// used stay as they are.
func expand(reference string, width int) string {
	if len(reference) > maxAddress || !hasBrace(reference) {
		return reference
	}
	n := strconv.Itoa(width)
	return squares.ReplaceAllString(widths.ReplaceAllString(reference, n), n+"x"+n)
}

func hasBrace(reference string) bool { return inAny(reference, "{", "%7b", "%7B") }

// isTemplate reports whether an address has a part that a script would replace.
func isTemplate(u *url.URL) bool {
	return strings.ContainsAny(u.Path, "{<") && template.MatchString(u.Path)
}

var template = regexp.MustCompile(`\{\{|\$\{|<%|\{[A-Za-z_.:]+\}`)
