package raster

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/credenza-dev/credenza/internal/fault"
)

// IsPicture reports whether data is a picture by its first bytes, supported or not.
func IsPicture(data []byte) bool {
	if detect(data) != nil {
		return true
	}
	s := unsupported(data)
	return s != nil && s.picture
}

// signature is a format that is known but not supported.
type signature struct {
	name    string
	picture bool
	matches func([]byte) bool
}

var signatures = []signature{
	{"an AVIF picture", true, branded("avif", "avis")},
	{"a HEIC picture", true, branded("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")},
	{"a video", false, branded("")},
	{"a Photoshop document", true, prefixed("8BPS")},
	{"a JPEG XL picture", true, prefixed("\xff\x0a", "\x00\x00\x00\x0cJXL ")},
	{"a JPEG 2000 picture", true, prefixed("\x00\x00\x00\x0cjP  ", "\xff\x4f\xff\x51")},
	{"an icon (ICO)", true, prefixed("\x00\x00\x01\x00", "\x00\x00\x02\x00")},
	{"a BigTIFF picture", true, prefixed("II+\x00", "MM\x00+")},
	{"an SGI picture", true, prefixed("\x01\xda\x00", "\x01\xda\x01")},
	{"a Netpbm picture", true, isNetpbm},
	{"an SVG drawing", true, isSVG},
	{"a PDF document", false, prefixed("%PDF")},
	{"an Office document", false, prefixed("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")},
	{"a ZIP archive", false, prefixed("PK\x03\x04")},
	{"data that is still compressed (gzip)", false, prefixed("\x1f\x8b")},
	{"a web page", false, func(data []byte) bool { return strings.HasPrefix(http.DetectContentType(data), "text/html") }},
	{"JSON", false, func(data []byte) bool { return prefixed("{", "[")(trimmed(data)) }},
	{"text (text/plain)", false, func(data []byte) bool { return strings.HasPrefix(http.DetectContentType(data), "text/") }},
}

// Describe names the format of data, by its first bytes, in messages: "a web page".
func Describe(data []byte) string {
	if len(data) == 0 {
		return "empty"
	}
	if f := detect(data); f != nil {
		return "a " + f.name
	}
	if s := unsupported(data); s != nil {
		return s.name
	}
	return "of an unknown format"
}

// instead returns the summary of data that is no supported picture.
func instead(data []byte) string {
	switch s := unsupported(data); {
	case len(data) == 0:
		return fault.NotAPicture("nothing")
	case s == nil:
		return fault.NotAPicture("an unknown format")
	case s.picture:
		name := strings.TrimPrefix(strings.TrimPrefix(s.name, "an "), "a ")
		return unread(strings.TrimSuffix(name, " picture"))
	default:
		name, _, _ := strings.Cut(s.name, " (")
		return fault.NotAPicture(name)
	}
}

func unread(format string) string { return fault.PictureUnread + " (" + format + ")" }

func unsupported(data []byte) *signature {
	for i := range signatures {
		if signatures[i].matches(data) {
			return &signatures[i]
		}
	}
	return nil
}

// branded matches ISO media files (ISO/IEC 14496-12) by their major brand or one of
// the compatible brands. An empty brand matches all.
func branded(brands ...string) func([]byte) bool {
	return func(data []byte) bool {
		if len(data) < 12 || string(data[4:8]) != "ftyp" {
			return false
		}
		end := min(len(data), 64, max(12, int(data[2])<<8|int(data[3])))
		return slices.ContainsFunc(brands, func(brand string) bool {
			return bytes.HasPrefix(data[8:], []byte(brand)) || bytes.Contains(data[12:end], []byte(brand))
		})
	}
}

func isNetpbm(data []byte) bool {
	return len(data) > 2 && data[0] == 'P' && '1' <= data[1] && data[1] <= '7' && (data[2] == '\n' || data[2] == ' ' || data[2] == '\r')
}

// isSVG searches after the prologue, comments and the document type.
func isSVG(data []byte) bool {
	text := trimmed(data)
	if !bytes.HasPrefix(text, []byte("<")) {
		return false
	}
	text = bytes.ToLower(text[:min(len(text), 4096)])
	at := bytes.Index(text, []byte("<svg"))
	return at >= 0 && !slices.ContainsFunc([]string{"<html", "<body", "<!doctype html"}, func(page string) bool {
		return bytes.Contains(text[:at], []byte(page))
	})
}

func trimmed(data []byte) []byte {
	data = bytes.TrimPrefix(data[:min(len(data), 8192)], []byte("\xef\xbb\xbf"))
	return bytes.TrimLeft(data, " \t\r\n")
}
