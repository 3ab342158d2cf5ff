package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"dagstore-interop/internal/sections"

	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/index"
	"github.com/multiformats/go-multicodec"
	mh "github.com/multiformats/go-multihash"
)

// carIndexFacts describes an index as go-car decodes it. Entries are sorted by multihash (for the older codec: by
// digest), then offset; the order of equal digests in the file itself is go-car's affair.
type carIndexFacts struct {
	Codec   string       `json:"codec"`
	Bytes   uint64       `json:"bytes"`
	Count   int          `json:"count"`
	Entries []indexEntry `json:"entries"`
}

// indexEntry: key is the multihash in hex under 0x0401, the bare digest under 0x0400; offset is from the payload's start.
type indexEntry struct {
	Key    string `json:"key"`
	Offset uint64 `json:"offset"`
}

type indexFacts struct {
	File          string `json:"file"`
	Car           string `json:"car"`
	StoreIdentity bool   `json:"storeIdentity"`
	carIndexFacts
}

// writeIndices writes detached indices of some CARs, in both codecs, with and without the identity entries.
func writeIndices(out string, m *manifest) error {
	for _, name := range []string{"v1-one-root", "v1-duplicates", "v1-identity", "v1-many", "v1-no-blocks"} {
		for _, codec := range []multicodec.Code{multicodec.CarIndexSorted, multicodec.CarMultihashIndexSorted} {
			for _, identity := range []bool{false, true} {
				if identity && name != "v1-identity" {
					continue // the same bytes
				}
				if err := m.writeIndex(out, name, codec, identity); err != nil {
					return fmt.Errorf("index of %s: %w", name, err)
				}
			}
		}
	}
	return nil
}

func (m *manifest) writeIndex(out, name string, codec multicodec.Code, identity bool) error {
	path := filepath.Join(out, name+".car")
	_, list, err := sections.Of(path)
	if err != nil {
		return err
	}
	idx, err := car.GenerateIndexFromFile(path, car.UseIndexCodec(codec), car.StoreIdentityCIDs(identity))
	if err != nil {
		return err
	}
	var data bytes.Buffer
	if _, err := index.WriteTo(idx, &data); err != nil {
		return err
	}
	facts, err := readIndexFacts(bytes.NewReader(data.Bytes()), list)
	if err != nil {
		return err
	}
	file := fmt.Sprintf("%s-%04x.carindex", name, uint64(codec))
	if identity {
		file = fmt.Sprintf("%s-%04x-stored.carindex", name, uint64(codec))
	}
	m.Indices = append(m.Indices, indexFacts{file, name + ".car", identity, *facts})
	return os.WriteFile(filepath.Join(out, file), data.Bytes(), 0o644)
}

// readIndexFacts decodes an index and looks every section up in it.
func readIndexFacts(r io.Reader, list []sections.Section) (*carIndexFacts, error) {
	idx, err := index.ReadFrom(r)
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	size, err := index.WriteTo(idx, &data)
	if err != nil {
		return nil, err
	}
	facts := &carIndexFacts{Codec: fmt.Sprintf("0x%04x", uint64(idx.Codec())), Bytes: size, Entries: []indexEntry{}}
	if iterable, ok := idx.(index.IterableIndex); ok {
		err = iterable.ForEach(func(h mh.Multihash, offset uint64) error {
			facts.Entries = append(facts.Entries, indexEntry{hex.EncodeToString(h), offset})
			return nil
		})
	} else {
		facts.Entries, err = sortedEntries(data.Bytes())
	}
	if err != nil {
		return nil, err
	}
	facts.Count = len(facts.Entries)
	sort.Slice(facts.Entries, func(i, j int) bool {
		a, b := facts.Entries[i], facts.Entries[j]
		return a.Key < b.Key || a.Key == b.Key && a.Offset < b.Offset
	})
	found := 0
	for _, s := range list {
		err := idx.GetAll(s.Cid, func(offset uint64) bool {
			if offset != s.Offset {
				return true
			}
			found++
			return false
		})
		if err != nil && !errors.Is(err, index.ErrNotFound) {
			return nil, err
		}
	}
	if found != facts.Count {
		return nil, fmt.Errorf("sections and entries differ; found=%d entries=%d", found, facts.Count)
	}
	return facts, nil
}

// sortedEntries lists the entries of a 0x0400 index, which go-car does not iterate.
func sortedEntries(data []byte) ([]indexEntry, error) {
	entries := []indexEntry{}
	r := bytes.NewReader(data[2:]) // after the codec
	var buckets int32
	if err := binary.Read(r, binary.LittleEndian, &buckets); err != nil {
		return nil, err
	}
	for ; buckets > 0; buckets-- {
		var head struct {
			Width  uint32
			Length int64
		}
		if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
			return nil, err
		}
		for left := head.Length; left > 0; left -= int64(head.Width) {
			entry := make([]byte, head.Width)
			if _, err := io.ReadFull(r, entry); err != nil {
				return nil, err
			}
			at := len(entry) - 8
			entries = append(entries, indexEntry{hex.EncodeToString(entry[:at]), binary.LittleEndian.Uint64(entry[at:])})
		}
	}
	return entries, nil
}
