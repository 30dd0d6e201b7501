package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/credenza-dev/credenza/internal/llmsim"
	"github.com/credenza-dev/credenza/internal/testkit"
	"github.com/google/go-cmp/cmp"
)

func picture(t *testing.T, path string, c color.Color) {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		img.Set(i%64, i/64, c)
	}
	var data bytes.Buffer
	if err := png.Encode(&data, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClassify_TakesPicturesFromAFolder(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{})
	flags := []string{"--openai-api-key=sk-test", "--openai-base-url=" + model, "--trace", "--output=csv"}
	dir := t.TempDir()
	picture(t, filepath.Join(dir, "b-chair.PNG"), color.RGBA{200, 30, 30, 255})
	picture(t, filepath.Join(dir, "a sofa.png"), color.RGBA{30, 200, 30, 255})
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := credenzaWith(t, "", append([]string{"classify", dir}, flags...)...)
	got.expect(t, exitOK, "2 items classified")
	rows := records(t, got.out)
	if diff := cmp.Diff([]string{"a sofa.png", "b-chair.PNG"}, columnOf(t, rows, "file")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"PICTURE", "PICTURE"}, columnOf(t, rows, "credenza_evidence")); diff != "" {
		t.Error(diff)
	}
	credenzaWith(t, "", "classify", t.TempDir()).expect(t, exitFailed, "is a folder without pictures (.jpg, ")
	credenzaWith(t, "", "classify", filepath.Dir(dir)).expect(t, exitFailed, "folders within it are not searched, so name one of them")
	credenzaWith(t, "", "classify", dir, "--output=csv").expect(t, exitOK, "credenza: the offline classifier sees no pictures: it goes by the names of files")
}

func TestClassify_TakesPicturesByTheirPaths(t *testing.T) {
	_, model := testkit.ServeSimTCP(t, llmsim.Config{})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	picture(t, filepath.Join(dir, "outside.png"), color.Black)
	picture(t, filepath.Join(dir, "shop", "a.png"), color.RGBA{200, 30, 30, 255})
	in := filepath.Join(dir, "shop", "in.csv")
	if err := os.WriteFile(in, []byte("name,image_url\nOak chair,a.png\nSofa,./none.png\nBed,../outside.png\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := credenzaWith(t, "", "classify", in, "--trace", "--output=csv", "--openai-api-key=sk-test", "--openai-base-url="+model)
	got.expect(t, exitOK, "3 items classified")
	got.expect(t, exitOK, ", 2 went without their picture: ")
	rows := records(t, got.out)
	if diff := cmp.Diff([]string{"PICTURE", "TEXT", "TEXT"}, columnOf(t, rows, "credenza_evidence")); diff != "" {
		t.Error(diff)
	}
	for i, text := range columnOf(t, rows, "credenza_image_error") {
		if (text == "") != (i == 0) || !strings.Contains(text+" ", " ") {
			t.Errorf("row %d: %q", i, text)
		}
	}
}
