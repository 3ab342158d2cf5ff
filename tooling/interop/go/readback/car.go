package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dagstore-interop/internal/sections"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
	"github.com/ipld/go-car/v2/index"
	mh "github.com/multiformats/go-multihash"
)

type carReport struct {
	Version      uint64   `json:"version"`
	Roots        []string `json:"roots"`
	Blocks       int      `json:"blocks"`
	DistinctCids int      `json:"distinctCids"`
	DataOffset   uint64   `json:"dataOffset"`
	DataSize     uint64   `json:"dataSize"`
	IndexOffset  uint64   `json:"indexOffset"`
	FullyIndexed bool     `json:"fullyIndexed"`
	IndexCodec   string   `json:"indexCodec"` // "" without an attached index
	// IndexEntries and IndexSize (bytes) describe the attached index; IndexMatches: it has the very bytes that go-car
	// would write for this payload.
	IndexEntries int    `json:"indexEntries"`
	IndexSize    uint64 `json:"indexSize"`
	IndexMatches bool   `json:"indexMatches"`
}

// readCar checks the file by four separate ways into go-car: Inspect, the block reader, the attached index by
// itself, and the read-only store on top of it.
func readCar(args []string) (any, error) {
	if err := expect(args, "FILE"); err != nil {
		return nil, err
	}
	path := args[0]
	r, err := car.OpenReader(path, car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	stats, err := r.Inspect(true)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	roots, list, err := sections.Of(path)
	if err != nil {
		return nil, fmt.Errorf("sections: %w", err)
	}
	if stats.BlockCount != uint64(len(list)) {
		return nil, fmt.Errorf("block counts differ; inspect=%d reader=%d", stats.BlockCount, len(list))
	}
	if _, err := sections.Verify(path); err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	report := &carReport{Version: r.Version, Roots: []string{}, Blocks: len(list)}
	for _, c := range roots {
		report.Roots = append(report.Roots, c.String())
	}
	if r.Version == 2 {
		h := r.Header
		report.DataOffset, report.DataSize, report.IndexOffset = h.DataOffset, h.DataSize, h.IndexOffset
		report.FullyIndexed = h.Characteristics.IsFullyIndexed()
		if h.HasIndex() {
			ir, err := r.IndexReader()
			if err != nil {
				return nil, err
			}
			if err := report.attached(path, ir, list); err != nil {
				return nil, fmt.Errorf("attached index: %w", err)
			}
		}
	}
	store, err := blockstore.OpenReadOnly(path, car.ZeroLengthSectionAsEOF(true), car.UseWholeCIDs(true))
	if err != nil {
		return nil, err
	}
	defer store.Close()
	report.DistinctCids, err = readAll(path, store)
	return report, err
}

func (report *carReport) attached(path string, r io.Reader, list []sections.Section) error {
	attached, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	idx, err := index.ReadFrom(bytes.NewReader(attached))
	if err != nil {
		return err
	}
	found, err := lookup(idx, list)
	if err != nil {
		return err
	}
	canonical, err := encode(idx)
	if err != nil {
		return err
	}
	report.IndexCodec = fmt.Sprintf("0x%04x", uint64(idx.Codec()))
	report.IndexEntries, report.IndexSize = found.total(), uint64(len(canonical))
	report.IndexMatches, err = sameAsGenerated(path, idx, found, canonical)
	return err
}

// reader is the part of a block store that is tried out.
type reader interface {
	Has(context.Context, cid.Cid) (bool, error)
	Get(context.Context, cid.Cid) (blocks.Block, error)
	GetSize(context.Context, cid.Cid) (int, error)
}

// readAll streams the blocks of a CAR and asks the store for each of them; it returns the number of distinct CIDs.
func readAll(path string, store reader) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r, err := car.NewBlockReader(f, car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	distinct := map[cid.Cid]struct{}{}
	for {
		want, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if _, ok := distinct[want.Cid()]; ok {
			continue
		}
		distinct[want.Cid()] = struct{}{}
		if err := readOne(ctx, store, want); err != nil {
			return 0, fmt.Errorf("%s: %w", want.Cid(), err)
		}
	}
	sum, err := mh.Sum([]byte("dagstore-interop: no CAR holds this block"), mh.SHA2_256, -1)
	if err != nil {
		return 0, err
	}
	if ok, err := store.Has(ctx, cid.NewCidV1(cid.Raw, sum)); err != nil || ok {
		return 0, fmt.Errorf("a missing block; has=%t err=%v", ok, err)
	}
	return len(distinct), nil
}

func readOne(ctx context.Context, store reader, want blocks.Block) error {
	if ok, err := store.Has(ctx, want.Cid()); err != nil || !ok {
		return fmt.Errorf("has=%t err=%v", ok, err)
	}
	got, err := store.Get(ctx, want.Cid())
	if err != nil {
		return err
	}
	if !bytes.Equal(got.RawData(), want.RawData()) || !got.Cid().Equals(want.Cid()) {
		return fmt.Errorf("another block; cid=%s size=%d", got.Cid(), len(got.RawData()))
	}
	size, err := store.GetSize(ctx, want.Cid())
	if err != nil {
		return err
	}
	if size != len(want.RawData()) {
		return fmt.Errorf("size; want=%d got=%d", len(want.RawData()), size)
	}
	return nil
}
