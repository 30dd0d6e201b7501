package table

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// workbook is an XLSX file. Its sheets are read as streams; in memory are the styles and
// the first part of the shared texts.
//
// The library that writes sheets does not read them: a sheet that is cut off ends without
// an error there, a text that is missing is empty, keys of over 15 digits get an exponent,
// and the addresses in HYPERLINK formulas are lost.
type workbook struct {
	archive  *zip.Reader
	opener   *opener
	sheets   []sheetEntry
	formats  []numberFormat // by style
	from1904 bool           // days count from 1904 on
	texts    sharedTexts
	// uncomputed is set if a cell has a formula and no value, as programs write them that do
	// not compute.
	uncomputed bool
}

// sheetEntry is a sheet as the workbook names it.
type sheetEntry struct {
	name, path string
	hidden     bool
}

func newWorkbook(archive *zip.Reader, o *opener) (*workbook, error) {
	w := &workbook{archive: archive, opener: o}
	main := w.mainPart()
	if w.file(main) == nil {
		return nil, o.otherArchive(archive)
	}
	err := w.readSheets(main)
	if err == nil {
		err = w.readStyles(path.Join(path.Dir(main), "styles.xml"))
	}
	if err == nil {
		err = w.readTexts(w.file(path.Join(path.Dir(main), "sharedStrings.xml")))
	}
	if err != nil {
		return nil, w.damaged(err)
	}
	return w, nil
}

// damaged returns the fault for a part that cannot be read.
func (w *workbook) damaged(err error) error {
	if errors.Is(err, errLargePart) || errors.Is(err, errManySheets) {
		return w.opener.at.fault("is a spreadsheet with too much in one place: %v", err)
	}
	return w.opener.at.fault("is a spreadsheet that is damaged: %v", err)
}

func (w *workbook) file(name string) *zip.File {
	i := slices.IndexFunc(w.archive.File, func(f *zip.File) bool { return strings.EqualFold(strings.ReplaceAll(f.Name, `\`, "/"), name) })
	if i < 0 {
		return nil
	}
	return w.archive.File[i]
}

// mainPart returns the name of the part that lists the sheets.
func (w *workbook) mainPart() string {
	name := "xl/workbook.xml"
	_ = w.each("_rels/.rels", func(tag *tagReader) { // the default does for most
		if strings.HasSuffix(tag.attribute("type"), "/officeDocument") {
			name = strings.TrimPrefix(tag.attribute("target"), "/")
		}
	})
	return name
}

// These are how large the lists of sheets and styles may be, and how many styles there are
// in the format.
const (
	maxPart   = 64 << 20
	maxStyles = 1 << 16
	maxSheets = 1_000
)

var errManySheets = fmt.Errorf("it has over %d sheets", maxSheets)

// each calls f at every start of an element in a part. A part that is not there has none.
func (w *workbook) each(name string, f func(tag *tagReader)) error {
	file := w.file(name)
	if file == nil {
		return nil
	}
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read only
	tags := newTagReader(in, w.opener.cfg.MaxRowBytes)
	tags.most = maxPart
	for {
		kind, err := tags.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == html.StartTagToken {
			f(tags)
		}
	}
}

func (w *workbook) readSheets(main string) error {
	targets := map[string]string{}
	err := w.each(path.Join(path.Dir(main), "_rels", path.Base(main)+".rels"), func(tag *tagReader) {
		target := tag.attribute("target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(main), target)
		}
		targets[tag.attribute("id")] = strings.TrimPrefix(target, "/")
	})
	if err != nil {
		return err
	}
	err = w.each(main, func(tag *tagReader) {
		switch tag.name {
		case "workbookPr":
			w.from1904 = tag.attribute("date1904") == "1" || tag.attribute("date1904") == "true"
		case "sheet":
			if len(w.sheets) > maxSheets {
				return
			}
			w.sheets = append(w.sheets, sheetEntry{
				name: tag.attribute("name"), path: targets[tag.attribute("id")],
				hidden: tag.attribute("state") != "" && tag.attribute("state") != "visible",
			})
		}
	})
	if err == nil && len(w.sheets) > maxSheets {
		err = errManySheets
	}
	return err
}

func (w *workbook) readStyles(name string) error {
	custom := map[string]string{}
	within := false
	return w.each(name, func(tag *tagReader) {
		switch tag.name {
		case "numFmt":
			custom[tag.attribute("numfmtid")] = tag.attribute("formatcode")
		case "cellXfs":
			within = true
		case "cellStyles", "dxfs":
			within = false
		case "xf":
			if within && len(w.formats) < maxStyles {
				id := tag.attribute("numfmtid")
				n, _ := strconv.Atoi(id) // 0 is the general format
				w.formats = append(w.formats, formatOf(n, custom[id]))
			}
		}
	})
}

// open returns a reader of the sheet of that name, or of the first one with columns, which
// notes the names of the others.
func (w *workbook) open(name string) (*Reader, error) {
	if name != "" {
		return w.openNamed(name)
	}
	var found *Reader
	var read string
	var others []string
	var headless error // of the first sheet that has text and no columns
	for _, entry := range w.sheets {
		if entry.hidden {
			continue
		}
		s, tail, err := w.openSheet(entry)
		if s == nil && (err == nil || found != nil) {
			continue
		}
		if found == nil && err == nil {
			err = s.readHeader()
		}
		switch {
		case err != nil && (s == nil || !s.headless):
			return nil, err
		case err != nil || found != nil:
			w.opener.closeLast()
			others = append(others, entry.name)
			if headless == nil {
				headless = err
			}
		default:
			found, read = headedReader(s, "xlsx", Dialect{}), entry.name
			w.opener.note("%s", tail)
		}
	}
	switch {
	case found == nil && headless == nil:
		return nil, w.opener.at.fault("is a spreadsheet without data: it needs a header and a row")
	case found == nil:
		return nil, headless
	case len(others) > 0:
		w.opener.note("the sheet %s is read, and not %s: choose by --sheet", read, clip(strings.Join(others, ", ")))
	}
	return found, nil
}

func (w *workbook) openNamed(name string) (*Reader, error) {
	i := slices.IndexFunc(w.sheets, func(e sheetEntry) bool { return strings.EqualFold(e.name, name) })
	if i < 0 {
		names := make([]string, len(w.sheets))
		for i, entry := range w.sheets {
			names[i] = entry.name
		}
		return nil, w.opener.at.fault("has no sheet %q: it has %s", name, clip(strings.Join(names, ", ")))
	}
	s, tail, err := w.openSheet(w.sheets[i])
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return nil, w.opener.at.fault("has nothing in the sheet %q: give another one by --sheet", w.sheets[i].name)
	}
	w.opener.note("%s", tail)
	err = s.readHeader()
	return headedReader(s, "xlsx", Dialect{}), err
}

// openSheet returns the rows of a sheet, nil for one without data, and a note on what
// stands behind them, empty for none.
func (w *workbook) openSheet(entry sheetEntry) (s *headedSource, tail string, err error) {
	file := w.file(entry.path)
	if file == nil {
		return nil, "", nil
	}
	in, err := file.Open()
	if err != nil {
		return nil, "", w.damaged(err)
	}
	w.opener.closes = append(w.opener.closes, func() { _ = in.Close() })
	rows := &sheetRows{book: w, tags: newTagReader(in, w.opener.cfg.MaxRowBytes), tail: w.readTail(file), merged: map[int]mergedCell{}}
	first := rows.row(0)
	if first.err != nil {
		w.opener.closeLast()
	}
	if errors.Is(first.err, io.EOF) {
		return nil, "", nil
	}
	if first.err != nil {
		return nil, "", first.err
	}
	return &headedSource{rows: rows, at: w.opener.at, join: ", ", pending: []cellRow{first}}, rows.tail.note, nil
}
