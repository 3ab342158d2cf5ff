// Package stream makes the input bytes of the vectors, so that no input has to be stored.
//
// The stream of a seed s is the concatenation, over i = 0, 1, 2, ..., of
//
//	sha256( ascii("dagstore-vector") || u64le(s) || u64le(i) )
//
// cut to the wanted length.
package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// Domain is the ASCII prefix of every hashed counter.
const Domain = "dagstore-vector"

type reader struct {
	input []byte // Domain || seed || counter
	next  uint64
	block [sha256.Size]byte
	rest  []byte // the part of block that was not handed out yet
}

// Reader gives the first size bytes of the stream of seed.
func Reader(seed uint64, size int64) io.Reader {
	input := make([]byte, len(Domain)+16)
	copy(input, Domain)
	binary.LittleEndian.PutUint64(input[len(Domain):], seed)
	return io.LimitReader(&reader{input: input}, size)
}

// Bytes gives the first size bytes of the stream of seed, in memory.
func Bytes(seed uint64, size int64) []byte {
	var out bytes.Buffer
	out.Grow(int(size))
	if _, err := io.Copy(&out, Reader(seed, size)); err != nil {
		panic(err) // neither side can fail
	}
	return out.Bytes()
}

func (r *reader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.rest) == 0 {
			binary.LittleEndian.PutUint64(r.input[len(Domain)+8:], r.next)
			r.next++
			r.block = sha256.Sum256(r.input)
			r.rest = r.block[:]
		}
		taken := copy(p[n:], r.rest)
		r.rest = r.rest[taken:]
		n += taken
	}
	return n, nil
}
