package app

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/credenza-dev/credenza/internal/broker"
	"github.com/credenza-dev/credenza/pkg/credenza"
)

// ErrDataInUse is in the error of InProcess if another process uses the data folder.
var ErrDataInUse = broker.ErrFolderInUse

// InProcess starts the service for this process alone and returns a client of
// it, and what closes both. It listens on free loopback ports, whatever the
// config says, and logs to w. Answers are kept in the config's data folder if it names
// one, else in a temporary one. There are no jobs: those in the folder wait for a service.
// A caller that stores results gives stored, which may be nil, and makes one call at a time.
func InProcess(ctx context.Context, config Config, w io.Writer, stored *Stored) (*credenza.Client, func() error, error) {
	config.GRPCAddr, config.HTTPAddr, config.AdminAddr = "127.0.0.1:0", "127.0.0.1:0", ""
	config.TLSCert, config.TLSKey, config.TLSClientCA, config.TokenFile = "", "", "", ""
	data := DataTemporary
	if config.DataDir != "" && !config.Offline() { // the offline classifier keeps nothing
		data, config.NATSURL = DataAnswers, Servers{}
	}
	a, err := Start(ctx, config, Options{LogTo: w, Data: data, Stored: stored})
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
