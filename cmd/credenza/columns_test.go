package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
)

const shopExport = `Handle,Title,Body (HTML),Vendor,Published,Variant SKU,Variant Price
nora,Nora,<p>Two-seat sofa</p>,Nor,true,N-1,899
nora,,,,,N-2,
ask,Ask,"<style>.bed{}</style><p>Desk lamp</p>",Nor,true,,39
`

func TestColumns_OfAShopsExport(t *testing.T) {
	path := write(t, "export.csv", shopExport)
	got := credenzaWith(t, "", "classify", path)
	got.expect(t, exitOK, "credenza: columns: product_name from Title, description from Body (HTML), price from Variant Price, "+
		"id from Variant SKU or Handle; as attributes: Vendor; left out: Published\n")
	want := map[float64]string{0: "N-1=SOFA", 1: "N-2=SOFA", 2: "ask=LIGHTING"}
	if diff := cmp.Diff(want, answers(t, got.out)); diff != "" {
		t.Error(diff)
	}
}

// How a file is read is said where it may be wrong.
func TestColumns_NotesOfTheFile(t *testing.T) {
	path := write(t, "in.csv", "name\nAh\xfeap yatak odas\xfd, y\xfcksek\n")
	credenzaWith(t, "", "classify", path).expect(t, exitOK,
		"credenza: "+path+": its letters are read as Windows-1254: save it as UTF-8 if they are wrong\n")
}

// An address of any length costs its item the picture at most.
func TestColumns_LongAddresses(t *testing.T) {
	in := "id,name,image_url\n"
	for name, address := range map[string]string{
		"long": "http://x.example/" + strings.Repeat("a", 9_000), "longer": "http://x.example/" + strings.Repeat("a", 90_000),
		"no picture": "data:image/png;base64," + strings.Repeat("!", 90_000),
	} {
		in += name + ",Desk lamp," + address + "\n"
	}
	_, model := testkit.ServeSimTCP(t, llmsim.Config{})
	for _, args := range [][]string{nil, {"--openai-base-url=" + model}} {
		got := credenzaWith(t, "", append([]string{"classify", write(t, "in.csv", in)}, args...)...)
		got.expect(t, exitOK, "3 items classified")
		if n := strings.Count(got.out, `"image_error":"IMAGE_`); n != 3 {
			t.Errorf("%d of 3 have an image error: %s", n, got.out)
		}
	}
}

// The rows of a product are one question, also in a job.
func TestColumns_RowsOfAProductAreAskedOnce(t *testing.T) {
	path := write(t, "export.csv", shopExport)
	for name, args := range map[string][]string{
		"classify": {"classify", path}, "one by one": {"classify", path, "--batch-size=1", "--max-workers=1"}, "eval": {"eval", path, "--label=Vendor"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "eval" {
				args[1] = write(t, "labelled.csv", strings.NewReplacer("Nor,", "SOFA,", ",,,,,N-2", ",,,SOFA,,N-2").Replace(shopExport))
			}
			sim, model := testkit.ServeSimTCP(t, llmsim.Config{})
			got := credenzaWith(t, "", append(args, "--openai-base-url="+model)...)
			got.expect(t, exitOK, "columns: product_name from Title")
			if calls := sim.Stats().Calls; calls != 2 {
				t.Errorf("%d calls for 2 products: %s", calls, got.err)
			}
		})
	}
}

func TestColumns_Choices(t *testing.T) {
	path := write(t, "in.csv", "key,name,Bezeichner,price\na,Kuno,Oak chair,9\n")
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"another name":  {[]string{"--column", "product_name=Bezeichner", "--column", "id=key"}, exitOK, "product_name from Bezeichner, price from price, id from key"},
		"a comma in it": {[]string{"--column", "name=a, b"}, exitFailed, `there is no column "a, b"`},
		"left out":      {[]string{"--column", "price="}, exitOK, "left out: price"},
		"no field":      {[]string{"--column", "colour=name"}, exitFailed, `"colour" is not a field`},
		"no column":     {[]string{"--column", "id=number"}, exitFailed, `there is no column "number": there are key, name, Bezeichner, price`},
		"neither":       {[]string{"--column", "id"}, exitFailed, "field=NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			credenzaWith(t, "", append([]string{"classify", path}, test.args...)...).expect(t, test.code, test.says)
		})
	}
}

func TestColumns_Shown(t *testing.T) {
	path := write(t, "export.csv", shopExport)
	want := `column         becomes       values
Handle         id            nora | ask
Title          product_name  Nora | Ask
Body (HTML)    description   <p>Two-seat sofa</p> | <style>.bed{}</style><p>Desk lamp</p>
Vendor         attribute     Nor
Published      (left out)    true
Variant SKU    id            N-1 | N-2
Variant Price  price         899 | 39
`
	for name, args := range map[string][]string{
		"classify": {"classify", path}, "a job": {"jobs", "submit", path, "--server=127.0.0.1:1"}, "eval": {"eval", path, "--label=Vendor"},
	} {
		t.Run(name, func(t *testing.T) {
			got := credenzaWith(t, "", append(args, "--show-columns")...)
			got.expect(t, exitOK, "")
			want := want
			if name == "eval" { // the label is not shown to the classifier
				want = strings.Replace(want, "Vendor         attribute     Nor\n", "", 1)
			}
			if diff := cmp.Diff(want, got.out); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInput_SaysTheEncodingOfAStreamOnce(t *testing.T) {
	const note = "credenza: standard input: its letters are read as Windows-1254: save it as UTF-8 if they are wrong\n"
	for _, before := range []int{0, 2_000} {
		in := "name,label\n" + strings.Repeat("Oak chair,CHAIR\n", before) + "Ah\xfeap yatak odas\xfd y\xfcksek bed,BED\n"
		for _, args := range [][]string{{"classify", "-"}, {"eval", "-"}} {
			got := credenzaWith(t, in, args...)
			if strings.Count(got.err, note) != 1 {
				t.Errorf("%s after %d rows: %s", args[0], before, got.err)
			}
		}
	}
}
