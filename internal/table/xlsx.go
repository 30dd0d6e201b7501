package table

import (
	"archive/zip"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// workbook is an XLSX file. Its sheets are read as streams; in memory are the styles and
// the first part of the shared texts.
//
// A spreadsheet library gives a number either raw or as it is shown. Neither is right for
// catalogues: an article number is shown as 4.01E+12, and a date is 45962 raw. So the
// numbers are made into texts here, see numberFormat.
type workbook struct {
	archive *zip.Reader
	opener  *opener
	sheets  []sheetEntry
	formats []numberFormat // by style
	epoch   dateSystem
	texts   *sharedTexts
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
		err = w.readTexts(path.Join(path.Dir(main), "sharedStrings.xml"))
	}
	if err != nil {
		return nil, w.damaged(err)
	}
	return w, nil
}

// damaged returns the fault for a part that cannot be read.
func (w *workbook) damaged(err error) error {
	if errors.Is(err, errLargePart) {
		return w.opener.at.fault("is a spreadsheet with too much in one place: %v", err)
	}
	return w.opener.at.fault("is a spreadsheet that is damaged: %v", err)
}

func (w *workbook) file(name string) *zip.File {
	i := slices.IndexFunc(w.archive.File, func(f *zip.File) bool { return strings.EqualFold(f.Name, name) })
	if i < 0 {
		return nil
	}
	return w.archive.File[i]
}

// mainPart returns the name of the part that lists the sheets.
func (w *workbook) mainPart() string {
	name := "xl/workbook.xml"
	_ = w.each("_rels/.rels", func(tag xmlToken) error { // the default does for most
		if strings.HasSuffix(tag.attribute("Type"), "/officeDocument") {
			name = strings.TrimPrefix(tag.attribute("Target"), "/")
		}
		return nil
	})
	return name
}

// each calls f for every element of a part. A part that is not there has none.
func (w *workbook) each(name string, f func(tag xmlToken) error) error {
	file := w.file(name)
	if file == nil {
		return nil
	}
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was read only
	e := newXMLReader(in, w.opener.cfg.MaxRowBytes)
	for {
		tag, err := e.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(tag)
		}
		if err != nil {
			return err
		}
	}
}

func (w *workbook) readSheets(main string) error {
	targets := map[string]string{}
	err := w.each(path.Join(path.Dir(main), "_rels", path.Base(main)+".rels"), func(tag xmlToken) error {
		target := tag.attribute("Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(path.Dir(main), target)
		}
		targets[tag.attribute("Id")] = strings.TrimPrefix(target, "/")
		return nil
	})
	if err != nil {
		return err
	}
	return w.each(main, func(tag xmlToken) error {
		switch tag.name {
		case "workbookPr":
			w.epoch = dateSystem(tag.attribute("date1904") == "1" || tag.attribute("date1904") == "true")
		case "sheet":
			w.sheets = append(w.sheets, sheetEntry{
				name: tag.attribute("name"), path: targets[tag.attribute("id")],
				hidden: tag.attribute("state") != "" && tag.attribute("state") != "visible",
			})
		}
		return nil
	})
}

func (w *workbook) readStyles(name string) error {
	custom := map[string]string{}
	within := false
	return w.each(name, func(tag xmlToken) error {
		switch tag.name {
		case "numFmt":
			custom[tag.attribute("numFmtId")] = tag.attribute("formatCode")
		case "cellXfs":
			within = true
		case "cellStyles", "dxfs":
			within = false
		case "xf":
			if within {
				id := tag.attribute("numFmtId")
				n, _ := strconv.Atoi(id) // 0 is the general format
				w.formats = append(w.formats, formatOf(n, custom[id]))
			}
		}
		return nil
	})
}

// open returns a reader of the sheet of that name, or of the first one with columns.
func (w *workbook) open(name string) (*Reader, error) {
	var names []string
	var notes error // of the first sheet that has text and no columns
	for _, entry := range w.sheets {
		names = append(names, entry.name)
		if name != "" && !strings.EqualFold(entry.name, name) {
			continue
		}
		if name == "" && entry.hidden {
			continue
		}
		r, headless, err := w.openSheet(entry)
		if headless && name == "" {
			if notes == nil {
				notes = err
			}
			continue
		}
		if r != nil || err != nil {
			return r, err
		}
		if name != "" {
			return nil, w.opener.at.fault("has nothing in the sheet %q: give another one by --sheet", entry.name)
		}
	}
	if name != "" {
		return nil, w.opener.at.fault("has no sheet %q: it has %s", name, clip(strings.Join(names, ", ")))
	}
	if notes != nil {
		return nil, notes
	}
	return nil, w.opener.at.fault("is a spreadsheet without data: it needs a header and a row")
}

// openSheet returns nil for a sheet without data. headless is for an error because no row
// names columns, as in a sheet of notes.
func (w *workbook) openSheet(entry sheetEntry) (r *Reader, headless bool, err error) {
	file := w.file(entry.path)
	if file == nil {
		return nil, false, nil
	}
	in, err := file.Open()
	if err != nil {
		return nil, false, w.damaged(err)
	}
	w.opener.closes = append(w.opener.closes, func() { _ = in.Close() })
	rows := &sheetRows{book: w, xml: newXMLReader(in, w.opener.cfg.MaxRowBytes)}
	first, line, err := rows.row()
	switch {
	case errors.Is(err, io.EOF):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	s := &headedSource{rows: rows, at: w.opener.at, join: ", ", pending: []cellRow{{first, line, nil}}}
	header, err := s.findHeader()
	if err == nil {
		err = s.setHeader(header)
	}
	if err != nil {
		return nil, s.headless, err
	}
	return headedReader(s, Dialect{}), false, nil
}
