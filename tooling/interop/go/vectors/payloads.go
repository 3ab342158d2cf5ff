package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"dagstore-interop/internal/commp"
	"dagstore-interop/internal/packing"
	"dagstore-interop/internal/payload"
	"dagstore-interop/internal/sections"
	"dagstore-interop/internal/stream"

	ipld "github.com/ipfs/go-ipld-format"
)

// payloadDag: the CARv1 that go-car's traversal of everything below the root writes, and the piece it makes. The input
// is a tree, or a file of (seed, size). Below 65 bytes go-fil-commp-hashhash refuses, and there is no piece.
type payloadDag struct {
	Profile    string `json:"profile"`
	Tree       string `json:"tree,omitempty"`
	Seed       uint64 `json:"seed"`
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Bytes      uint64 `json:"bytes"`
	Blocks     int    `json:"blocks"`
	Sha256     string `json:"sha256"`
	PaddedSize uint64 `json:"paddedSize,omitempty"`
	PieceV1    string `json:"pieceV1,omitempty"`
}

// addPayloads takes inputs with identity CIDs at the root, inside and nowhere, with shared blocks, and sharded.
func addPayloads(_ string, m *manifest) error {
	for _, p := range packing.Profiles {
		for i, size := range []int64{0, 126, 127, mib + 1, 3*mib + 100, 5_000_000} {
			b := packing.NewKeepingBuilder(p)
			seed := uint64(500 + i)
			node, err := b.File(stream.Reader(seed, size))
			if err != nil {
				return err
			}
			if err := m.addPayload(b, node, payloadDag{Profile: p.Name, Seed: seed, Size: size}); err != nil {
				return fmt.Errorf("%s payload of %d bytes: %w", p.Name, size, err)
			}
		}
		for _, t := range m.Unixfs.Trees {
			b := packing.NewKeepingBuilder(p)
			d := directoryDag{Parts: map[string]string{}}
			node, _, err := d.build(b, "", t.Entries)
			if err != nil {
				return err
			}
			if err := m.addPayload(b, node, payloadDag{Profile: p.Name, Tree: t.Name}); err != nil {
				return fmt.Errorf("%s payload of tree %s: %w", p.Name, t.Name, err)
			}
		}
	}
	return nil
}

func (m *manifest) addPayload(b *packing.Builder, root ipld.Node, facts payloadDag) error {
	var out bytes.Buffer
	written, err := payload.Write(&out, root.Cid(), b.Load)
	if err != nil {
		return err
	}
	if written != uint64(out.Len()) {
		return fmt.Errorf("sizes; reported=%d written=%d", written, out.Len())
	}
	facts.Root, facts.Bytes, facts.Sha256 = root.Cid().String(), written, digest(out.Bytes())
	dir, err := os.MkdirTemp("", "payload")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "payload.car")
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return err
	}
	if facts.Blocks, err = sections.Verify(path); err != nil {
		return err
	}
	if int64(out.Len()) >= commp.MinPayload {
		piece, err := commp.Of(&out)
		if err != nil {
			return err
		}
		facts.PaddedSize, facts.PieceV1 = piece.PaddedSize, piece.V1
	}
	m.Payloads = append(m.Payloads, facts)
	return nil
}
