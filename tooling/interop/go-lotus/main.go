// Command lotus-sectors reads and writes unsealed sector files with Lotus's own code, which builds without its proofs.
//
//	lotus-sectors run             a list of steps as JSON on standard input; the list of their results on standard output
//	lotus-sectors serve FOLDER    FOLDER/unsealed over HTTP as a miner serves it; prints the URL, ends with standard input
//
// The handler of a miner (storage/paths) imports the proofs and does not build without cgo; what it does for an unsealed file
// stands in serve.go.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/filecoin-project/go-state-types/abi"
	"github.com/filecoin-project/lotus/storage/sealer/fr32"
	"github.com/filecoin-project/lotus/storage/sealer/partialfile"
	"github.com/filecoin-project/lotus/storage/sealer/storiface"
)

// step is one thing done to a file, which is opened and closed for it, as Lotus does. Offsets and lengths are padded.
type step struct {
	Op      string              `json:"op"`
	File    string              `json:"file"`
	Sector  abi.PaddedPieceSize `json:"sectorBytes"`
	Offset  uint64              `json:"offset"`
	Length  abi.PaddedPieceSize `json:"length"`
	Payload string              `json:"payload"`
}

// result has what the step asked for.
type result struct {
	Allocated *bool       `json:"allocated,omitempty"`
	Sha256    string      `json:"sha256,omitempty"`
	Ranges    [][2]uint64 `json:"ranges,omitempty"`
	Error     string      `json:"error,omitempty"`
}

func main() {
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "run":
		err = run()
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("one of run, serve FOLDER")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lotus-sectors: %s\n", err)
		os.Exit(1)
	}
}

func run() error {
	var steps []step
	if err := json.NewDecoder(os.Stdin).Decode(&steps); err != nil {
		return err
	}
	results := make([]result, len(steps))
	for i, s := range steps {
		r, err := s.do()
		if err != nil {
			r = result{Error: err.Error()}
		}
		results[i] = r
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

func (s step) do() (result, error) {
	if s.Op == "pad" || s.Op == "unpad" {
		return s.convert()
	}
	pf, err := s.open()
	if err != nil {
		return result{}, err
	}
	defer pf.Close() //nolint:errcheck
	offset := storiface.PaddedByteIndex(s.Offset)
	switch s.Op {
	case "write":
		return result{}, s.write(pf, offset)
	case "free":
		return result{}, pf.Free(offset, s.Length)
	case "read":
		return s.read(pf, offset)
	case "ranges":
		return ranges(pf)
	}
	return result{}, fmt.Errorf("no such step: %s", s.Op)
}

func (s step) open() (*partialfile.PartialFile, error) {
	if _, err := os.Stat(s.File); s.Op == "write" && os.IsNotExist(err) {
		return partialfile.CreatePartialFile(s.Sector, s.File)
	}
	return partialfile.OpenPartialFile(s.Sector, s.File)
}

// write adds a piece as AddPiece does: the payload and zeros up to the piece, padded.
func (s step) write(pf *partialfile.PartialFile, offset storiface.PaddedByteIndex) error {
	payload, err := os.ReadFile(s.Payload)
	if err != nil {
		return err
	}
	w, err := pf.Writer(offset, s.Length)
	if err != nil {
		return err
	}
	unpadded := make([]byte, s.Length.Unpadded())
	copy(unpadded, payload)
	pw := fr32.NewPadWriter(w)
	if _, err := pw.Write(unpadded); err != nil {
		return err
	}
	if err := pw.Close(); err != nil {
		return err
	}
	return pf.MarkAllocated(offset, s.Length)
}

func (s step) read(pf *partialfile.PartialFile, offset storiface.PaddedByteIndex) (result, error) {
	has, err := pf.HasAllocated(storiface.UnpaddedByteIndex(abi.PaddedPieceSize(s.Offset).Unpadded()), s.Length.Unpadded())
	if err != nil || !has {
		return result{Allocated: &has}, err
	}
	padded, err := pf.Reader(offset, s.Length)
	if err != nil {
		return result{}, err
	}
	r, err := fr32.NewUnpadReader(padded, s.Length)
	if err != nil {
		return result{}, err
	}
	unpadded := make([]byte, s.Length.Unpadded())
	if _, err := io.ReadFull(r, unpadded); err != nil {
		return result{}, err
	}
	sum := sha256.Sum256(unpadded)
	return result{Allocated: &has, Sha256: hex.EncodeToString(sum[:])}, nil
}

func ranges(pf *partialfile.PartialFile) (result, error) {
	runs, err := pf.Allocated()
	if err != nil {
		return result{}, err
	}
	out := [][2]uint64{}
	for at := uint64(0); runs.HasNext(); {
		run, err := runs.NextRun()
		if err != nil {
			return result{}, err
		}
		if run.Val {
			out = append(out, [2]uint64{at, run.Len})
		}
		at += run.Len
	}
	return result{Ranges: out}, nil
}

// convert replaces the file's bytes, which are whole pieces, by the padded or unpadded ones.
func (s step) convert() (result, error) {
	in, err := os.ReadFile(s.File)
	if err != nil {
		return result{}, err
	}
	var out []byte
	if s.Op == "pad" {
		out = make([]byte, len(in)/127*128)
		fr32.Pad(in, out)
	} else {
		out = make([]byte, len(in)/128*127)
		fr32.Unpad(in, out)
	}
	sum := sha256.Sum256(out)
	return result{Sha256: hex.EncodeToString(sum[:])}, nil
}
