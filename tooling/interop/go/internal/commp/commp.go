// Package commp names pieces: the commitment of a byte stream and its two CID forms.
package commp

import (
	"io"

	"github.com/filecoin-project/go-fil-commcid"
	commphash "github.com/filecoin-project/go-fil-commp-hashhash"
)

// MinPayload is the smallest input, in bytes, for which go-fil-commp-hashhash defines a commitment.
const MinPayload = int64(commphash.MinPiecePayload)

// minV2Payload is the smallest payload, in bytes, that a piece CID v2 can name.
const minV2Payload = 127

// Piece is a piece without its sector: payload and padded size in bytes. V2 is nil for payloads below 127 bytes.
type Piece struct {
	PayloadSize int64   `json:"payloadSize"`
	PaddedSize  uint64  `json:"paddedSize"`
	V1          string  `json:"v1"`
	V2          *string `json:"v2"`
}

// Of reads r to its end.
func Of(r io.Reader) (Piece, error) {
	calc := &commphash.Calc{}
	size, err := io.CopyBuffer(calc, onlyReader{r}, make([]byte, 1<<20))
	if err != nil {
		return Piece{}, err
	}
	commitment, padded, err := calc.Digest()
	if err != nil {
		calc.Reset()
		return Piece{}, err
	}
	v1, err := commcid.DataCommitmentV1ToCID(commitment)
	if err != nil {
		return Piece{}, err
	}
	piece := Piece{PayloadSize: size, PaddedSize: padded, V1: v1.String()}
	if size >= minV2Payload {
		v2, err := commcid.DataCommitmentToPieceCidv2(commitment, uint64(size))
		if err != nil {
			return Piece{}, err
		}
		text := v2.String()
		piece.V2 = &text
	}
	return piece, nil
}

// onlyReader hides WriteTo, so that the large buffer is used.
type onlyReader struct{ io.Reader }
