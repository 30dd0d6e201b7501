package table_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/credenza-dev/credenza/internal/table"
)

func TestReader_ReadsDamagedRows(t *testing.T) {
	readsAs(t, map[string]reading{
		"short rows":                {"name,type,price\nbed\nrug,a,1\n", "name=\"bed\" type=\"\" price=\"\"\nname=\"rug\" type=\"a\" price=\"1\"\n"},
		"empty cells too many":      {"name,type\nbed,a,,\nrug,b\n", "name=\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"a comma without quotes":    {"name,type\nbed,a, b\nrug,c\n", "name=\"bed\" type=\"a, b\"\nname=\"rug\" type=\"c\"\n"},
		"blank rows":                {"name;type\nbed;a\n;;\n;\n\nrug;b\n;;\n", "name=\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"the header again":          {"name,type\nbed,a\n\ufeffname,type\nrug,b\n", "name=\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"repeated names":            {"name,type,name\na,b,c\n", "name=\"a\" type=\"b\" name (2)=\"c\"\n"},
		"a value without a name":    {"name,\nbed,x\n", "name=\"bed\" column 2=\"x\"\n"},
		"NULs":                      {"na\x00me,type\nbed,a\x00\n", "name=\"bed\" type=\"a\"\n"},
		"an old end mark":           {"name\nbed\n\x1a", "name=\"bed\"\n"},
		"a formula for digits":      {"id,name\n=\"00123\",bed\n\"=\"\"00124\"\"\",rug\n", "id=\"00123\" name=\"bed\"\nid=\"00124\" name=\"rug\"\n"},
		"an inch mark":              {"name,type\nbed 30\" wide,a\nrug 8\",b\n", "name=\"bed 30\\\" wide\" type=\"a\"\nname=\"rug 8\\\"\" type=\"b\"\n"},
		"inch marks within quotes":  {"name,type\n\"bed 8\" x 10\"\",a\nrug,b\n", "name=\"bed 8\\\" x 10\\\"\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"a quoted word first":       {"name\ttype\n\"The King\" bed\ta\nrug\tb\n", "name=\"\\\"The King\\\" bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"a quote never closed":      {"name,type\n\"bed,a\nrug,b\n", "name=\"\\\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"never closed, others are":  {"name,type\n\"bed,a\nrug,\"b\nc\"\n", "name=\"\\\"bed\" type=\"a\"\nname=\"rug\" type=\"b\\nc\"\n"},
		"backslash quotes":          {"name,type\n\"bed 30\\\" wide\",a\n\"rug 8\\\"\",b\n", "name=\"bed 30\\\" wide\" type=\"a\"\nname=\"rug 8\\\"\" type=\"b\"\n"},
		"a backslash at the end":    {"name,type\n\"bed\\\",a\n", "name=\"bed\\\\\" type=\"a\"\n"},
		"an empty last cell":        {"name,type\nbed,\"\"\n", "name=\"bed\" type=\"\"\n"},
		"carriage returns alone":    {"name,type\rbed,a\rrug,b\r", "name=\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"the same, with quotes":     {"name,type\r\"bed\nx\",a\rrug,b\r", "name=\"bed\\nx\" type=\"a\"\nname=\"rug\" type=\"b\"\n"},
		"line ends of both kinds":   {"name,type\r\nbed,a\rrug,b\r\"x\",c\r\nlamp,\"d\re\"\r\nsofa,f\rg\r\n", "name=\"bed\" type=\"a\"\nname=\"rug\" type=\"b\"\nname=\"x\" type=\"c\"\nname=\"lamp\" type=\"d\\re\"\nname=\"sofa\" type=\"f\\rg\"\n"},
		"groups above the header":   {"Product,,Picture\nid,name,url\n1,bed,http://x/1.jpg\n", "id=\"1\" name=\"bed\" url=\"http://x/1.jpg\"\n"},
		"no name for a column":      {"name,,price\nbed,a,2\nname,id,price\n", "name=\"bed\" column 2=\"a\" price=\"2\"\nname=\"name\" column 2=\"id\" price=\"price\"\n"},
		"a note of the separator":   {"sep=;\r\nname;type\r\nbed;a,b\r\n", "name=\"bed\" type=\"a,b\"\n"},
		"the note in quotes":        {"\"sep=;\"\nname;type\nbed;a\n", "name=\"bed\" type=\"a\"\n"},
		"titles above the header":   {"Spring prices;;\n;;\nid;name;price\n1;bed;2\n", "id=\"1\" name=\"bed\" price=\"2\"\n"},
		"commas in the header":      {"name;size (W, H, D)\nbed;1, 2, 3\n", "name=\"bed\" size (W, H, D)=\"1, 2, 3\"\n"},
		"one column with commas":    {"product_name\nbed, grey\nrug\n", "product_name=\"bed, grey\"\nproduct_name=\"rug\"\n"},
		"carets":                    {"id^name\n1^bed\n", "id=\"1\" name=\"bed\"\n"},
		"unknown names over values": {"Bezeichnung;Wert\nBett;12,5\nTeppich;3\n", "Bezeichnung=\"Bett\" Wert=\"12,5\"\nBezeichnung=\"Teppich\" Wert=\"3\"\n"},
	})
}

func TestReader_FindsTheEncoding(t *testing.T) {
	want := "name=\"Küche\" type=\"a\"\nname=\"Stühle\" type=\"5 €\"\n"
	text := "name,type\nKüche,a\nStühle,5 €\n"
	legacy, _ := charmap.Windows1252.NewEncoder().String(text)
	little, _ := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String(text)
	big, _ := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(text)
	for name, text := range map[string]string{
		"UTF-8": text, "UTF-8 with marks": "\ufeff\ufeff" + text,
		"Windows-1252":       legacy,
		"UTF-16, little end": "\xff\xfe" + little, "UTF-16, big end": "\xfe\xff" + big,
		"little end, no mark": little, "big end, no mark": big,
		"one broken byte": "name,type\nKüche,a\nSt\xfchle,5 €\n",
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := read(t, text, table.ReaderConfig{})
			if err != nil || brief(rows) != want {
				t.Errorf("from a stream: got %s, %v", brief(rows), err)
			}
			r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			rows = nil
			for row := range r.Rows() {
				rows = append(rows, row)
			}
			if brief(rows) != want {
				t.Errorf("from a file: got %s", brief(rows))
			}
		})
	}
	rows, err := read(t, "{\"name\":\"caf\xe9\"}", table.ReaderConfig{})
	if err != nil || brief(rows) != "name=\"café\"\n" {
		t.Errorf("JSON: got %s, %v", brief(rows), err)
	}
}

// rest returns the rows that are left.
func rest(r *table.Reader) []table.Row {
	var rows []table.Row
	for row := range r.Rows() {
		rows = append(rows, row)
	}
	return rows
}

func TestReader_FindsTheEncodingByItsLetters(t *testing.T) {
	for name, c := range map[string]struct {
		charset encoding.Encoding
		text    string
	}{
		"Polish":     {charmap.Windows1250, "id,name\n1,Stół dębowy\n2,Łóżko tapicerowane\n3,Żółte krzesło\n"},
		"Czech":      {charmap.Windows1250, "id,name\n1,Jídelní stůl\n2,Dřevěná židle\n3,Šatní skříň\n"},
		"Hungarian":  {charmap.Windows1250, "id,name\n1,Étkezőasztal tölgy\n2,Bőr kanapé\n3,Fésülködőasztal fiókkal, három részes, kárpitozott ágy\n"},
		"Russian":    {charmap.Windows1251, "id,name\n1,Стол дубовый\n2,КРОВАТЬ\n3,Жёлтый стул\n"},
		"German":     {charmap.Windows1252, "id,name\n1,Küchenstühle m³ £5\n2,GRÖßE ÄÖÜ\n3,Tür für Möbel\n"},
		"signs":      {charmap.Windows1252, "id,name\n1,Oak table ••••• Best ————\n2,Sofa® ····\n"},
		"French":     {charmap.Windows1252, "id,name\n1,Canapé d’angle à gauche – œuvre\n2,Étagère bibliothèque\n3,Bûche où çà\n"},
		"Danish":     {charmap.Windows1252, "id,name\n1,Spisebord i egetræ\n2,Grøn stol\n3,Blå sofa\n"},
		"Spanish":    {charmap.Windows1252, "id,name\n1,¿Sillón pequeño?\n2,Lámpara 5 m²\n3,¡Niño! 2ª\n"},
		"Italian":    {charmap.Windows1252, "id,name\n1,Qualità così più\n2,Comò è però\n"},
		"Icelandic":  {charmap.Windows1252, "id,name\n1,Borð þægilegt\n2,Stóll úr tré\n"},
		"Finnish":    {charmap.Windows1252, "id,name\n1,Pöytä\n2,Sänky šakki\n"},
		"Turkish":    {charmap.Windows1254, "id,name\n1,Ahşap yatak odası takımı\n2,İki kişilik koltuk, gri\n3,Çalışma masası ve sandalye, yüksek\n"},
		"Lithuanian": {charmap.Windows1257, "id,name\n1,Ąžuolinis stalas\n2,Kėdė su porankiais, šviesiai pilka\n3,Dvigulė lova, minkštų baldų\n"},
		"Latvian":    {charmap.Windows1257, "id,name\n1,Ozolkoka galds ēdamistabai\n2,Dīvāns, pelēks\n3,Krēsls ar roku balstiem, žurnālgaldiņš\n"},
		"Estonian":   {charmap.Windows1257, "id,name\n1,Söögilaud, tamm\n2,Tugitool, žakett, šokolaad\n3,Öökapp, mööbel, kõrge\n"},
		"Greek":      {charmap.Windows1253, "id,name\n1,Ξύλινο τραπέζι\n2,Καρέκλα γραφείου\n3,Καναπές τριθέσιος\n"},
		"Mac German": {charmap.Macintosh, "id,name\n1,Küchenstühle, Größe L\n2,Möbel für Ältere\n3,Bücherregal – weiß\n"},
		"Mac French": {charmap.Macintosh, "id,name\n1,Canapé d’angle à gauche\n2,Étagère bibliothèque, chêne\n3,Fauteuil à bascule\n"},
		"Mac Spain":  {charmap.Macintosh, "id,name\n1,Sillón de jardín\n2,Mesa pequeña, 2 años\n3,Lámpara de pie\n"},
		"old Polish": {charmap.ISO8859_2, "id,name\n1,Stół dębowy\n2,Łóżko sosnowe, półka wisząca\n3,Żółte krzesło, świeca\n"},
		"Euro signs": {charmap.ISO8859_15, "id,name\n1,Canapé cœur 5 €\n2,Étagère, œuvre 9 €\n"},
		"Hungarian with a German name": {charmap.Windows1250, "id,name\n1,Étkezőasztal tölgy, bőr kanapé, fésülködőasztal fiókkal\n" +
			"2,Kárpitozott ágy, gyűjtő szekrény, három részes, zárható, fehér\n3,Käthe szék, kék\n"},
		"Czech and German":                {charmap.Windows1250, "id,name\n1,Jídelní stůl dřevěný\n2,Šatní skříň, křeslo\n3,Küchenstühle Größe L\n4,Möbel für Ältere\n"},
		"English with signs within words": {charmap.Windows1252, "id,name\n1,Sofa…now “oak” – “ash” – “elm” – “teak”\n2,“beech” – “pine” – “cane” – “birch”\n"},
		"Portuguese":                      {charmap.Windows1252, "id,name\n1,Colchão espaço\n2,Poltronas e sofás, opções\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.charset.NewEncoder().String(c.text)
			if err != nil {
				t.Fatal(err)
			}
			want, err := read(t, c.text, table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			stream, err := read(t, text, table.ReaderConfig{})
			if diff := cmp.Diff(brief(want), brief(stream)); err != nil || diff != "" {
				t.Errorf("from a stream: %v %s", err, diff)
			}
			r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(brief(want), brief(rest(r))); diff != "" {
				t.Errorf("from a file: %s", diff)
			}
		})
	}
}

func TestReader_NotesTheEncoding(t *testing.T) {
	for text, want := range map[string][]string{
		"name\nK\xfcche\n":                                                  nil,
		"name\nAh\xfeap yatak odas\xfd, y\xfcksek\n":                        {"its letters are read as Windows-1254: save it as UTF-8 if they are wrong"},
		"name\nCanap\xe9 d\x92angle, ch\xeane, cr\xe8me, \xe0 c\xf4t\xe9\n": nil,
		"name\nGr\xf8n\n":                                                   {"its letters are read as Windows-1252, and may be Windows-1250: save it as UTF-8 if they are wrong"},
	} {
		r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Notes()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestReader_RefusesEncodingsThatItCannotTell(t *testing.T) {
	for name, c := range map[string]struct {
		charset encoding.Encoding
		text    string
	}{
		"KOI8-R": {charmap.KOI8R, "id,name\n1,Стол дубовый\n2,Мягкая кровать\n"},
		"DOS":    {charmap.CodePage850, "id,name\n1,Stühle für die Küche\n2,Bücherregal, Möbel, Tür\n"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := c.charset.NewEncoder().String(c.text)
			if err != nil {
				t.Fatal(err)
			}
			const advice = "save it as UTF-8"
			if rows, err := read(t, text, table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), advice) {
				t.Errorf("from a stream: got %s, %v", brief(rows), err)
			}
			if _, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{}); err == nil || !strings.Contains(err.Error(), advice) {
				t.Errorf("from a file: got %v", err)
			}
		})
	}
}

// Bytes of Windows-1252 in a file in UTF-8 do not turn the letters after them.
func TestReader_KeepsUTF8AroundOtherBytes(t *testing.T) {
	r, err := table.NewReader(strings.NewReader("name\nStühle\nGr\xf6\xdfe\nTür\n"), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if got := brief(rest(r)); got != "name=\"Stühle\"\nname=\"Größe\"\nname=\"Tür\"\n" {
		t.Errorf("got %s", got)
	}
}

// A letter of Windows-1252 and a sign after it can be a character of UTF-8. A file that
// can be read in advance is not fooled by the first of its lines.
func TestReader_GoesByTheWholeFile(t *testing.T) {
	text := "name\nCANAP\xc9\xae\nB\xfcro\nSt\xfchle\n"
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Read()
	if err != nil || row[0].Value.Text != "CANAPÉ®" {
		t.Errorf("got %v, %v", row, err)
	}
}

func TestReader_KeepsTheCells(t *testing.T) {
	r, err := table.NewReader(strings.NewReader(",name, type ,type\n0,=\"1\", a ,\n1,b\n2,c,d,e,f\n"), table.ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	got := [][]string{r.Header()}
	for range r.Rows() {
		got = append(got, r.Original())
	}
	want := [][]string{{"", "name", " type ", "type"}, {"0", "=\"1\"", " a ", ""}, {"1", "b"}, {"2", "c", "d", "e", "f"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReader_PassesOverManyBlankLines(t *testing.T) {
	const blank = 100_000
	text := strings.Repeat(" ", blank) + strings.Repeat("\n", blank) + "name\rbed\r"
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{Name: "in.csv"})
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Read()
	if err != nil || r.Line() != blank+2 || row[0].Key != "name" || row[0].Value.Text != "bed" {
		t.Errorf("line %d: %v, error %v", r.Line(), row, err)
	}
}

func TestReader_GoesOnAfterALongRow(t *testing.T) {
	text := "name\nbed\n" + strings.Repeat("x", 3_000) + "\nrug\n"
	r, err := table.NewReader(strings.NewReader(text), table.ReaderConfig{Name: "in.csv", MaxRowBytes: 1_000})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if ofRow, ok := errors.AsType[*table.RowError](err); ok {
			got = append(got, fmt.Sprintf("line %d: %v", ofRow.Line, strings.HasPrefix(ofRow.Fault.Message, "in.csv: line 3")))
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d %s", r.Line(), row[0].Value.Text))
	}
	if diff := cmp.Diff([]string{"2 bed", "line 3: true", "4 rug"}, got); diff != "" {
		t.Error(diff)
	}
}
