// Package sections lists what a CAR holds, as go-car's block reader sees it.
package sections

import (
	"errors"
	"io"
	"os"

	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
)

// Section is one block of a payload. Offset is that of the section's length varint, from the start of the
// CARv1 payload; FileOffset is the same place from the start of the file. Size is the block's data in bytes.
type Section struct {
	Cid        cid.Cid
	Offset     uint64
	FileOffset uint64
	Size       uint64
}

// Of lists the sections of a CARv1 or CARv2 file, with its roots. Zero padding ends the payload.
func Of(path string) (roots []cid.Cid, list []Section, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r, err := car.NewBlockReader(f, car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return nil, nil, err
	}
	for {
		m, err := r.SkipNext()
		if errors.Is(err, io.EOF) {
			return r.Roots, list, nil
		}
		if err != nil {
			return r.Roots, list, err
		}
		list = append(list, Section{m.Cid, m.Offset, m.SourceOffset, m.Size})
	}
}

// Verify reads every block of a file and checks it against its CID; it returns the number of blocks.
func Verify(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, err := car.NewBlockReader(f, car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}
