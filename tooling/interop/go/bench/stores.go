package main

import (
	"context"
	"os"
	"runtime"
	"sync"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/shard"
	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/blockstore"

	"dagstore-interop/internal/sections"
	"dagstore-interop/internal/shards"
)

const shardKey = "measured"

func acquire(opts options, args []string) (*report, error) {
	dir, err := os.MkdirTemp("", "dagstore")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	store, _, err := shards.Restarted(dir, args[0], args[1], shardKey)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	ctx := context.Background()
	if err := store.Start(ctx); err != nil {
		return nil, err
	}
	open := func() (*dagstore.ShardAccessor, error) {
		done := make(chan dagstore.ShardResult, 1)
		if err := store.AcquireShard(ctx, shard.KeyFromString(shardKey), done, dagstore.AcquireOpts{}); err != nil {
			return nil, err
		}
		result := <-done
		if result.Error != nil {
			return nil, result.Error
		}
		_, err := result.Accessor.Blockstore()
		return result.Accessor, err
	}
	out, err := timed(opts.runs, func() error {
		accessor, err := open()
		if err != nil {
			return err
		}
		return accessor.Close()
	})
	if err != nil {
		return nil, err
	}
	before := liveBytes()
	accessor, err := open()
	if err != nil {
		return nil, err
	}
	out.LiveBytes = liveBytes() - before
	return out, accessor.Close()
}

func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func openReadOnly(opts options, args []string) (*report, error) {
	return timed(opts.runs, func() error {
		store, err := blockstore.OpenReadOnly(args[0], car.ZeroLengthSectionAsEOF(true))
		if err != nil {
			return err
		}
		return store.Close()
	})
}

func get(opts options, args []string) (*report, error) {
	store, err := blockstore.OpenReadOnly(args[0], car.ZeroLengthSectionAsEOF(true))
	if err != nil {
		return nil, err
	}
	defer store.Close()
	_, list, err := sections.Of(args[0])
	if err != nil {
		return nil, err
	}
	wanted := make([]cid.Cid, opts.gets)
	for i := range wanted {
		wanted[i] = list[i*7919%len(list)].Cid
	}
	return timed(opts.runs, func() error { return getAll(store, wanted, opts.width) })
}

func getAll(store *blockstore.ReadOnly, wanted []cid.Cid, width int) error {
	var group sync.WaitGroup
	failures := make(chan error, width)
	for from := range width {
		group.Go(func() {
			for i := from; i < len(wanted); i += width {
				if _, err := store.Get(context.Background(), wanted[i]); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failures)
	return <-failures
}
