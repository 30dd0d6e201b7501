package main

import (
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/credenza-dev/credenza/internal/picture/fetch"
	"github.com/credenza-dev/credenza/internal/picture/page"
)

// pagesGoal is the least share of pages whose picture is found.
const pagesGoal = 22.0 / 24

// pagesCommand looks for the main picture of each page saved in a folder, and
// compares it with the folder's manifest.csv. Its columns are file, page_url, and
// acceptable_images: the right addresses, with " | " between them, or none if the page
// declares no picture. Those pages do not count, but their pictures are printed. The
// error is errMissed if too few are right.
type pagesCommand struct {
	Folder string `arg:"" help:"A folder with saved pages and a manifest.csv."`
}

// Run judges each page of the folder.
func (c pagesCommand) Run(ctx context.Context, w io.Writer) error {
	folder := c.Folder
	all, err := readManifest(folder, "file", "page_url")
	if err != nil {
		return err
	}
	t := &table{w: w}
	right, declaring, slowest, longest := 0, 0, "", time.Duration(0)
	for _, r := range all {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := time.Now()
		got, why, err := mainPicture(ctx, folder, r)
		if err != nil {
			return err
		}
		if took := time.Since(began); took > longest {
			slowest, longest = r["file"], took
		}
		if r["acceptable_images"] == "" {
			t.printf("%s: declares none; guessed: %s\n", r["file"], got)
			continue
		}
		declaring++
		if !acceptable(r["acceptable_images"], got) {
			t.printf("%s: want %s, got: %s (%s)\n", r["file"], r["acceptable_images"], got, why)
			continue
		}
		right++
	}
	t.printf("pages: %d of %d right, %s (goal: %s)\n", right, declaring,
		pct(float64(right)/float64(max(declaring, 1))), pct(pagesGoal))
	t.printf("slowest: %s, %s\n", slowest, ms(longest))
	return t.result(float64(right) >= pagesGoal*float64(declaring))
}

// mainPicture returns the main picture of a page and the reason for its choice; "none"
// if there is none.
func mainPicture(ctx context.Context, folder string, r row) (address string, why page.Evidence, err error) {
	body, err := os.ReadFile(filepath.Join(folder, r["file"]))
	if err != nil {
		return "", 0, err
	}
	at, err := fetch.Parse(r["page_url"])
	if err != nil {
		return "", 0, err
	}
	found, err := page.Find(ctx, body, "text/html", at)
	if err != nil || len(found) == 0 {
		return "none", 0, err
	}
	return found[0].Address, found[0].Evidence, nil
}

// acceptable reports whether an address is one of the acceptable ones, regardless of how
// its escapes are written.
func acceptable(list, address string) bool {
	for one := range strings.SplitSeq(list, " | ") {
		if plain(one) == plain(address) {
			return true
		}
	}
	return false
}

func plain(address string) string {
	if s, err := url.PathUnescape(address); err == nil {
		return s
	}
	return address
}
