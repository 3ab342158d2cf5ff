package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
)

type resumeReport struct {
	Accepted  bool   `json:"accepted"`
	Reason    string `json:"reason"` // go-car's words when it refused
	Keys      int    `json:"keys"`
	Unchanged bool   `json:"unchanged"` // the file has the bytes that it had before
}

// resume opens a file for writing and closes it again without finalise. An accepted file is changed by go-car
// itself: it clears the header and drops the index.
func resume(args []string) (any, error) {
	flags := flag.NewFlagSet("resume", flag.ContinueOnError)
	padding := flags.Uint64("data-padding", 0, "bytes between header and payload")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() < 1 {
		return nil, fmt.Errorf("arguments; want=FILE [ROOT...] got=0")
	}
	path := flags.Arg(0)
	var roots []cid.Cid
	for _, text := range flags.Args()[1:] {
		root, err := cid.Decode(text)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	before, err := digestFile(path)
	if err != nil {
		return nil, err
	}
	report := &resumeReport{}
	store, err := blockstore.OpenReadWrite(path, roots, car.UseWholeCIDs(true), car.UseDataPadding(*padding))
	if err != nil {
		report.Reason = err.Error()
	} else {
		report.Accepted = true
		keys, err := store.AllKeysChan(context.Background())
		if err != nil {
			return report, err
		}
		for range keys {
			report.Keys++
		}
		store.Discard()
	}
	after, err := digestFile(path)
	if err != nil {
		return report, err
	}
	report.Unchanged = before == after
	if !report.Accepted && !report.Unchanged {
		return report, fmt.Errorf("refused and changed; reason=%s", report.Reason)
	}
	return report, nil
}

func digestFile(path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
