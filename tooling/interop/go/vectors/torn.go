package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dagstore-interop/internal/sections"
	"dagstore-interop/internal/stream"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
	mh "github.com/multiformats/go-multihash"
)

// tornFacts describes a file of a read-write store that did not live from open to finalise in one go. PayloadEnd is
// where the last whole section ends, in the file. Resume is what go-car does when it is asked to go on.
type tornFacts struct {
	File       string         `json:"file"`
	About      string         `json:"about"`
	Finalized  bool           `json:"finalized"`
	Roots      []string       `json:"roots"`
	DataOffset uint64         `json:"dataOffset"`
	Blocks     []sectionFacts `json:"blocks"`
	PayloadEnd uint64         `json:"payloadEnd"`
	Size       int64          `json:"size"`
	Resume     resumeFacts    `json:"goCarResume"`
}

// resumeFacts: keys counts what the resumed store lists; damaged are CIDs that it serves with other bytes than theirs.
type resumeFacts struct {
	Accepted bool     `json:"accepted"`
	Keys     int      `json:"keys"`
	Damaged  []string `json:"damaged"`
}

const unpaddedDataOffset = 51

func writeTorn(out string, m *manifest) error {
	list := []blocks.Block{
		raw(mh.SHA2_256, stream.Bytes(40, 100)),
		raw(blake2b256, stream.Bytes(41, 700)),
		raw(mh.SHA2_256, stream.Bytes(42, 900)),
		raw(mh.SHA2_256, stream.Bytes(43, 50)),
	}
	roots := cidsOf(list[:1])
	unfinalized := filepath.Join(out, "rw-unfinalized.car")
	if err := discardAfter(unfinalized, roots, list[:3]); err != nil {
		return err
	}
	whole, err := os.ReadFile(unfinalized)
	if err != nil {
		return err
	}
	good, err := payloadSections(whole)
	if err != nil {
		return err
	}
	last := good[2]
	cut := func(name string, size uint64) error {
		return os.WriteFile(filepath.Join(out, name), whole[:size], 0o644)
	}
	add := func(name, about string, finalized bool, blocks []sections.Section) error {
		return m.addTorn(out, name, about, finalized, roots, blocks)
	}
	return firstError(
		func() error {
			return add("rw-unfinalized.car", "three puts, then closed without finalise; header area all zero", false, good)
		},
		func() error { return cut("rw-torn-in-data.car", last.FileOffset+2+36+450) },
		func() error {
			return add("rw-torn-in-data.car", "cut in the middle of the third block's data", false, good[:2])
		},
		func() error { return cut("rw-torn-in-cid.car", last.FileOffset+2+10) },
		func() error { return add("rw-torn-in-cid.car", "cut inside the third section's CID", false, good[:2]) },
		func() error { return cut("rw-torn-in-varint.car", last.FileOffset+1) },
		func() error {
			return add("rw-torn-in-varint.car", "cut inside the third section's two-byte length", false, good[:2])
		},
		func() error { return cut("rw-torn-in-roots.car", unpaddedDataOffset+30) },
		func() error { return add("rw-torn-in-roots.car", "cut inside the CARv1 header", false, nil) },
		func() error {
			return resumeInto(out, "rw-unfinalized.car", "rw-resumed.car", roots, list[2:])
		},
		func() error {
			return m.addFinalTorn(out, "rw-resumed.car", "rw-unfinalized.car resumed, one more put, finalised", roots)
		},
		func() error {
			return resumeInto(out, "rw-torn-in-data.car", "rw-resumed-over-tear.car", roots, list[3:])
		},
		func() error {
			return m.addFinalTorn(out, "rw-resumed-over-tear.car",
				"rw-torn-in-data.car resumed, one more put, finalised: the third block is damaged and still indexed", roots)
		},
	)
}

func discardAfter(path string, roots []cid.Cid, list []blocks.Block) error {
	store, err := blockstore.OpenReadWrite(path, roots, car.UseWholeCIDs(true))
	if err != nil {
		return err
	}
	defer store.Discard()
	return store.PutMany(context.Background(), list)
}

func resumeInto(out, source, target string, roots []cid.Cid, list []blocks.Block) error {
	path := filepath.Join(out, target)
	if err := copyFile(filepath.Join(out, source), path); err != nil {
		return err
	}
	return writeStore(path, roots, list, car.UseWholeCIDs(true))
}

// payloadSections lists the sections of an unfinalised file: the bytes from the data offset on are a CARv1.
func payloadSections(file []byte) ([]sections.Section, error) {
	dir, err := os.MkdirTemp("", "torn")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "payload.car")
	if err := os.WriteFile(path, file[unpaddedDataOffset:], 0o644); err != nil {
		return nil, err
	}
	_, list, err := sections.Of(path)
	for i := range list {
		list[i].FileOffset += unpaddedDataOffset
	}
	return list, err
}

func (m *manifest) addFinalTorn(out, name, about string, roots []cid.Cid) error {
	_, list, err := sections.Of(filepath.Join(out, name))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return m.addTorn(out, name, about, true, roots, list)
}

func (m *manifest) addTorn(out, name, about string, finalized bool, roots []cid.Cid, list []sections.Section) error {
	path := filepath.Join(out, name)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	facts := tornFacts{
		File: name, About: about, Finalized: finalized, Roots: cidStrings(roots), DataOffset: unpaddedDataOffset,
		Blocks: sectionsFacts(list), Size: info.Size(),
	}
	if len(list) > 0 {
		last := list[len(list)-1]
		body := uint64(last.Cid.ByteLen()) + last.Size
		facts.PayloadEnd = last.FileOffset + uint64(varintSize(body)) + body
	}
	if facts.Resume, err = tryResume(path, roots); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.Torn = append(m.Torn, facts)
	return nil
}

// tryResume opens a copy for writing and reads every key back.
func tryResume(path string, roots []cid.Cid) (resumeFacts, error) {
	facts := resumeFacts{Damaged: []string{}}
	dir, err := os.MkdirTemp("", "resume")
	if err != nil {
		return facts, err
	}
	defer os.RemoveAll(dir)
	work := filepath.Join(dir, "work.car")
	if err := copyFile(path, work); err != nil {
		return facts, err
	}
	store, err := blockstore.OpenReadWrite(work, roots, car.UseWholeCIDs(true))
	if err != nil {
		return facts, nil // the verdict, not a failure of ours
	}
	defer store.Discard()
	facts.Accepted = true
	ctx := context.Background()
	keys, err := store.AllKeysChan(ctx)
	if err != nil {
		return facts, err
	}
	var cids []cid.Cid
	for c := range keys {
		cids = append(cids, c)
	}
	for _, c := range cids {
		facts.Keys++
		block, err := store.Get(ctx, c)
		if err == nil {
			var sum cid.Cid
			if sum, err = c.Prefix().Sum(block.RawData()); err == nil && !sum.Equals(c) {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			facts.Damaged = append(facts.Damaged, c.String())
		}
	}
	return facts, nil
}

func copyFile(source, target string) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, data, 0o644)
}
