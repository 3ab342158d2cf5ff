package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/index"
	"github.com/filecoin-project/dagstore/mount"
	"github.com/filecoin-project/dagstore/shard"
	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
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

const (
	mountScheme = "interop"
	// indexSuffix is how dagstore's file repo names the index of a shard.
	indexSuffix = ".full.idx"
)

// carMount serves one local file. The path is environment, as in Lotus's mount: the URL only names the scheme.
type carMount struct{ Path string }

func (m *carMount) Fetch(context.Context) (mount.Reader, error) { return os.Open(m.Path) }
func (m *carMount) Serialize() *url.URL                         { return &url.URL{Host: "car"} }
func (m *carMount) Deserialize(*url.URL) error                  { return nil }
func (m *carMount) Close() error                                { return nil }

func (m *carMount) Info() mount.Info {
	return mount.Info{Kind: mount.KindLocal, AccessSequential: true, AccessSeek: true, AccessRandom: true}
}

func (m *carMount) Stat(context.Context) (mount.Stat, error) {
	info, err := os.Stat(m.Path)
	if err != nil {
		return mount.Stat{}, err
	}
	return mount.Stat{Exists: true, Size: info.Size(), Ready: true}, nil
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
	store, repoDir, err := newStore(dir, carFile, func(state ds.Batching) error {
		record, err := json.Marshal(dagstore.PersistedShard{
			Key: report.Key, URL: mountScheme + "://car", State: dagstore.ShardStateAvailable,
		})
		if err != nil {
			return err
		}
		return state.Put(context.Background(), dagstore.StoreNamespace.ChildString(report.Key), record)
	})
	if err != nil {
		return err
	}
	defer store.Close()
	ours, err := os.ReadFile(indexFile)
	if err != nil {
		return err
	}
	placed := filepath.Join(repoDir, report.Key+indexSuffix)
	if err := os.WriteFile(placed, ours, 0o644); err != nil {
		return err
	}
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
	store, _, err := newStore(dir, carFile, func(ds.Batching) error { return nil })
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
	if err := store.RegisterShard(ctx, key, &carMount{carFile}, done, dagstore.RegisterOpts{}); err != nil {
		return err
	}
	if result := <-done; result.Error != nil {
		return result.Error
	}
	report.Registered, err = acquireAndRead(store, report.Key, carFile)
	return err
}

// newStore makes a store that is not started yet; prepare writes what its datastore holds before the start.
func newStore(dir, carFile string, prepare func(ds.Batching) error) (*dagstore.DAGStore, string, error) {
	repoDir := filepath.Join(dir, "index")
	if err := os.MkdirAll(repoDir, 0o755); err != nil {
		return nil, "", err
	}
	repo, err := index.NewFSRepo(repoDir)
	if err != nil {
		return nil, "", err
	}
	state := dssync.MutexWrap(ds.NewMapDatastore())
	if err := prepare(state); err != nil {
		return nil, "", err
	}
	mounts := mount.NewRegistry()
	if err := mounts.Register(mountScheme, &carMount{carFile}); err != nil {
		return nil, "", err
	}
	store, err := dagstore.NewDAGStore(dagstore.Config{
		TransientsDir: filepath.Join(dir, "transients"),
		IndexRepo:     repo,
		Datastore:     state,
		MountRegistry: mounts,
	})
	return store, repoDir, err
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
