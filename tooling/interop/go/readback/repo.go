package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/filecoin-project/dagstore/index"
	"github.com/filecoin-project/dagstore/shard"

	"dagstore-interop/internal/shards"
)

type repoReport struct {
	// Keys that the repo lists, sorted.
	Keys []string `json:"keys"`
	// Entries: sections of the CAR of each key that its index leads to. Served: distinct CIDs read through it by a
	// dagstore.
	Entries map[string]int `json:"entries"`
	Served  map[string]int `json:"served"`
}

// readRepo opens a folder of exported indices as a dagstore's own repo; the CAR of a key is KEY.car in the other folder.
func readRepo(args []string) (any, error) {
	if err := expect(args, "FOLDER", "CARFOLDER"); err != nil {
		return nil, err
	}
	repo, err := index.NewFSRepo(args[0])
	if err != nil {
		return nil, err
	}
	report := &repoReport{Keys: []string{}, Entries: map[string]int{}, Served: map[string]int{}}
	err = repo.ForEach(func(key shard.Key) (bool, error) {
		report.Keys = append(report.Keys, key.String())
		return true, nil
	})
	if err != nil {
		return report, err
	}
	sort.Strings(report.Keys)
	if count, err := repo.Len(); err != nil || count != len(report.Keys) {
		return report, fmt.Errorf("repo counts %d indices and lists %d; error=%v", count, len(report.Keys), err)
	}
	dir, err := os.MkdirTemp("", "dagstore")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(dir)
	for _, key := range report.Keys {
		if err := report.check(repo, dir, args[0], args[1], key); err != nil {
			return report, fmt.Errorf("key %q: %w", key, err)
		}
	}
	return report, nil
}

func (report *repoReport) check(repo *index.FSIndexRepo, dir, indices, cars, key string) error {
	carFile := filepath.Join(cars, key+".car")
	idx, err := repo.GetFullIndex(shard.KeyFromString(key))
	if err != nil {
		return err
	}
	found, err := lookupFile(idx, carFile)
	if err != nil {
		return err
	}
	report.Entries[key] = found.total()
	serving := &serveReport{Key: key}
	if err := serving.fromOurIndex(filepath.Join(dir, key), carFile, filepath.Join(indices, key+shards.IndexSuffix)); err != nil {
		return err
	}
	report.Served[key] = serving.Served
	return nil
}
