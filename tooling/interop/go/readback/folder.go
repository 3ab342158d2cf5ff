package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/shard"

	"dagstore-interop/internal/shards"
)

type folderReport struct {
	// States of all shards by key, and the reasons of those that are errored.
	States map[string]string `json:"states"`
	Errors map[string]string `json:"errors"`
	// Served: distinct CIDs read of each shard that has an index.
	Served map[string]int `json:"served"`
}

// makeFolder registers a shard for each KEY.car of a folder; KEY.car.lazy beside it: not indexed; KEY.car.served: acquired
// and never given back. What is no CAR becomes an errored shard.
func makeFolder(args []string) (any, error) {
	if err := expect(args, "FOLDER", "CARFOLDER"); err != nil {
		return nil, err
	}
	folder, err := shards.OpenFolder(args[0], args[1])
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(args[1], "*.car"))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	for _, name := range names {
		key := strings.TrimSuffix(filepath.Base(name), ".car")
		done := make(chan dagstore.ShardResult, 1)
		opts := dagstore.RegisterOpts{LazyInitialization: exists(name + ".lazy")}
		if err := folder.Store.RegisterShard(ctx, shard.KeyFromString(key), &shards.PieceMount{Folder: args[1], Piece: key}, done, opts); err != nil {
			return nil, err
		}
		<-done
		if !exists(name + ".served") {
			continue
		}
		if err := folder.Store.AcquireShard(ctx, shard.KeyFromString(key), done, dagstore.AcquireOpts{}); err != nil {
			return nil, err
		}
		if result := <-done; result.Error != nil {
			return nil, result.Error
		}
	}
	report := describe(folder)
	return report, folder.Close()
}

// openFolder starts a dagstore on the folder and reads all blocks of the shards that have an index.
func openFolder(args []string) (any, error) {
	if err := expect(args, "FOLDER", "CARFOLDER"); err != nil {
		return nil, err
	}
	folder, err := shards.OpenFolder(args[0], args[1])
	if err != nil {
		return nil, err
	}
	report := describe(folder)
	for key, state := range report.States {
		if state != dagstore.ShardStateAvailable.String() {
			continue
		}
		if report.Served[key], err = acquireAndRead(folder.Store, key, filepath.Join(args[1], key+".car")); err != nil {
			return report, fmt.Errorf("key %q: %w", key, err)
		}
	}
	return report, folder.Close()
}

func describe(folder *shards.Folder) *folderReport {
	report := &folderReport{map[string]string{}, map[string]string{}, map[string]int{}}
	for key, info := range folder.Store.AllShardsInfo() {
		report.States[key.String()] = info.ShardState.String()
		if info.Error != nil {
			report.Errors[key.String()] = info.Error.Error()
		}
	}
	return report
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
