package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"

	"dagstore-interop/internal/commp"
	"dagstore-interop/internal/stream"

	"github.com/filecoin-project/go-data-segment/fr32"
)

// commpFacts: the input is the stream of (seed, size). V2 is null where the payload is below 127 bytes, which
// go-fil-commcid refuses. zeroExtended: go-fil-commp-hashhash refuses the size too (below 65), so it was given the
// input followed by zeros up to 127 bytes, which names the same piece.
type commpFacts struct {
	Seed         uint64  `json:"seed"`
	Size         int64   `json:"size"`
	PaddedSize   uint64  `json:"paddedSize"`
	V1           string  `json:"v1"`
	V2           *string `json:"v2"`
	ZeroExtended bool    `json:"zeroExtended"`
}

// fr32Facts: in is a multiple of 127 bytes, out of 128; both in hex.
type fr32Facts struct {
	About string `json:"about"`
	In    string `json:"in"`
	Out   string `json:"out"`
}

func addCommp(_ string, m *manifest) error {
	for i, size := range []int64{1, 64, 65, 126, 127, 128, 254, 255, 1000, 4096, 65536, 1<<20 + 1, 5_000_003} {
		seed := uint64(100 + i)
		var input io.Reader = stream.Reader(seed, size)
		extended := size < commp.MinPayload
		if extended {
			input = io.MultiReader(input, bytes.NewReader(make([]byte, 127-size)))
		}
		piece, err := commp.Of(input)
		if err != nil {
			return fmt.Errorf("commP of %d bytes: %w", size, err)
		}
		facts := commpFacts{Seed: seed, Size: size, PaddedSize: piece.PaddedSize, V1: piece.V1, V2: piece.V2, ZeroExtended: extended}
		if extended {
			facts.V2 = nil // it would name another payload size
		}
		m.Commp = append(m.Commp, facts)
	}
	return nil
}

func addFr32(_ string, m *manifest) error {
	counting := make([]byte, 127)
	for i := range counting {
		counting[i] = byte(i)
	}
	for _, v := range []struct {
		about string
		in    []byte
	}{
		{"bytes 00 to 7e", counting},
		{"all ones", bytes.Repeat([]byte{0xff}, 127)},
		{"only the first bit", append([]byte{1}, make([]byte, 126)...)},
		{"only the last bit", append(make([]byte, 126), 0x80)},
		{"generated, seed 200", stream.Bytes(200, 127)},
		{"generated, seed 201, three quads", stream.Bytes(201, 381)},
	} {
		out := make([]byte, len(v.in)/127*128)
		fr32.Pad(v.in, out)
		m.Fr32 = append(m.Fr32, fr32Facts{v.about, hex.EncodeToString(v.in), hex.EncodeToString(out)})
	}
	return nil
}
