package fetch_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/picture/fetch"
)

func TestParseGiven(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"http://shop.example/a.jpg", "http://shop.example/a.jpg"},
		{"\"http://shop.example/a.jpg\"", "http://shop.example/a.jpg"},
		{" '<http://shop.example/a.jpg>' ", "http://shop.example/a.jpg"},
		{"\ufeffhttp://shop.example/a.jpg\u200b", "http://shop.example/a.jpg"},
		{`https:\/\/shop.example\/i\/a.jpg`, "https://shop.example/i/a.jpg"},
		{"//cdn.shop.example/a.jpg", "https://cdn.shop.example/a.jpg"},
		{"//127.0.0.1:8080/a.jpg", "http://127.0.0.1:8080/a.jpg"},
		{"127.0.0.1:8080/a.jpg", "http://127.0.0.1:8080/a.jpg"},
		{"www.shop.example/a.jpg", "https://www.shop.example/a.jpg"},
		{"www.shop.de", "https://www.shop.de/"},
		{"shop.de/a.jpg", "https://shop.de/a.jpg"},
		{"shop.co.uk:8443/a.jpg", "http://shop.co.uk:8443/a.jpg"},
		{"localhost/a.jpg", "http://localhost/a.jpg"},

		{"https://drive.google.com/file/d/1a_B-c/view?usp=sharing", "https://drive.google.com/uc?export=download&id=1a_B-c"},
		{"https://drive.google.com/file/u/1/d/1a_B-c/edit", "https://drive.google.com/uc?export=download&id=1a_B-c"},
		{"https://drive.google.com/a/shop.example/file/d/1a/view", "https://drive.google.com/uc?export=download&id=1a"},
		{"https://drive.google.com/file/d/1a/view?usp=drivesdk&resourcekey=0-x", "https://drive.google.com/uc?export=download&id=1a&resourcekey=0-x"},
		{"https://drive.google.com/open?id=1a&usp=drive_copy", "https://drive.google.com/uc?export=download&id=1a"},
		{"drive.google.com/open?id=1a", "https://drive.google.com/uc?export=download&id=1a"},
		{"http://https://shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"https://http//http://shop.example/a.jpg", "http://shop.example/a.jpg"},
		{"htp://shop.example/a.jpg", "http://shop.example/a.jpg"},
		{"hhttps://shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"ttps://shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"https//shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"http:://shop.example/a.jpg", "http://shop.example/a.jpg"},
		{"http: // shop.example/a.jpg", "http://shop.example/a.jpg"},
		{"https:/shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"://shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"http://https//shop.example/a.jpg", "https://shop.example/a.jpg"},
		{"https://www.google.com/imgres?imgurl=https%3A%2F%2Fshop.example%2Fa.jpg&w=9", "https://shop.example/a.jpg"},
		{"https://www.google.de/url?sa=t&url=https%3A%2F%2Fshop.example%2Fp", "https://shop.example/p"},
		{"https%3A%2F%2Fshop.example%2Fa%20b.jpg%3Fw%3D1", "https://shop.example/a%20b.jpg?w=1"},
		{`https:\u002F\u002Fshop.example\u002Fa.jpg?a=1\u0026b=2`, "https://shop.example/a.jpg?a=1&b=2"},
		{"https://drive.google.com/uc?id=1a", "https://drive.google.com/uc?export=download&id=1a"},
		{"https://docs.google.com/uc?export=view&id=1a", "https://docs.google.com/uc?export=download&id=1a"},
		{"https://drive.google.com/thumbnail?id=1a&sz=w800", "https://drive.google.com/thumbnail?id=1a&sz=w800"},
		{"https://www.dropbox.com/s/x1/sofa%20red.jpg?dl=0", "https://www.dropbox.com/s/x1/sofa%20red.jpg?raw=1"},
		{"https://www.dropbox.com/scl/fi/x1/sofa.jpg?rlkey=k&dl=0", "https://www.dropbox.com/scl/fi/x1/sofa.jpg?raw=1&rlkey=k"},
		{"https://dropbox.com/s/x1/sofa.jpg", "https://dropbox.com/s/x1/sofa.jpg?raw=1"},
		{"https://github.com/o/r/blob/main/sofa.jpg", "https://github.com/o/r/blob/main/sofa.jpg?raw=true"},
		{"https://shop.sharepoint.com/:i:/g/x?e=1", "https://shop.sharepoint.com/:i:/g/x?download=1&e=1"},
		{"https://drive.google.example/file/d/1a/view", "https://drive.google.example/file/d/1a/view"},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			got, _, err := fetch.ParseGiven(tt.raw)
			if err != nil || got.String() != tt.want {
				t.Errorf("got %v, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestParseGiven_Rejects(t *testing.T) {
	for raw, want := range map[string]string{
		"": fault.PictureNoAddress, "n/a": fault.PictureNoAddress, "No image": fault.PictureNoAddress, "red.jpg": fault.PictureNoAddress,
		"images/red.jpg": fault.PictureNoAddress, "my.folder2/red.jpg": fault.PictureNoAddress, "/images/red.jpg": fault.PictureNoAddress,
		"./red.jpg": fault.PictureNoAddress, "../i/red.jpg": fault.PictureNoAddress, "ftp://shop.example/a.jpg": fault.PictureForbidden,
		`C:\bilder\red.jpg`: fault.PictureNoAddress, "H:/bilder/red.jpg": fault.PictureNoAddress, "T:/red.jpg": fault.PictureNoAddress,
		"https://drive.google.com/drive/folders/1a?usp=sharing": "not a picture (a folder)",
		"https://www.dropbox.com/scl/fo/x/y?rlkey=k&dl=0":       "not a picture (a folder)",
	} {
		if got, _, err := fetch.ParseGiven(raw); err == nil || fault.From(err).Summary() != want {
			t.Errorf("%q: got %v, %v, want %q", raw, got, err, want)
		}
	}
}

// TestParseGiven_ShareLinksAreAskedForTheFile has services that show a page at the
// address that people share.
func TestParseGiven_ShareLinksAreAskedForTheFile(t *testing.T) {
	config := usual()
	local := [][4]byte{{127, 0, 0, 1}}
	config.Resolver = names(t, map[string][][4]byte{"drive.google.com.": local, "www.dropbox.com.": local})
	files := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/x":
			_, _ = fmt.Fprint(w, "a sofa")
		case r.FormValue("export") == "download" || r.FormValue("raw") == "1":
			http.Redirect(w, r, "/x", http.StatusFound)
		default:
			_, _ = fmt.Fprint(w, "<html>a viewer")
		}
	})
	client, port := newClient(t, config), portOf(t, files.Listener.Addr())
	for _, raw := range []string{"http://drive.google.com:%d/file/d/1a/view", "http://www.dropbox.com:%d/s/1/a.jpg?dl=0"} {
		u, _, err := fetch.ParseGiven(fmt.Sprintf(raw, port))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fetchAll(t, client, fetch.Request{Address: u}); err != nil || string(got.Body) != "a sofa" {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}
