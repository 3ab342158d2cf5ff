package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/shard"
	ds "github.com/ipfs/go-datastore"

	"dagstore-interop/internal/shards"
)

type serveReport struct {
	Key string `json:"key"`
	// Served: distinct CIDs read through our index. Registered: the same through the index that dagstore took or made
	// when it registered the CAR by itself.
	Served     int `json:"served"`
	Registered int `json:"registered"`
	// Iterable: our index can feed dagstore's top-level index; Entries is then its length, else 0.
	Iterable bool `json:"iterable"`
	Entries  int  `json:"entries"`
}

// serve runs two stores: one restarted over a record and an index file as they would lie on disk, so that nothing
// is indexed anew, and one that starts from nothing.
func serve(args []string) (any, error) {
	if err := expect(args, "CARFILE", "INDEXFILE", "KEY"); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dagstore")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	report := &serveReport{Key: args[2]}
	if err := report.fromOurIndex(filepath.Join(dir, "ours"), args[0], args[1]); err != nil {
		return report, fmt.Errorf("from our index: %w", err)
	}
	if err := report.registered(filepath.Join(dir, "registered"), args[0]); err != nil {
		return report, fmt.Errorf("registered: %w", err)
	}
	return report, nil
}

func (report *serveReport) fromOurIndex(dir, carFile, indexFile string) error {
	store, placed, err := shards.Restarted(dir, carFile, indexFile, report.Key)
	if err != nil {
		return err
	}
	defer store.Close()
	before, err := digestFile(placed)
	if err != nil {
		return err
	}
	if err := store.Start(context.Background()); err != nil {
		return err
	}
	if report.Served, err = acquireAndRead(store, report.Key, carFile); err != nil {
		return err
	}
	if iterable, err := store.GetIterableIndex(shard.KeyFromString(report.Key)); err == nil {
		report.Iterable = true
		found, err := lookupFile(iterable, carFile)
		if err != nil {
			return err
		}
		report.Entries = found.total()
	}
	after, err := digestFile(placed)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the index file was rewritten")
	}
	return nil
}

func (report *serveReport) registered(dir, carFile string) error {
	store, _, err := shards.New(dir, carFile, func(ds.Batching) error { return nil })
	if err != nil {
		return err
	}
	defer store.Close()
	ctx := context.Background()
	if err := store.Start(ctx); err != nil {
		return err
	}
	done := make(chan dagstore.ShardResult, 1)
	key := shard.KeyFromString(report.Key)
	if err := store.RegisterShard(ctx, key, &shards.CarMount{Path: carFile}, done, dagstore.RegisterOpts{}); err != nil {
		return err
	}
	if result := <-done; result.Error != nil {
		return result.Error
	}
	report.Registered, err = acquireAndRead(store, report.Key, carFile)
	return err
}

func acquireAndRead(store *dagstore.DAGStore, key, carFile string) (int, error) {
	done := make(chan dagstore.ShardResult, 1)
	if err := store.AcquireShard(context.Background(), shard.KeyFromString(key), done, dagstore.AcquireOpts{}); err != nil {
		return 0, err
	}
	result := <-done
	if result.Error != nil {
		return 0, result.Error
	}
	defer result.Accessor.Close()
	blocks, err := result.Accessor.Blockstore()
	if err != nil {
		return 0, err
	}
	return readAll(carFile, blocks)
}
