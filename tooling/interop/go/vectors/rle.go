package main

import (
	"encoding/hex"
	"fmt"

	rle "github.com/filecoin-project/go-bitfield/rle"
)

// rleFacts: runs alternate and add up from position 0; hex is the RLE+ encoding, which drops a last run of unset
// bits. Decoded is what go-bitfield reads back.
type rleFacts struct {
	About   string   `json:"about"`
	Runs    []rleRun `json:"runs"`
	Hex     string   `json:"hex"`
	Decoded []rleRun `json:"decoded"`
	Count   uint64   `json:"count"` // set bits
}

type rleRun struct {
	Set    bool   `json:"set"`
	Length uint64 `json:"length"`
}

func addRle(_ string, m *manifest) error {
	const kib, gib = uint64(1) << 10, uint64(1) << 30
	for _, v := range []struct {
		about   string
		first   bool // value of the first run
		lengths []uint64
	}{
		{"empty", true, nil},
		{"2 KiB sector, full", true, []uint64{2 * kib}},
		{"2 KiB sector, first half", true, []uint64{kib, kib}},
		{"2 KiB sector, second half", false, []uint64{kib, kib}},
		{"32 GiB sector, full", true, []uint64{32 * gib}},
		{"8 GiB at 8 GiB", false, []uint64{8 * gib, 8 * gib}},
		{"short runs of every form", true, []uint64{1, 1, 1, 1, 3, 4, 17}},
		{"one bit", true, []uint64{1}},
		{"one bit at 1", false, []uint64{1, 1}},
		{"15 and 16 around the form limit", true, []uint64{15, 16, 16, 15, 2}},
		{"127, 128 and 16384: one, two and three varint bytes", true, []uint64{127, 128, 128, 127, 16384}},
		{"last run unset, dropped", true, []uint64{128, 128, 256, 1536}},
		{"only unset", false, []uint64{4096}},
		{"64 GiB sector, four pieces with gaps", true, []uint64{256, 256, 512, gib - kib, gib, 30 * gib, 32 * gib}},
	} {
		var runs []rle.Run
		facts := rleFacts{About: v.about, Runs: []rleRun{}, Decoded: []rleRun{}}
		set := v.first
		for _, length := range v.lengths {
			runs = append(runs, rle.Run{Val: set, Len: length})
			facts.Runs = append(facts.Runs, rleRun{set, length})
			set = !set
		}
		encoded, err := rle.EncodeRuns(&rle.RunSliceIterator{Runs: runs}, nil)
		if err != nil {
			return fmt.Errorf("rle %s: %w", v.about, err)
		}
		facts.Hex = hex.EncodeToString(encoded)
		if len(encoded) > 0 {
			if err := facts.decode(encoded); err != nil {
				return fmt.Errorf("rle %s: %w", v.about, err)
			}
		}
		m.Rle = append(m.Rle, facts)
	}
	return nil
}

func (f *rleFacts) decode(encoded []byte) error {
	if err := rle.ValidateRLE(encoded); err != nil {
		return err
	}
	it, err := rle.DecodeRLE(encoded)
	if err != nil {
		return err
	}
	for it.HasNext() {
		run, err := it.NextRun()
		if err != nil {
			return err
		}
		f.Decoded = append(f.Decoded, rleRun{run.Val, run.Len})
		if run.Val {
			f.Count += run.Len
		}
	}
	return nil
}
