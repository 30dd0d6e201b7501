package main

import (
	"context"
	"errors"
	"net"

	"github.com/nats-io/nats-server/v2/server"
)

// natsRole is the first argument of a child of this program that is a NATS server.
const natsRole = "nats"

// runNATS serves JetStream on an address, with its files in a folder, until ctx ends.
func runNATS(ctx context.Context, address, folder string) error {
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "chaos", Host: at.IP.String(), Port: at.Port, JetStream: true, StoreDir: folder, NoSigs: true,
	})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(startTime) {
		return errors.New("NATS does not start")
	}
	<-ctx.Done()
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
