package table_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/table"
)

// workbook makes an XLSX file of sheets, each the XML of its rows.
func workbook(t testing.TB, parts map[string]string, sheets ...string) string {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	write := func(name, content string) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var list, relations strings.Builder
	for i, rows := range sheets {
		state := ""
		if strings.HasPrefix(rows, "<!--hidden-->") {
			state = ` state="hidden"`
		}
		fmt.Fprintf(&list, `<sheet name="Sheet %d" sheetId="%d" r:id="rId%d"%s/>`, i+1, i+1, i+1, state)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Target="worksheets/sheet%d.xml"/>`, i+1, i+1)
		write(fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), `<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>`+rows+`</sheetData></worksheet>`)
	}
	write("xl/workbook.xml", `<workbook><sheets>`+list.String()+`</sheets></workbook>`)
	write("xl/_rels/workbook.xml.rels", `<Relationships>`+relations.String()+`</Relationships>`)
	for name, content := range parts {
		write(name, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// inline returns the XML of a row of texts.
func inline(cells ...string) string {
	var b strings.Builder
	b.WriteString("<row>")
	for _, cell := range cells {
		fmt.Fprintf(&b, `<c t="inlineStr"><is><t>%s</t></is></c>`, cell)
	}
	return b.String() + "</row>"
}

const styles = `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="00000"/><numFmt numFmtId="165" formatCode="dd/mm/yyyy"/>` +
	`<numFmt numFmtId="166" formatCode="#,##0.00\ &quot;days&quot;"/><numFmt numFmtId="167" formatCode="#,##0.000"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>` +
	`<cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="22"/><xf numFmtId="166"/><xf numFmtId="11"/><xf numFmtId="2"/><xf numFmtId="167"/></cellXfs></styleSheet>`

func TestReader_ReadsSpreadsheets(t *testing.T) {
	header := inline("id", "name", "price")
	readsAs(t, map[string]reading{
		"inline texts":     {workbook(t, nil, header+inline("1", "a", "2")), "id=\"1\" name=\"a\" price=\"2\"\n"},
		"a first column":   {workbook(t, nil, `<row r="3"><c r="B3" t="str"><v>name</v></c></row><row r="4"><c r="B4" t="str"><v>a</v></c></row>`), "name=\"a\"\n"},
		"titles above":     {workbook(t, nil, inline("Prices")+"<row/>"+header+inline("1", "a", "2")), "id=\"1\" name=\"a\" price=\"2\"\n"},
		"an empty sheet":   {workbook(t, nil, "", "<row><c s=\"1\"/></row>", header+inline("1", "a", "2")), "id=\"1\" name=\"a\" price=\"2\"\n"},
		"a hidden sheet":   {workbook(t, nil, "<!--hidden-->"+header+inline("9", "x", "9"), header+inline("1", "a", "2")), "id=\"1\" name=\"a\" price=\"2\"\n"},
		"notes first":      {workbook(t, nil, inline("See the other sheet."), header+inline("1", "a", "2")), "id=\"1\" name=\"a\" price=\"2\"\n"},
		"digits":           {workbook(t, map[string]string{"xl/styles.xml": styles}, header+`<row><c s="1"><v>123</v></c><c><v>4006381333931</v></c><c s="5"><v>4.006381333931E12</v></c></row>`), "id=\"00123\" name=\"4006381333931\" price=\"4006381333931\"\n"},
		"what is shown":    {workbook(t, map[string]string{"xl/styles.xml": styles}, header+`<row><c s="4"><v>1299.5</v></c><c><v>0.30000000000000004</v></c><c><v>1E-3</v></c></row>`), "id=\"1299.5\" name=\"0.3\" price=\"0.001\"\n"},
		"zeros":            {workbook(t, map[string]string{"xl/styles.xml": styles}, header+`<row><c s="6"><v>0.5</v></c><c s="6"><v>12</v></c><c s="7"><v>1234.56789</v></c></row>`), "id=\"0.50\" name=\"12.00\" price=\"1234.56789\"\n"},
		"a lone ampersand": {workbook(t, nil, header+`<row><c t="str"><v>A&B</v></c></row>`+inline("2", "b", "3")), "id=\"A&B\" name=\"\" price=\"\"\nid=\"2\" name=\"b\" price=\"3\"\n"},
		"days":             {workbook(t, map[string]string{"xl/styles.xml": styles}, header+`<row><c s="2"><v>45962</v></c><c s="3"><v>45962.75</v></c><c t="d"><v>2025-11-01</v></c></row>`), "id=\"2025-11-01\" name=\"2025-11-01 18:00:00\" price=\"2025-11-01\"\n"},
		"other kinds":      {workbook(t, nil, header+`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>A1&amp;"x"</f><v>ax</v></c></row>`), "id=\"TRUE\" name=\"#N/A\" price=\"ax\"\n"},
		"links":            {workbook(t, nil, header+`<row><c/><c><f>HYPERLINK("http://x/1.jpg","a")</f><v>a</v></c></row>`), "id=\"\" name=\"=HYPERLINK(\\\"http://x/1.jpg\\\",\\\"a\\\")\" price=\"\"\n"},
		"shared texts":     {workbook(t, map[string]string{"xl/sharedStrings.xml": `<sst><si><t>id</t></si><si><t>name</t></si><si><r><t xml:space="preserve">oak </t></r><r><t>ta_x000D_&#10;ble &amp; _x005F_</t></r><rPh><t>no</t></rPh></si></sst>`}, `<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c><v>7</v></c><c t="s"><v>2</v></c></row>`), "id=\"7\" name=\"oak ta\\nble & _\"\n"},
		"prefixed names":   {workbook(t, nil, `<x:row xmlns:x="y"><x:c t="str"><x:v>name</x:v></x:c></x:row><x:row><x:c t="str"><x:v>a</x:v></x:c></x:row>`), "name=\"a\"\n"},
		"unknown columns":  {workbook(t, nil, inline("品番", "商品名")+inline("1a", "椅子")+inline("7", "机")), "品番=\"1a\" 商品名=\"椅子\"\n品番=\"7\" 商品名=\"机\"\n"},
		"formulas":         {workbook(t, nil, header+`<row><c/><c><f>_xlfn.IMAGE("http://x/1.jpg")</f><v>#NAME?</v></c></row>`), "id=\"\" name=\"=IMAGE(\\\"http://x/1.jpg\\\")\" price=\"\"\n"},
		"links of cells": {
			workbook(t, map[string]string{"xl/worksheets/_rels/sheet1.xml.rels": `<Relationships><Relationship Id="r1" Target="http://x/1.jpg" TargetMode="External"/></Relationships>`},
				header+`<row r="2"><c r="B2" t="str"><v>a</v></c></row><row r="3"><c r="B3" t="str"><v>b</v></c></row></sheetData><hyperlinks><hyperlink ref="B3" r:id="r1"/></hyperlinks><sheetData>`),
			"id=\"\" name=\"a\" price=\"\"\nid=\"\" name=\"b\" price=\"\" name (other link)=\"http://x/1.jpg\"\n",
		},
		"merged cells": {
			workbook(t, nil, `<row r="1"><c t="str"><v>category</v></c><c t="str"><v>name</v></c></row><row r="2"><c t="str"><v>Sofas</v></c><c t="str"><v>a</v></c></row>`+
				`<row r="3"><c r="B3" t="str"><v>b</v></c></row><row r="4"><c r="B4" t="str"><v>c</v></c></row></sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells><sheetData>`),
			"category=\"Sofas\" name=\"a\"\ncategory=\"Sofas\" name=\"b\"\ncategory=\"\" name=\"c\"\n",
		},
		"gaps in columns": {workbook(t, nil, header+`<row r="9"><c r="A9"><v>1</v></c><c r="C9"><v>2</v></c></row>`), "id=\"1\" name=\"\" price=\"2\"\n"},
	})
}

// The cells of merged ranges stay as they are in the file for people's outputs.
func TestReader_OriginalKeepsMergedCells(t *testing.T) {
	text := workbook(t, map[string]string{"xl/media/image1.png": "x"}, `<row r="1"><c t="str"><v>category</v></c><c t="str"><v>name</v></c></row><row r="2"><c t="str"><v>Sofas</v></c><c t="str"><v>a</v></c></row>`+
		`<row r="3"><c r="B3" t="str"><v>b</v></c></row></sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells><sheetData>`)
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if _, err := r.Read(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", "b"}, r.Original()); diff != "" {
		t.Error(diff)
	}
	if notes := r.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "pictures within the sheet are not read") {
		t.Errorf("notes: %q", notes)
	}
}

func TestReader_ReadsTheSheetOfThatName(t *testing.T) {
	text := workbook(t, nil, inline("name")+inline("a"), inline("name")+inline("b"), "")
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{Sheet: "sheet 2"})
	if err != nil {
		t.Fatal(err)
	}
	if rows := rest(r); brief(rows) != "name=\"b\"\n" || !cmp.Equal(r.Header(), []string{"name"}) || !cmp.Equal(r.Columns(), []string{"name"}) {
		t.Errorf("got %s below %q, %q", brief(rows), r.Header(), r.Columns())
	}
	for sheet, want := range map[string]string{
		"Sheet 9": "in.csv has no sheet \"Sheet 9\": it has Sheet 1, Sheet 2, Sheet 3",
		"Sheet 3": "in.csv has nothing in the sheet \"Sheet 3\"",
	} {
		if _, err := read(t, text, table.ReaderConfig{Sheet: sheet}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", sheet, err)
		}
	}
	if _, err := read(t, workbook(t, nil, inline("See below."), inline("None.")), table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "none of See below. is known") {
		t.Errorf("notes alone: got %v", err)
	}
	if _, err := read(t, "name\na\n", table.ReaderConfig{Sheet: "x"}); err == nil || !strings.Contains(err.Error(), "in.csv is not a spreadsheet and has no sheet \"x\"") {
		t.Errorf("CSV: got %v", err)
	}
}

func TestReader_NotesTheSheetsThatItLeavesOut(t *testing.T) {
	sofas, lamps := inline("name")+inline("Sofa"), inline("name")+inline("Lamp")
	for name, c := range map[string]struct {
		sheets []string
		sheet  string
		want   []string
	}{
		"several":     {[]string{inline("See below."), sofas, "", lamps, "<!--hidden-->" + lamps}, "", []string{"the sheet Sheet 2 is read, and not Sheet 1, Sheet 4: choose by --sheet"}},
		"a named one": {[]string{sofas, lamps}, "Sheet 2", nil},
		"one":         {[]string{sofas, "<row/>"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := table.NewReader(strings.NewReader(workbook(t, nil, c.sheets...)), table.ReaderConfig{Sheet: c.sheet})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if diff := cmp.Diff(c.want, r.Notes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReader_LinesOfASheet(t *testing.T) {
	text := workbook(t, nil, `<row r="2"><c t="str"><v>name</v></c></row><row r="5"><c><v>1</v></c></row><row r="9"><c><v>2</v></c></row>`)
	if diff := cmp.Diff([]string{"5 1", "9 2"}, lines(t, text, table.ReaderConfig{})); diff != "" {
		t.Error(diff)
	}
}

func archive(t testing.TB, names ...string) string {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range names {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestReader_RefusesOtherFiles(t *testing.T) {
	whole := workbook(t, nil, inline("name")+inline("a"))
	for name, c := range map[string]struct{ text, want string }{
		"a zip archive":     {archive(t, "a.csv", "b/", "b/c.csv"), "in.csv is a zip archive (of a.csv, b/c.csv): unpack it"},
		"an empty archive":  {archive(t), "in.csv is an empty zip archive"},
		"a binary workbook": {archive(t, "xl/workbook.bin"), "in.csv is a binary workbook (.xlsb): save it as .xlsx"},
		"an open document":  {archive(t, "mimetype", "content.xml"), "in.csv is an OpenDocument spreadsheet: save it as .xlsx"},
		"Numbers":           {archive(t, "Index/Document.iwa"), "in.csv is a document of Numbers"},
		"Word":              {archive(t, "word/document.xml"), "in.csv is a document of Word"},
		"a web archive":     {"MIME-Version: 1.0\n", "in.csv is a web archive (.mht)"},
		"a pickle":          {"\x80\x02]q", "in.csv is a pickle of Python"},
		"a cut workbook":    {whole[:len(whole)/2], "in.csv is a spreadsheet or a zip archive, and is damaged or cut off"},
		"an old workbook":   {"\xd0\xcf\x11\xe0 W\x00o\x00r\x00k\x00b\x00o\x00o\x00k\x00", "in.csv is a spreadsheet in the format of Excel 97 (.xls): save it as .xlsx"},
		"a password":        {"\xd0\xcf\x11\xe0 E\x00n\x00c\x00r\x00y\x00p\x00t\x00e\x00d\x00P\x00a\x00c\x00k\x00a\x00g\x00e\x00", "in.csv is protected by a password: open it, remove the password"},
		"an old document":   {"\xd0\xcf\x11\xe0 rest", "in.csv is a file of an old Office program"},
		"no data":           {workbook(t, nil, "", "<row/>"), "in.csv is a spreadsheet without data"},
		"no known column":   {workbook(t, nil, inline("12", "13")+inline("1", "2")), "the first line must name the columns"},
		"broken XML":        {workbook(t, nil, inline("name")+"<row><c><v>1"), "damaged or cut off at row 2"},
		"a missing text":    {workbook(t, nil, `<row><c t="s"><v>3</v></c></row>`), "damaged or cut off at row 1"},
		"PDF":               {"%PDF-1.7", "in.csv is a PDF document"},
		"zstd":              {"\x28\xb5\x2f\xfd", "in.csv is compressed with zstd"},
		"a picture":         {"\xff\xd8\xff\xe0", "in.csv is a picture"},
		"noise":             {"\x01\x02\x03\x04\x05\x06 name\n", "in.csv is neither text nor a kind of file that can be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(t, c.text, table.ReaderConfig{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// emptyCells is the XML of so many bytes of cells without values.
func emptyCells(n int) string {
	row := "<row>" + strings.Repeat("<c/>", 1_000) + "</row>"
	return strings.Repeat(row, n/len(row))
}

func TestReader_RefusesASheetOfEmptyCells(t *testing.T) {
	defer table.SetMaxEmpty(100_000)()
	text := workbook(t, nil, inline("name")+inline("a")+emptyCells(200_000))
	rows, err := read(t, text, table.ReaderConfig{})
	if err == nil || !strings.Contains(err.Error(), "too many empty cells") || brief(rows) != "name=\"a\"\n" {
		t.Errorf("got %s, %v", brief(rows), err)
	}
}

func TestReader_RefusesPartsWithoutEnd(t *testing.T) {
	endless := "<a>" + strings.Repeat("<b/>", 17<<20) + "</a>" // 68 MiB
	text := workbook(t, map[string]string{"xl/styles.xml": endless}, inline("name")+inline("a"))
	if _, err := read(t, text, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "with too much in one place") {
		t.Errorf("got %v", err)
	}
}

func TestReader_RefusesALargeCellInBoundedMemory(t *testing.T) {
	text := workbook(t, nil, inline("name")+inline("a")+inline(strings.Repeat("x", 1<<20)))
	_, err := read(t, text, table.ReaderConfig{MaxRowBytes: 100_000})
	if err == nil || !strings.Contains(err.Error(), "larger than a row may be") {
		t.Errorf("got %v", err)
	}
}

// TestReader_RefusesWhatFillsMemory has workbooks of which a few bytes stand for many.
func TestReader_RefusesWhatFillsMemory(t *testing.T) {
	header := inline("name", "note")
	texts := map[string]string{"xl/sharedStrings.xml": "<sst><si><t>" + strings.Repeat("x", 10_000) + "</t></si></sst>"}
	zeros := map[string]string{"xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="` + strings.Repeat("0", 50_000) +
		`"/></numFmts><cellXfs><xf numFmtId="164"/></cellXfs></styleSheet>`}
	for name, c := range map[string]struct{ text, want string }{
		"one text in all cells": {workbook(t, texts, header+"<row>"+strings.Repeat(`<c t="s"><v>0</v></c>`, 100)+"</row>"), "larger than a row may be"},
		"many sheets":           {workbook(t, nil, slices.Repeat([]string{"<row/>"}, 1_001)...), "it has over 1000 sheets"},
		"a format of zeros":     {workbook(t, zeros, header+`<row><c s="0"><v>1</v></c></row>`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, c.text, table.ReaderConfig{MaxRowBytes: 100_000})
			if c.want == "" && err == nil && len(brief(rows)) < 1_000 {
				return
			}
			if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.200s, %v", brief(rows), err)
			}
		})
	}
}

// A killed process must not leave a file of some gigabytes behind.
func TestTemporaryFile_HasNoNameWhileItIsRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the system cannot remove an open file")
	}
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	pipe := io.MultiReader(strings.NewReader(workbook(t, nil, inline("name")+inline("Sofa"))))
	r, err := table.NewReader(pipe, table.ReaderConfig{Name: "a.xlsx"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("the folder has %v, %v", files, err)
	}
	if row, err := r.Read(); err != nil || len(row) != 1 {
		t.Errorf("the row is %v, %v", row, err)
	}
}

func TestReader_ReadsOddArchives(t *testing.T) {
	sheet := workbook(t, nil, inline("name")+inline("Sofa"))
	for name, text := range map[string]string{
		"line ends in front of it": "\r\n\ufeff" + sheet,
		"backslashes in its names": backslashed(t, sheet),
		"CSV alone":                packedFiles(t, map[string]string{"d/a.csv": "name\nSofa\n", "__MACOSX/d/._a.csv": "x"}),
		"a workbook alone":         packedFiles(t, map[string]string{"a.xlsx": sheet}),
	} {
		rows, err := read(t, text, table.ReaderConfig{})
		if err != nil || brief(rows) != "name=\"Sofa\"\n" {
			t.Errorf("%s: got %s, %v", name, brief(rows), err)
		}
	}
	bomb := packedFiles(t, map[string]string{"a.csv": "name\nSofa\n" + strings.Repeat("\n", 72<<20)})
	if _, err := read(t, bomb, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), "it unpacks to over 300 times its size") {
		t.Errorf("a bomb: got %v", err)
	}
}

func packedFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, text := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// backslashed returns an archive with the names as some programs for Windows write them.
func backslashed(t testing.TB, whole string) string {
	t.Helper()
	in, err := zip.NewReader(strings.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range in.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.ReplaceAll(f.Name, "/", `\`)] = string(text)
	}
	return packedFiles(t, files)
}

// Programs that do not compute leave a formula's value to the spreadsheet.
func TestReader_NotesFormulasWithoutValues(t *testing.T) {
	text := workbook(t, nil, inline("name")+`<row><c><f>A9</f></c></row><row><c><f>A9</f><v></v></c><c t="str"><f>""</f><v></v></c></row>`+inline("Sofa"))
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	rest(r)
	want := []string{"cells with formulas have no values, since the program that wrote the file does not compute: open it in a spreadsheet and save it"}
	if diff := cmp.Diff(want, r.Notes()); diff != "" {
		t.Error(diff)
	}
}

func TestReader_KeepsTimesThatHavePassed(t *testing.T) {
	styles := `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="[hh]:mm"/></numFmts><cellXfs><xf numFmtId="170"/><xf numFmtId="46"/><xf numFmtId="21"/></cellXfs></styleSheet>`
	text := workbook(t, map[string]string{"xl/styles.xml": styles}, inline("name", "a", "b", "c")+
		`<row><c t="inlineStr"><is><t>Sofa</t></is></c><c s="0"><v>1.25</v></c><c s="1"><v>1.25</v></c><c s="2"><v>0.25</v></c></row>`)
	rows, err := read(t, text, table.ReaderConfig{})
	if err != nil || brief(rows) != "name=\"Sofa\" a=\"30:00:00\" b=\"30:00:00\" c=\"06:00:00\"\n" {
		t.Errorf("got %s, %v", brief(rows), err)
	}
}
