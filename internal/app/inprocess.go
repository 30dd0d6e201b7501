package app

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/credenza-dev/credenza/pkg/credenza"
)

// InProcess starts the service for this process alone and returns a client of
// it, and what closes both. It listens on free loopback ports, whatever the
// config says, keeps its data in a temporary folder, and logs to w.
func InProcess(ctx context.Context, config Config, w io.Writer) (*credenza.Client, func() error, error) {
	config.GRPCAddr, config.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	config.TLSCert, config.TLSKey, config.TLSClientCA, config.TokenFile = "", "", "", ""
	a, err := Start(ctx, config, Options{LogTo: w, Data: DataTemporary})
	if err != nil {
		return nil, nil, err
	}
	client, err := credenza.Dial(a.GRPCAddr(), credenza.WithPlaintext())
	if err != nil {
		return nil, nil, errors.Join(err, a.stop())
	}
	return client, func() error { return errors.Join(client.Close(), a.stop()) }, nil
}

// stop ends the app without waiting for calls: its one user has gone.
func (a *App) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return a.Close(ctx)
}
