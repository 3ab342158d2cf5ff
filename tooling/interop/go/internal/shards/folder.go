package shards

import (
	"context"
	"net/url"
	"os"
	"path/filepath"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/index"
	"github.com/filecoin-project/dagstore/mount"
	levelds "github.com/ipfs/go-ds-leveldb"
	ldbopts "github.com/syndtr/goleveldb/leveldb/opt"
)

// PieceMount serves FOLDER/<piece CID>.car as a miner serves pieces: in order only, under lotus://<piece CID>.
type PieceMount struct {
	Folder string
	Piece  string
}

func (m *PieceMount) path() string { return filepath.Join(m.Folder, m.Piece+".car") }

func (m *PieceMount) Fetch(context.Context) (mount.Reader, error) { return os.Open(m.path()) }
func (m *PieceMount) Serialize() *url.URL                         { return &url.URL{Host: m.Piece} }
func (m *PieceMount) Close() error                                { return nil }

func (m *PieceMount) Deserialize(u *url.URL) error {
	m.Piece = u.Host
	return nil
}

func (m *PieceMount) Info() mount.Info {
	return mount.Info{Kind: mount.KindRemote, AccessSequential: true}
}

func (m *PieceMount) Stat(context.Context) (mount.Stat, error) {
	info, err := os.Stat(m.path())
	if err != nil {
		return mount.Stat{}, err
	}
	return mount.Stat{Exists: true, Size: info.Size(), Ready: true}, nil
}

// Folder is a dagstore on disk, laid out and opened as Lotus does it (markets/dagstore/wrapper.go).
type Folder struct {
	Store  *dagstore.DAGStore
	Pieces string
	state  *levelds.Datastore
}

// OpenFolder opens the dagstore in dir, or makes one there; its pieces are the CAR files of another folder.
func OpenFolder(dir, pieces string) (*Folder, error) {
	for _, name := range []string{"datastore", "index"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return nil, err
		}
	}
	state, err := levelds.NewDatastore(filepath.Join(dir, "datastore"), &levelds.Options{Compression: ldbopts.NoCompression, Strict: ldbopts.StrictAll})
	if err != nil {
		return nil, err
	}
	repo, err := index.NewFSRepo(filepath.Join(dir, "index"))
	if err != nil {
		return nil, err
	}
	mounts := mount.NewRegistry()
	if err := mounts.Register("lotus", &PieceMount{Folder: pieces}); err != nil {
		return nil, err
	}
	store, err := dagstore.NewDAGStore(dagstore.Config{
		TransientsDir: filepath.Join(dir, "transients"),
		IndexRepo:     repo,
		Datastore:     state,
		MountRegistry: mounts,
	})
	if err != nil {
		return nil, err
	}
	return &Folder{store, pieces, state}, store.Start(context.Background())
}

// Close ends the store and gives the database free.
func (f *Folder) Close() error {
	if err := f.Store.Close(); err != nil {
		return err
	}
	return f.state.Close()
}
