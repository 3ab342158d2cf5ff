package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"dagstore-interop/internal/sections"

	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/index"
	mh "github.com/multiformats/go-multihash"
)

type indexReport struct {
	Codec    string `json:"codec"`
	Size     int    `json:"size"`     // bytes of the index proper
	Trailing int    `json:"trailing"` // bytes after it, which go-car ignores
	Sections int    `json:"sections"`
	Identity int    `json:"identity"` // sections under identity CIDs
	Entries  int    `json:"entries"`
	// IdentityEntries of them lead to identity CIDs: all of these sections, or none.
	IdentityEntries int `json:"identityEntries"`
	// Matches: the index proper has the very bytes that go-car would write for this CAR.
	Matches bool `json:"matches"`
}

func readIndex(args []string) (any, error) {
	if err := expect(args, "FILE", "CARFILE"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return nil, err
	}
	idx, err := index.ReadFrom(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	canonical, err := encode(idx)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, canonical) {
		return nil, fmt.Errorf("re-encoding gives other bytes; size=%d reencoded=%d", len(data), len(canonical))
	}
	_, list, err := sections.Of(args[1])
	if err != nil {
		return nil, err
	}
	found, err := lookup(idx, list)
	if err != nil {
		return nil, err
	}
	matches, err := sameAsGenerated(args[1], idx, found, canonical)
	return &indexReport{
		Codec:           fmt.Sprintf("0x%04x", uint64(idx.Codec())),
		Size:            len(canonical),
		Trailing:        len(data) - len(canonical),
		Sections:        len(list),
		Identity:        found.identitySections,
		Entries:         found.total(),
		IdentityEntries: found.identity,
		Matches:         matches,
	}, err
}

// entries counts the sections that an index leads to.
type entries struct {
	hashed, identity, identitySections int
}

func (e entries) total() int { return e.hashed + e.identity }

// lookup finds every hashed section at its offset, and either all identity sections or none; an iterable index must
// hold nothing else.
func lookup(idx index.Index, list []sections.Section) (entries, error) {
	var found entries
	for _, s := range list {
		inline := s.Cid.Prefix().MhType == mh.IDENTITY
		hit := false
		err := idx.GetAll(s.Cid, func(offset uint64) bool {
			hit = offset == s.Offset
			return !hit
		})
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return found, err
		}
		switch {
		case inline:
			found.identitySections++
			if hit {
				found.identity++
			}
		case hit:
			found.hashed++
		default:
			return found, fmt.Errorf("no entry; cid=%s offset=%d", s.Cid, s.Offset)
		}
	}
	if found.identity != 0 && found.identity != found.identitySections {
		return found, fmt.Errorf("some identity sections only; entries=%d sections=%d", found.identity, found.identitySections)
	}
	if iterable, ok := idx.(index.IterableIndex); ok {
		total := 0
		if err := iterable.ForEach(func(mh.Multihash, uint64) error { total++; return nil }); err != nil {
			return found, err
		}
		if total != found.total() {
			return found, fmt.Errorf("entries without a section; entries=%d found=%d", total, found.total())
		}
	}
	return found, nil
}

// sameAsGenerated compares an encoded index with go-car's own for the file, with the same codec and identity rule.
// Equal digests may stand in either order there, so a file with duplicates can differ and be right. A payload without
// sections is compared with an empty index: go-car's scan of such a CARv2 runs on into the index and fails.
func sameAsGenerated(path string, idx index.Index, found entries, encoded []byte) (bool, error) {
	if found.total() == 0 && found.identitySections == 0 {
		empty, err := index.New(idx.Codec())
		if err != nil {
			return false, err
		}
		own, err := encode(empty)
		return bytes.Equal(own, encoded), err
	}
	generated, err := car.GenerateIndexFromFile(path, car.ZeroLengthSectionAsEOF(true),
		car.UseIndexCodec(idx.Codec()), car.StoreIdentityCIDs(found.identity > 0))
	if err != nil {
		return false, err
	}
	own, err := encode(generated)
	return bytes.Equal(own, encoded), err
}

func encode(idx index.Index) ([]byte, error) {
	var out bytes.Buffer
	_, err := index.WriteTo(idx, &out)
	return out.Bytes(), err
}

func lookupFile(idx index.Index, carFile string) (entries, error) {
	_, list, err := sections.Of(carFile)
	if err != nil {
		return entries{}, err
	}
	return lookup(idx, list)
}
