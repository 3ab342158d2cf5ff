package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"dagstore-interop/internal/sections"
	"dagstore-interop/internal/stream"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
	"github.com/multiformats/go-multicodec"
	mh "github.com/multiformats/go-multihash"
)

// carFacts is what a whole file holds. Roots is null where the header says null instead of a list.
type carFacts struct {
	File    string         `json:"file"`
	About   string         `json:"about"`
	Version uint64         `json:"version"`
	Header  *headerFacts   `json:"header,omitempty"`
	Roots   []string       `json:"roots"`
	Padding int64          `json:"zeroPaddingBytes"`
	Blocks  []sectionFacts `json:"blocks"`
	Index   *carIndexFacts `json:"index,omitempty"`
	Inspect inspectFacts   `json:"inspect"`
}

// inspectFacts is what Inspect counts; counts are by code in decimal. Ranges are null without blocks.
type inspectFacts struct {
	RootsPresent bool              `json:"rootsPresent"`
	Codecs       map[string]uint64 `json:"codecs"`
	Hashes       map[string]uint64 `json:"hashes"`
	CidBytes     *lengthRange      `json:"cidBytes"`
	BlockBytes   *lengthRange      `json:"blockBytes"`
}

// lengthRange is in bytes; the mean is rounded down.
type lengthRange struct {
	Min  uint64 `json:"min"`
	Mean uint64 `json:"mean"`
	Max  uint64 `json:"max"`
}

type headerFacts struct {
	DataOffset   uint64 `json:"dataOffset"`
	DataSize     uint64 `json:"dataSize"`
	IndexOffset  uint64 `json:"indexOffset"` // 0: none
	FullyIndexed bool   `json:"fullyIndexed"`
}

// sectionFacts: offset is from the start of the CARv1 payload, fileOffset from the start of the file.
type sectionFacts struct {
	Cid        string `json:"cid"`
	Offset     uint64 `json:"offset"`
	FileOffset uint64 `json:"fileOffset"`
	Size       uint64 `json:"size"`
}

// paddedSize is the unpadded size of a 16 KiB piece, the smallest that holds v1-one-root.car and some zeros.
const paddedSize = 127 * 128

func writeCars(out string, m *manifest) error {
	one, three := basic()[:1], []blocks.Block{basic()[0], basic()[1], basic()[5]}
	empty := raw(mh.SHA2_256, nil)
	dup := basic()
	dup = append(dup, dup[3], dup[3], dup[0])
	asV1 := []car.Option{car.WriteAsCarV1(true), car.StoreIdentityCIDs(true), car.AllowDuplicatePuts(true)}
	write := func(name, about string, roots []cid.Cid, list []blocks.Block, opts ...car.Option) error {
		if err := writeStore(filepath.Join(out, name), roots, list, opts...); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return m.addCar(out, name, about)
	}
	wrap := func(name, about, source string, codec multicodec.Code, opts ...car.Option) error {
		opts = append(opts, car.UseIndexCodec(codec), car.ZeroLengthSectionAsEOF(true))
		if err := wrapFile(filepath.Join(out, source), filepath.Join(out, name), opts...); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return m.addCar(out, name, about)
	}
	const sorted, mhSorted = multicodec.CarIndexSorted, multicodec.CarMultihashIndexSorted
	return firstError(
		func() error { return write("v1-one-root.car", "one root", cidsOf(one), basic(), asV1...) },
		func() error { return write("v1-three-roots.car", "three roots", cidsOf(three), basic(), asV1...) },
		func() error {
			return write("v1-null-roots.car", "header with roots: null", nil, basic()[2:], asV1...)
		},
		func() error { return write("v1-no-blocks.car", "a root and no block", cidsOf(one), nil, asV1...) },
		func() error {
			return write("v1-duplicates.car", "one block three times, another twice", cidsOf(one), dup, asV1...)
		},
		func() error {
			return write("v1-identity.car", "identity CIDs stored, one of them empty", cidsOf(withIdentity()[:1]), withIdentity(), asV1...)
		},
		func() error {
			return write("v1-empty-block.car", "a block of no bytes between two others", []cid.Cid{empty.Cid()},
				[]blocks.Block{basic()[2], empty, basic()[3]}, asV1...)
		},
		func() error {
			return write("v1-many.car", "400 small blocks of four hash functions", cidsOf(many()[:1]), many(), asV1...)
		},
		func() error {
			if err := zeroPad(filepath.Join(out, "v1-one-root.car"), filepath.Join(out, "v1-zero-padded.car")); err != nil {
				return err
			}
			return m.addCar(out, "v1-zero-padded.car", "v1-one-root.car and zeros up to the unpadded size of a 16 KiB piece")
		},
		func() error {
			return wrap("v2-wrapped-0401.car", "WrapV1 of v1-one-root.car", "v1-one-root.car", mhSorted)
		},
		func() error {
			return wrap("v2-wrapped-0400.car", "WrapV1 of v1-one-root.car, older index", "v1-one-root.car", sorted)
		},
		func() error {
			return wrap("v2-many-0401.car", "WrapV1 of v1-many.car", "v1-many.car", mhSorted)
		},
		func() error {
			return wrap("v2-duplicates-0401.car", "WrapV1 of v1-duplicates.car", "v1-duplicates.car", mhSorted)
		},
		func() error {
			return wrap("v2-identity-0400.car", "identity entries in an older index, and no fully-indexed bit", "v1-identity.car", sorted, car.StoreIdentityCIDs(true))
		},
		func() error {
			return wrap("v2-wrapped-zero-padded.car", "WrapV1 of v1-zero-padded.car: the zeros are part of the payload", "v1-zero-padded.car", mhSorted)
		},
		func() error {
			if err := writeIndexless(filepath.Join(out, "v1-one-root.car"), filepath.Join(out, "v2-indexless.car")); err != nil {
				return err
			}
			return m.addCar(out, "v2-indexless.car", "pragma, header with index offset 0, payload")
		},
		func() error {
			return write("v2-written.car", "read-write store, finalised", cidsOf(one), basic(), car.UseWholeCIDs(true))
		},
		func() error {
			return write("v2-identity-stored.car", "read-write store with StoreIdentityCIDs", cidsOf(withIdentity()[:1]), withIdentity(),
				car.UseWholeCIDs(true), car.StoreIdentityCIDs(true))
		},
		func() error {
			return write("v2-identity-dropped.car", "the same puts without StoreIdentityCIDs", cidsOf(withIdentity()[:1]), withIdentity(), car.UseWholeCIDs(true))
		},
		func() error {
			return write("v2-padded.car", "1413 bytes of data padding, 77 of index padding", cidsOf(three), basic(),
				car.UseWholeCIDs(true), car.UseDataPadding(1413), car.UseIndexPadding(77))
		},
		func() error {
			return write("v2-no-blocks.car", "read-write store finalised without a put", cidsOf(one), nil, car.UseWholeCIDs(true))
		},
		func() error {
			return write("v2-null-roots.car", "read-write store opened without roots", nil, []blocks.Block{raw(mh.SHA2_256, stream.Bytes(2, 1000))}, car.UseWholeCIDs(true))
		},
	)
}

func writeStore(path string, roots []cid.Cid, list []blocks.Block, opts ...car.Option) error {
	store, err := blockstore.OpenReadWrite(path, roots, opts...)
	if err != nil {
		return err
	}
	if err := store.PutMany(context.Background(), list); err != nil {
		return err
	}
	return store.Finalize()
}

func wrapFile(source, target string, opts ...car.Option) error {
	src, err := os.Open(source)
	if err != nil {
		return err
	}
	defer src.Close()
	var dst bytes.Buffer
	if err := car.WrapV1(src, &dst, opts...); err != nil {
		return err
	}
	return os.WriteFile(target, dst.Bytes(), 0o644)
}

func writeIndexless(source, target string) error {
	payload, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	header := car.NewHeader(uint64(len(payload)))
	header.IndexOffset = 0
	var dst bytes.Buffer
	dst.Write(car.Pragma)
	if _, err := header.WriteTo(&dst); err != nil {
		return err
	}
	dst.Write(payload)
	return os.WriteFile(target, dst.Bytes(), 0o644)
}

func zeroPad(source, target string) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if len(data) >= paddedSize {
		return fmt.Errorf("no room for padding; size=%d", len(data))
	}
	return os.WriteFile(target, append(data, make([]byte, paddedSize-len(data))...), 0o644)
}

// addCar records what go-car says about a finished file.
func (m *manifest) addCar(out, name, about string) error {
	path := filepath.Join(out, name)
	roots, list, err := sections.Of(path)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := sections.Verify(path); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	facts := carFacts{File: name, About: about, Roots: cidStrings(roots), Blocks: sectionsFacts(list)}
	r, err := car.OpenReader(path, car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return err
	}
	defer r.Close()
	facts.Version = r.Version
	if facts.Inspect, err = inspect(r); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	end := int64(0) // of the payload, in the file
	if r.Version == 2 {
		h := r.Header
		facts.Header = &headerFacts{h.DataOffset, h.DataSize, h.IndexOffset, h.Characteristics.IsFullyIndexed()}
		end = int64(h.DataOffset + h.DataSize)
	} else {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		end = info.Size()
	}
	if facts.Padding, err = zerosBefore(path, end, list); err != nil {
		return err
	}
	if r.Version == 2 && r.Header.HasIndex() {
		ir, err := r.IndexReader()
		if err != nil {
			return err
		}
		if facts.Index, err = readIndexFacts(ir, list); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	m.Cars = append(m.Cars, facts)
	return nil
}

func inspect(r *car.Reader) (inspectFacts, error) {
	stats, err := r.Inspect(true)
	if err != nil {
		return inspectFacts{}, err
	}
	facts := inspectFacts{RootsPresent: stats.RootsPresent, Codecs: byCode(stats.CodecCounts), Hashes: byCode(stats.MhTypeCounts)}
	if stats.BlockCount > 0 {
		facts.CidBytes = &lengthRange{stats.MinCidLength, stats.AvgCidLength, stats.MaxCidLength}
		facts.BlockBytes = &lengthRange{stats.MinBlockLength, stats.AvgBlockLength, stats.MaxBlockLength}
	}
	return facts, nil
}

func byCode(counts map[multicodec.Code]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for code, n := range counts {
		out[strconv.FormatUint(uint64(code), 10)] = n
	}
	return out
}

// zerosBefore counts the bytes between the last section and the end of the payload.
func zerosBefore(path string, end int64, list []sections.Section) (int64, error) {
	if len(list) == 0 {
		return 0, nil
	}
	last := list[len(list)-1]
	body := uint64(last.Cid.ByteLen()) + last.Size
	return end - int64(last.FileOffset) - int64(varintSize(body)) - int64(body), nil
}

func varintSize(n uint64) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func sectionsFacts(list []sections.Section) []sectionFacts {
	out := []sectionFacts{}
	for _, s := range list {
		out = append(out, sectionFacts{s.Cid.String(), s.Offset, s.FileOffset, s.Size})
	}
	return out
}

// cidStrings keeps nil apart from empty.
func cidStrings(list []cid.Cid) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.String())
	}
	return out
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
