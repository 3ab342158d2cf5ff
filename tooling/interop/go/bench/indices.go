package main

import (
	"bufio"
	"fmt"
	"os"

	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/index"
	mh "github.com/multiformats/go-multihash"

	"dagstore-interop/internal/sections"
)

func genIndex(opts options, args []string) (*report, error) {
	var idx index.Index
	out, err := timed(opts.runs, func() (err error) {
		idx, err = car.GenerateIndexFromFile(args[0], car.ZeroLengthSectionAsEOF(true))
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Entries, err = count(idx)
	return out, err
}

func writeIndex(opts options, args []string) (*report, error) {
	_, list, err := sections.Of(args[0])
	if err != nil {
		return nil, err
	}
	out, err := timed(opts.runs, func() error {
		records := make([]index.Record, len(list))
		for i, section := range list {
			records[i] = index.Record{Cid: section.Cid, Offset: section.Offset}
		}
		idx := index.NewMultihashSorted()
		if err := idx.Load(records); err != nil {
			return err
		}
		return writeFile(args[1], idx)
	})
	if err != nil {
		return nil, err
	}
	out.Entries = len(list)
	return out, nil
}

func writeFile(path string, idx index.Index) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	if _, err := index.WriteTo(idx, buffered); err != nil {
		f.Close()
		return err
	}
	if err := buffered.Flush(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func count(idx index.Index) (int, error) {
	iterable, ok := idx.(index.IterableIndex)
	if !ok {
		return 0, fmt.Errorf("index is not iterable; codec=%s", idx.Codec())
	}
	n := 0
	err := iterable.ForEach(func(mh.Multihash, uint64) error { n++; return nil })
	return n, err
}
