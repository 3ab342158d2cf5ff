// Command resume lets go-car's ReadWrite blockstore go on with a file: it opens it, puts blocks, and leaves it unfinished or
// finalises it. Prints one JSON object; a file that go-car refuses is a result, not a failure.
//
//	resume [-data-padding N] [-v1] [-put CARV1] [-finalize] FILE [ROOT...]
//
// FILE is created when there is none. Blocks to put are those of another CARv1.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"
)

// report: damaged are CIDs that the store serves with other bytes than theirs, or not at all; unchanged says that the file has
// the bytes that it had before.
type report struct {
	Accepted  bool     `json:"accepted"`
	Reason    string   `json:"reason"`
	Keys      int      `json:"keys"`
	Damaged   []string `json:"damaged"`
	Unchanged bool     `json:"unchanged"`
}

func main() {
	result, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "resume: %s\n", err)
		os.Exit(1)
	}
}

func run(args []string) (*report, error) {
	flags := flag.NewFlagSet("resume", flag.ContinueOnError)
	padding := flags.Uint64("data-padding", 0, "bytes between header and payload")
	v1 := flags.Bool("v1", false, "a plain CARv1")
	put := flags.String("put", "", "CARv1 whose blocks are put")
	finalize := flags.Bool("finalize", false, "finalise instead of discarding")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() < 1 {
		return nil, errors.New("arguments; want=FILE [ROOT...] got=0")
	}
	path := flags.Arg(0)
	roots := []cid.Cid{}
	for _, text := range flags.Args()[1:] {
		root, err := cid.Decode(text)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	list, err := blocksOf(*put)
	if err != nil {
		return nil, err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	out := &report{Damaged: []string{}}
	store, err := blockstore.OpenReadWrite(path, roots, car.UseWholeCIDs(true), car.StoreIdentityCIDs(true), car.UseDataPadding(*padding), car.WriteAsCarV1(*v1))
	if err != nil {
		out.Reason = err.Error()
	} else if err := goOn(store, list, *finalize, out); err != nil {
		return nil, err
	}
	after, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out.Unchanged = bytes.Equal(before, after)
	return out, nil
}

func goOn(store *blockstore.ReadWrite, list []blocks.Block, finalize bool, out *report) error {
	ctx := context.Background()
	out.Accepted = true
	if err := store.PutMany(ctx, list); err != nil {
		return err
	}
	keys, err := store.AllKeysChan(ctx)
	if err != nil {
		return err
	}
	var cids []cid.Cid
	for c := range keys {
		cids = append(cids, c)
	}
	for _, c := range cids {
		out.Keys++
		block, err := store.Get(ctx, c)
		if err == nil {
			var sum cid.Cid
			if sum, err = c.Prefix().Sum(block.RawData()); err == nil && !sum.Equals(c) {
				err = io.ErrUnexpectedEOF
			}
		}
		if err != nil {
			out.Damaged = append(out.Damaged, c.String())
		}
	}
	if finalize {
		return store.Finalize()
	}
	store.Discard()
	return nil
}

func blocksOf(path string) ([]blocks.Block, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader, err := car.NewBlockReader(f)
	if err != nil {
		return nil, err
	}
	var list []blocks.Block
	for {
		block, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, block)
	}
}
