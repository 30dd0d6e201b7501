package main

import (
	"net/http"
	"syscall"
	"testing"

	"github.com/credenza-dev/credenza/internal/testkit"
)

func TestServe_GoesOnAfterSIGHUP(t *testing.T) {
	address, web := testkit.FreeAddress(t), testkit.FreeAddress(t)
	p := runProgram(t, "serve", "--backend=offline", "--grpc-addr="+address, "--http-addr="+web, "--data-dir="+t.TempDir())
	awaitPort(t, p, web)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		res, err := http.Get("http://" + web + "/readyz")
		if err != nil {
			t.Fatal("the service ended: ", err)
		}
		_ = res.Body.Close()
	}
	p.end(syscall.SIGTERM)
}
