package main

import (
	"fmt"
	"time"

	"github.com/credenza-dev/credenza/internal/catalog"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// callFlags are the options of a call.
type callFlags struct {
	itemFlags
	Bulk bool `help:"Give way to interactive calls."`
}

func (c *callFlags) options() credenza.Options {
	options := c.itemFlags.options()
	options.Bulk = c.Bulk
	return options
}

// itemFlags are the options that calls and jobs have in common.
type itemFlags struct {
	Mode               string        `enum:"auto,text,image" default:"auto" placeholder:"auto|text|image" help:"What items are classified by (default: the picture if there is one)."`
	Model              string        `placeholder:"NAME" help:"The model to ask, one of those that the service knows (default: its own)."`
	Cache              string        `enum:"use,refresh,bypass" default:"use" placeholder:"use|refresh|bypass" help:"Whether cached answers are used (default: use); refresh asks again, bypass ignores the cache."`
	FailWithoutPicture bool          `help:"With --mode=image, let items without a usable picture fail instead of going by their text."`
	BatchSize          int           `placeholder:"N" help:"Results in a batch, up to 1000 (default: the service's)."`
	ItemTimeout        time.Duration `placeholder:"TIME" help:"How long an item may take, waiting included (default: 2m)."`
}

// The contract's bounds for a call.
const (
	maxBatchSize   = 1000
	maxItemTimeout = 24 * time.Hour
)

// Validate finds what any service would refuse, before anything is started.
func (c *itemFlags) Validate() error {
	if c.BatchSize < 0 || c.BatchSize > maxBatchSize {
		return fmt.Errorf("--batch-size is %d: give a number from 1 to %d, or 0 for the service's own", c.BatchSize, maxBatchSize)
	}
	if c.ItemTimeout < 0 || c.ItemTimeout > maxItemTimeout {
		return fmt.Errorf("--item-timeout is %v: give a time up to %v, or 0 for the service's own", c.ItemTimeout, maxItemTimeout)
	}
	return nil
}

func (c *itemFlags) options() credenza.Options {
	modes := map[string]credenza.Mode{"auto": credenza.Auto, "text": credenza.Text, "image": credenza.Image}
	caches := map[string]credenza.CachePolicy{
		"use": credenza.CacheUse, "refresh": credenza.CacheRefresh, "bypass": credenza.CacheBypass,
	}
	return credenza.Options{
		Mode: modes[c.Mode], BatchSize: c.BatchSize, Cache: caches[c.Cache],
		FailWithoutPicture: c.FailWithoutPicture, Model: c.Model, ItemTimeout: c.ItemTimeout,
	}
}

// itemOf gives an item the client's type.
func itemOf(it *catalog.Item) credenza.Item {
	return credenza.Item{
		ID: it.ID, ProductName: it.Name, Description: it.Description, Type: it.Type, Category: it.Category,
		Styles: it.Styles, Tags: it.Tags, PriceRange: it.PriceRange,
		ProductURL: it.ProductURL, ImageURL: it.ImageURL, ImageData: it.ImageData, Attributes: it.Attributes,
	}
}
