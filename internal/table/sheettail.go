package table

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// cellExtras is what a row has besides the texts of its cells, by column.
type cellExtras struct {
	links  map[int]string // addresses behind a text, or of a picture in the cell
	merged map[int]string // texts of cells above that reach down to this row
}

// addLink adds an address if it is one.
func (e *cellExtras) addLink(column int, address string) {
	if address = strings.TrimSpace(address); !isAddress(address) {
		return
	}
	if e.links == nil {
		e.links = map[int]string{}
	}
	e.links[column] = address
}

// with returns the cells with the texts of cells above that reach down to them.
func (e *cellExtras) with(cells []string) []string {
	if len(e.merged) == 0 {
		return cells
	}
	cells = append([]string{}, cells...)
	for column, text := range e.merged {
		if column >= len(cells) || cells[column] == "" {
			cells = put(cells, column, text)
		}
	}
	return cells
}

// sheetTail is what a sheet says behind its rows.
type sheetTail struct {
	links  map[int]map[int]string // by row and column
	merges map[int][]mergedCell   // by their first row
	note   string                 // what the caller should know of it, empty for nothing
}

// mergedCell is a cell that takes the place of several, one below the other.
type mergedCell struct {
	column, bottom int
	text           string
}

// Bounds of what is read in advance: a sheet's bytes, and its merged cells and links.
var (
	maxTailScan = int64(256 << 20)
	maxTail     = 1 << 17
)

const tooManyExtras = "links behind cells and merged cells may be incomplete, since the sheet has too much behind its rows: give addresses in a column and fill each row's cells"

// readTail reads what stands behind the rows of a sheet. What cannot be read is left out:
// reading the rows finds the same damage.
func (w *workbook) readTail(sheet *zip.File) sheetTail {
	tail := sheetTail{links: map[int]map[int]string{}, merges: map[int][]mergedCell{}}
	if sheet.UncompressedSize64 > uint64(maxTailScan) {
		tail.note = fmt.Sprintf("links behind cells and merged cells are not read, since the sheet has over %d MiB: give addresses in a column and fill each row's cells, or divide the sheet", maxTailScan>>20)
		return tail
	}
	in, err := sheet.Open()
	if err != nil {
		return tail
	}
	defer func() { _ = in.Close() }() // it was read only
	rest, err := behindRows(io.LimitReader(in, maxTailScan))
	if err != nil {
		return tail
	}
	addresses := map[string]string{}
	_ = w.each(path.Join(path.Dir(sheet.Name), "_rels", path.Base(sheet.Name)+".rels"), func(tag *tagReader) {
		switch target := tag.attribute("target"); {
		case !isAddress(target):
		case len(addresses) == maxTail:
			tail.note = tooManyExtras
		default:
			addresses[tag.attribute("id")] = target
		}
	})
	tags := newTagReader(rest, w.opener.cfg.MaxRowBytes)
	for n := 0; ; n++ {
		kind, err := tags.next()
		if err != nil {
			break
		}
		if n == maxTail {
			tail.note = tooManyExtras
			break
		}
		if kind == html.StartTagToken {
			tail.add(tags, addresses)
		}
	}
	return tail
}

func (t *sheetTail) add(tags *tagReader, addresses map[string]string) {
	top, column, bottom, ok := rangeOf(tags.attribute("ref"))
	switch address := addresses[tags.attribute("id")]; {
	case !ok:
	case tags.name == "mergeCell" && bottom > top:
		t.merges[top] = append(t.merges[top], mergedCell{column: column, bottom: bottom})
	case tags.name == "hyperlink" && address != "":
		if t.links[top] == nil {
			t.links[top] = map[int]string{}
		}
		t.links[top][column] = address
	}
}

// rangeOf reads a reference such as B2:C5: its first column, from 0, and its rows, from 1.
func rangeOf(reference string) (top, column, bottom int, ok bool) {
	first, last, several := strings.Cut(reference, ":")
	top = rowOfReference(first)
	bottom = top
	if several {
		bottom = rowOfReference(last)
	}
	column = columnOf(first)
	return top, column, bottom, top > 0 && bottom > 0 && column >= 0
}

func rowOfReference(reference string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) // 0 is none
	return n
}

// behindRows returns what stands behind the end of sheetData.
func behindRows(in io.Reader) (io.Reader, error) {
	const end = "sheetData>"
	buf := make([]byte, headBytes)
	for kept := 0; ; {
		n, err := io.ReadAtLeast(in, buf[kept:], 1)
		if err != nil {
			return nil, err
		}
		text := buf[:kept+n]
		for from := 0; ; {
			i := bytes.Index(text[from:], []byte(end))
			if i < 0 {
				break
			}
			tag := bytes.LastIndexByte(text[:from+i], '<')
			from += i + len(end)
			if tag >= 0 && text[tag+1] == '/' {
				return io.MultiReader(bytes.NewReader(text[from:]), in), nil
			}
		}
		const most = 64 // bytes of the tag
		kept = copy(buf, text[max(0, len(text)-most):])
	}
}

// extrasOf returns what the row of that number has besides its cells.
func (s *sheetRows) extrasOf(cells []string) cellExtras {
	e := cellExtras{links: s.tail.links[s.line]}
	for column, m := range s.merged {
		if s.line > m.bottom {
			delete(s.merged, column)
			continue
		}
		if e.merged == nil {
			e.merged = map[int]string{}
		}
		e.merged[column] = m.text
	}
	for _, m := range s.tail.merges[s.line] {
		delete(s.merged, m.column)
		if m.column < min(len(cells), MaxColumns) && cells[m.column] != "" {
			m.text = cells[m.column]
			s.merged[m.column] = m
		}
	}
	return e
}

// notePictures notes that a workbook has pictures in its sheets, which are not read.
func (w *workbook) notePictures() {
	for _, f := range w.archive.File {
		if strings.HasPrefix(strings.ToLower(f.Name), "xl/media/") {
			w.opener.note("pictures within the sheet are not read: give their addresses in a column")
			return
		}
	}
}

// note says that formulas have no values, empty if all have.
func (w *workbook) note() string {
	if !w.uncomputed {
		return ""
	}
	return "cells with formulas have no values, since the program that wrote the file does not compute: open it in a spreadsheet and save it"
}
