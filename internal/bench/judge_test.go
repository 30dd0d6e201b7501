package main

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// folderOf writes files into a new folder.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func photo(t *testing.T, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, w, h)), nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// printed returns what a table prints about a folder, and ends with want.
func printed(t *testing.T, command, folder string, want error) string {
	t.Helper()
	var b strings.Builder
	if err := run(t.Context(), []string{command, folder}, &b); !errors.Is(err, want) {
		t.Fatal(err)
	}
	return b.String()
}

// checkLines looks for lines by their patterns, in order and no others.
func checkLines(t *testing.T, text string, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(lines), len(want), text)
	}
	for i, line := range lines {
		if !regexp.MustCompile("^" + want[i]).MatchString(line) {
			t.Errorf("line %d is %q, want %q", i+1, line, want[i])
		}
	}
}

func TestNastyPicturesAreJudged(t *testing.T) {
	folder := folderOf(t, map[string]string{
		"manifest.csv": "file,what_it_is,expected,width,height,exif_orientation\n" +
			"small.jpg,\"a small, grey one\",ok,30,20,\nlarge.jpg,a large one,ok,1536,768,\nnone.jpg,text,clear error,,,\n" +
			"either.jpg,text,ok or clear error,,,\n" +
			"lying.jpg,no orientation,ok after rotation,30,20,6\nsizes.jpg,another size,ok,40,20,\n" +
			"lost.jpg,text,ok,30,20,\nread.jpg,a picture,clear error,,,\n",
		"small.jpg": photo(t, 30, 20), "large.jpg": photo(t, 1536, 768), "none.jpg": "no sofa", "either.jpg": "no sofa",
		"lying.jpg": photo(t, 30, 20), "sizes.jpg": photo(t, 30, 20), "lost.jpg": "no sofa", "read.jpg": photo(t, 30, 20),
	})
	checkLines(t, printed(t, "nasty", folder, errMissed),
		"lying.jpg: want ok after rotation, got: the picture as it was, not turned",
		"sizes.jpg: want ok, got: 30 x 20 pixels instead of 40 x 20",
		"lost.jpg: want ok, got: IMAGE_UNSUPPORTED: ",
		"read.jpg: want clear error, got: a picture$",
		`difficult pictures: 4 of 8 as expected \(goal: all\)`,
		"slowest: [a-z]+.jpg, ", "peak memory of the process: [0-9.]+ MiB ")
}

func TestPagesAreJudged(t *testing.T) {
	const at = "https://shop.example/oak.html"
	folder := folderOf(t, map[string]string{
		"manifest.csv": "file,page_url,acceptable_images\nright.html," + at + ",https://shop.example/b.jpg | https://shop.example/a%2B.jpg\n" +
			"wrong.html," + at + ",https://shop.example/b.jpg\nnone.html," + at + ",https://shop.example/b.jpg\nfree.html," + at + ",\n",
		"right.html": `<!DOCTYPE html><meta property="og:image" content="/a+.jpg">`,
		"wrong.html": `<!DOCTYPE html><meta property="og:image" content="/a.jpg">`,
		"none.html":  `<!DOCTYPE html>`,
		"free.html":  `<!DOCTYPE html><img src="/c.jpg" width=500 height=500>`,
	})
	checkLines(t, printed(t, "pages", folder, errMissed),
		`wrong.html: want https://shop.example/b.jpg, got: https://shop.example/a.jpg \(og:image\)`,
		`none.html: want https://shop.example/b.jpg, got: none \(nothing\)`,
		"free.html: declares none; guessed: https://shop.example/c.jpg",
		`pages: 1 of 3 right, 33.3 % \(goal: 91.7 %\)`,
		"slowest: [a-z]+.html, ")
}

func TestGoalsAreReached(t *testing.T) {
	// The columns are needed, even if the first file has no values in them.
	nasty := folderOf(t, map[string]string{"manifest.csv": "file,expected\nsmall.jpg,ok\n", "small.jpg": photo(t, 30, 20)})
	printed(t, "nasty", nasty, nil)
	pages := folderOf(t, map[string]string{"manifest.csv": "file,page_url,acceptable_images\nfree.html,https://shop.example/,\n", "free.html": "<html>"})
	printed(t, "pages", pages, nil)
	empty := folderOf(t, map[string]string{"manifest.csv": "file,expected\nsmall.jpg,\n", "small.jpg": photo(t, 30, 20)})
	checkLines(t, printed(t, "nasty", empty, errMissed), "small.jpg: want , got: a picture", "difficult", "slowest", "peak")
}

func TestManifestsAreChecked(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no manifest":    {},
		"empty":          {"manifest.csv": ""},
		"no files":       {"manifest.csv": "file,expected\n"},
		"no labels":      {"manifest.csv": "file\na.jpg\n", "a.jpg": "x"},
		"uneven":         {"manifest.csv": "file,expected\na.jpg\n", "a.jpg": "x"},
		"a missing file": {"manifest.csv": "file,expected\na.jpg,ok\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), []string{"nasty", folderOf(t, files)}, io.Discard); err == nil || errors.Is(err, errMissed) {
				t.Error("it was taken:", err)
			}
		})
	}
}
