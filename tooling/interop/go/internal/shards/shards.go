// Package shards serves one local CAR file as the shard of a Go dagstore.
package shards

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/index"
	"github.com/filecoin-project/dagstore/mount"
	ds "github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
)

const (
	mountScheme = "interop"
	// IndexSuffix is how dagstore's file repo names the index of a shard.
	IndexSuffix = ".full.idx"
)

// CarMount serves one local file. The path is environment, as in Lotus's mount: the URL only names the scheme.
type CarMount struct{ Path string }

func (m *CarMount) Fetch(context.Context) (mount.Reader, error) { return os.Open(m.Path) }
func (m *CarMount) Serialize() *url.URL                         { return &url.URL{Host: "car"} }
func (m *CarMount) Deserialize(*url.URL) error                  { return nil }
func (m *CarMount) Close() error                                { return nil }

func (m *CarMount) Info() mount.Info {
	return mount.Info{Kind: mount.KindLocal, AccessSequential: true, AccessSeek: true, AccessRandom: true}
}

func (m *CarMount) Stat(context.Context) (mount.Stat, error) {
	info, err := os.Stat(m.Path)
	if err != nil {
		return mount.Stat{}, err
	}
	return mount.Stat{Exists: true, Size: info.Size(), Ready: true}, nil
}

// New makes a store that is not started yet, and the folder of its indices; prepare writes what its datastore holds
// before the start.
func New(dir, carFile string, prepare func(ds.Batching) error) (*dagstore.DAGStore, string, error) {
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
	if err := mounts.Register(mountScheme, &CarMount{carFile}); err != nil {
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

// Restarted makes a store, not started yet, over a record and an index file as they would lie on disk, so that
// nothing is indexed anew; the path is that of the index in the store.
func Restarted(dir, carFile, indexFile, key string) (*dagstore.DAGStore, string, error) {
	store, repoDir, err := New(dir, carFile, func(state ds.Batching) error {
		record, err := json.Marshal(dagstore.PersistedShard{
			Key: key, URL: mountScheme + "://car", State: dagstore.ShardStateAvailable,
		})
		if err != nil {
			return err
		}
		return state.Put(context.Background(), dagstore.StoreNamespace.ChildString(key), record)
	})
	if err != nil {
		return nil, "", err
	}
	placed := filepath.Join(repoDir, key+IndexSuffix)
	return store, placed, copyFile(placed, indexFile)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
