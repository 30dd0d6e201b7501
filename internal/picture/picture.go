// Package picture gets the picture that an item is to be classified by, and
// makes it fit for a model.
//
// Pictures that come with the item are recognised by their bytes, whatever
// their sender calls them. Formats that models read are passed on untouched.
package picture

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/internal/fault"
)

// Config bounds what is taken.
type Config struct {
	// MaxBytes is the most that a picture may have.
	MaxBytes int
}

// Source finds items' pictures. It is safe for concurrent use.
type Source struct{ config Config }

// New returns a source, or an error that says what is wrong with the config.
func New(c Config) (*Source, error) {
	if c.MaxBytes < 1 {
		return nil, fmt.Errorf("pictures may have %d bytes: give a number above 0", c.MaxBytes)
	}
	return &Source{c}, nil
}

// readable are the formats that models take.
var readable = map[string]bool{"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true}

// Picture returns the item's picture, or a fault with one of the reasons
// ImageTooLarge, ImageUnsupported and NoImageFound.
func (s *Source) Picture(_ context.Context, it *catalog.Item) (*catalog.Picture, error) {
	switch {
	case len(it.ImageData) > s.config.MaxBytes:
		return nil, fault.New(fault.ImageTooLarge, "the picture has %d bytes, at most %d are taken: send a smaller one",
			len(it.ImageData), s.config.MaxBytes)
	case len(it.ImageData) > 0:
		return recognise(it.ImageData)
	case it.HasPicture():
		return nil, fault.New(fault.ImageUnsupported,
			"pictures behind addresses are not fetched by this server: send the picture itself in image_data")
	default:
		return nil, fault.New(fault.NoImageFound, "the item has no picture: send it in image_data, or ask by text")
	}
}

func recognise(data []byte) (*catalog.Picture, error) {
	mediaType := http.DetectContentType(data)
	if !readable[mediaType] {
		return nil, fault.New(fault.ImageUnsupported,
			"the picture is no JPEG, PNG, GIF or WebP by its bytes (%s): convert it", name(data, mediaType))
	}
	return &catalog.Picture{Data: data, MediaType: mediaType}, nil
}

// name is what the bytes look like, for people.
func name(data []byte, mediaType string) string {
	if bytes.HasPrefix(data, []byte("%PDF")) {
		return "a PDF document"
	}
	if mediaType == "application/octet-stream" {
		return "an unknown format"
	}
	return mediaType
}

// Blind is a source for backends that cannot see: each picture is a fault that
// says so, and the item is answered from its text.
type Blind struct{}

// Picture returns an ImageUnsupported fault.
func (Blind) Picture(context.Context, *catalog.Item) (*catalog.Picture, error) {
	return nil, fault.New(fault.ImageUnsupported,
		"the offline classifier cannot see pictures and goes by the text: set OPENAI_API_KEY or OPENAI_BASE_URL for a model that can")
}
