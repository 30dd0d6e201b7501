//go:build !unix

package auth

import "os"

func keepOwner(*os.File, string) error { return nil }
