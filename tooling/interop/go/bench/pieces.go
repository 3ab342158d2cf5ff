package main

import (
	"bytes"
	"os"

	"dagstore-interop/internal/commp"
)

func commP(opts options, args []string) (*report, error) {
	payload, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	return timed(opts.runs, func() error {
		_, err := commp.Of(bytes.NewReader(payload))
		return err
	})
}
