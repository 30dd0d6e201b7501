package inflate_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"github.com/credenza-dev/credenza/internal/fault"
	"github.com/credenza-dev/credenza/internal/inflate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pack(t testing.TB, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func unpack(packed []byte, limits inflate.Limits) ([]byte, error) {
	return io.ReadAll(inflate.NewReader(bytes.NewReader(packed), limits))
}

// mixed is n bytes that compress to about a tenth.
func mixed(n int) []byte {
	random := rand.NewChaCha8([32]byte{})
	text := make([]byte, 0, n)
	for len(text) < n {
		var some [10]byte
		_, _ = random.Read(some[:])
		text = append(append(text, some[:]...), strings.Repeat("catalogue ", 9)...)
	}
	return text[:n]
}

func TestReader_UnpacksWhatWasPacked(t *testing.T) {
	for name, text := range map[string][]byte{
		"nothing": {}, "a word": []byte("sofa"), "a megabyte of one letter": bytes.Repeat([]byte("a"), 1<<20), "a catalogue": mixed(6 << 20),
	} {
		charged := 0
		limits := inflate.Limits{Bytes: 6 << 20, Charge: func(n int) error { charged += n; return nil }}
		for range 2 { // the second time with state from the pool
			charged = 0
			got, err := unpack(pack(t, text), limits)
			if err != nil || !bytes.Equal(got, text) || charged != len(text) {
				t.Errorf("%s: %d bytes of %d, %d charged, %v", name, len(got), len(text), charged, err)
			}
		}
	}
	two := append(pack(t, []byte("so")), pack(t, []byte("fa"))...)
	got, err := io.ReadAll(iotest.OneByteReader(inflate.NewReader(iotest.OneByteReader(bytes.NewReader(two)), inflate.Limits{Bytes: 1000})))
	if err != nil || string(got) != "sofa" {
		t.Errorf("two members, byte by byte: %q, %v", got, err)
	}
}

func TestReader_IsBoundedOnBothSides(t *testing.T) {
	exact := mixed(1 << 20)
	if _, err := unpack(pack(t, exact), inflate.Limits{Bytes: 1 << 20}); err != nil {
		t.Errorf("just the limit: %v", err)
	}
	var empty []byte
	for range 1000 {
		empty = append(empty, pack(t, nil)...)
	}
	for name, c := range map[string]struct {
		packed []byte
		limit  int64
		says   string
	}{
		"a byte over the limit":            {pack(t, exact), 1<<20 - 1, "more than 1048575 bytes"},
		"a letter over the limit":          {pack(t, bytes.Repeat([]byte("a"), 3<<20)), 2 << 20, "more than 2097152 bytes"},
		"1:1000":                           {pack(t, make([]byte, 16<<20)), 64 << 20, "more than 200 times"},
		"a compressed form without an end": {empty, 10_000, "more than 10000 bytes"},
	} {
		got, err := unpack(c.packed, inflate.Limits{Bytes: c.limit})
		if !fault.Is(err, fault.MessageTooLarge) || !strings.Contains(err.Error(), c.says) || int64(len(got)) > c.limit {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestReader_RefusesABombBeforeItTakesMemory(t *testing.T) {
	packed := pack(t, make([]byte, 16<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.Copy(io.Discard, inflate.NewReader(bytes.NewReader(packed), inflate.Limits{Bytes: 1 << 30}))
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; !fault.Is(err, fault.MessageTooLarge) || n > 5<<20 || took > 1<<20 {
		t.Errorf("%d bytes came out, %d were allocated, %v", n, took, err)
	}
}

func TestReader_SaysWhatIsNoGzip(t *testing.T) {
	good := pack(t, mixed(100_000))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, packed := range map[string][]byte{
		"text": []byte(`{"item":{}}`), "half a header": good[:5], "cut off": good[:len(good)/2], "without its end": good[:len(good)-1],
		"a wrong checksum": flipped, "a tail": append(bytes.Clone(good), "tail of the message"...), "a damaged block": append(bytes.Clone(good[:12]), make([]byte, 100)...),
	} {
		for range 2 {
			if _, err := unpack(packed, inflate.Limits{Bytes: 1 << 20}); !fault.Is(err, fault.InvalidRequest) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestReader_HandsOnOtherErrors(t *testing.T) {
	full := errors.New("no room")
	limits := inflate.Limits{Bytes: 1 << 20}
	if _, err := io.ReadAll(inflate.NewReader(iotest.ErrReader(full), limits)); !errors.Is(err, full) {
		t.Errorf("of the stream: %v", err)
	}
	in := io.MultiReader(bytes.NewReader(pack(t, mixed(100_000))[:5000]), iotest.ErrReader(full))
	if _, err := io.ReadAll(inflate.NewReader(in, limits)); !errors.Is(err, full) || fault.Is(err, fault.InvalidRequest) {
		t.Errorf("of the stream, later: %v", err)
	}
	limits.Charge = func(int) error { return full }
	r := inflate.NewReader(bytes.NewReader(pack(t, []byte("sofa"))), limits)
	for range 2 {
		if n, err := r.Read(make([]byte, 10)); n != 0 || !errors.Is(err, full) {
			t.Errorf("of the charge: %d bytes, %v", n, err)
		}
	}
}

func TestReader_CostsLittle(t *testing.T) {
	packed := pack(t, []byte(`{"item":{"product_name":"Oak bench"}}`))
	_, _ = unpack(packed, inflate.Limits{Bytes: 1 << 20})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const calls = 1000
	for range calls {
		if _, err := unpack(packed, inflate.Limits{Bytes: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / calls; each > 24<<10 { // the race detector has a pool lose some of its own
		t.Errorf("a small message costs %d bytes", each)
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string][2]bool{
		"": {false, true}, "identity": {false, true}, "gzip": {true, true}, "GZIP": {true, true}, "x-gzip": {true, true},
		"br": {false, false}, "gzip, gzip": {false, false}, "deflate": {false, false},
	} {
		if compressed, known := inflate.Named(name); [2]bool{compressed, known} != want {
			t.Errorf("%q: %v, %v", name, compressed, known)
		}
	}
}

// Whatever comes, the reader ends, within its bounds and with one of its errors.
func FuzzReader(f *testing.F) {
	f.Add(pack(f, []byte("sofa")))
	f.Add(pack(f, nil))
	f.Add(append(pack(f, nil), pack(f, mixed(1000))...))
	f.Fuzz(func(t *testing.T, packed []byte) {
		got, err := unpack(packed, inflate.Limits{Bytes: 1 << 16})
		if len(got) > 1<<16 || (err != nil && !fault.Is(err, fault.InvalidRequest) && !fault.Is(err, fault.MessageTooLarge)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
