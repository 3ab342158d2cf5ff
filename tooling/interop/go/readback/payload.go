package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"dagstore-interop/internal/commp"
	"dagstore-interop/internal/payload"

	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
)

type payloadReport struct {
	Root   string `json:"root"`
	Bytes  uint64 `json:"bytes"`
	Sha256 string `json:"sha256"`
	// Piece is that of these bytes; null below 65 of them.
	Piece *commp.Piece `json:"piece"`
}

// payloadOf walks the DAG below a root in a CAR, and describes the CARv1 that go-car writes of it.
func payloadOf(args []string) (any, error) {
	if err := expect(args, "CARFILE", "ROOT"); err != nil {
		return nil, err
	}
	root, err := cid.Decode(args[1])
	if err != nil {
		return nil, err
	}
	store, err := blockstore.OpenReadOnly(args[0], car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return nil, err
	}
	defer store.Close()
	load := func(c cid.Cid) ([]byte, error) {
		block, err := store.Get(context.Background(), c)
		if err != nil {
			return nil, err
		}
		return block.RawData(), nil
	}

	digest := sha256.New()
	written, err := payload.Write(digest, root, load)
	if err != nil {
		return nil, err
	}
	report := &payloadReport{Root: root.String(), Bytes: written, Sha256: hex.EncodeToString(digest.Sum(nil))}
	if int64(written) < commp.MinPayload {
		return report, nil
	}
	r, w := io.Pipe()
	go func() {
		_, err := payload.Write(w, root, load)
		w.CloseWithError(err)
	}()
	piece, err := commp.Of(r)
	if err != nil {
		return report, err
	}
	report.Piece = &piece
	return report, nil
}
