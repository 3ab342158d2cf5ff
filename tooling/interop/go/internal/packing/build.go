package packing

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"
)

// Builder collects the DAG of one input. Not for concurrent use.
type Builder struct {
	profile Profile
	sink    *sink
}

// NewBuilder starts an empty DAG.
func NewBuilder(p Profile) *Builder { return &Builder{profile: p, sink: newSink(false)} }

// NewKeepingBuilder starts an empty DAG whose blocks can be loaded.
func NewKeepingBuilder(p Profile) *Builder { return &Builder{profile: p, sink: newSink(true)} }

// Load gives back a block that a keeping builder made; identity CIDs carry theirs.
func (b *Builder) Load(c cid.Cid) ([]byte, error) {
	if decoded, err := mh.Decode(c.Hash()); err != nil || decoded.Code == mh.IDENTITY {
		return decoded.Digest, err
	}
	node, err := b.sink.Get(context.Background(), c)
	if err != nil {
		return nil, err
	}
	return node.RawData(), nil
}

// Blocks is the number of distinct blocks that a store would hold; identity CIDs are not counted.
func (b *Builder) Blocks() int { return len(b.sink.seen) }

// BlockBytes is the summed size of these blocks.
func (b *Builder) BlockBytes() uint64 { return b.sink.bytes }

// File packs one file in the balanced layout.
func (b *Builder) File(r io.Reader) (ipld.Node, error) {
	params := helpers.DagBuilderParams{
		Maxlinks:   b.profile.Links,
		RawLeaves:  b.profile.RawLeaves,
		CidBuilder: b.profile.Builder,
		Dagserv:    b.sink,
	}
	helper, err := params.New(chunker.NewSizeSplitter(r, b.profile.ChunkSize))
	if err != nil {
		return nil, err
	}
	return balanced.Layout(helper)
}

// Entry is a named child of a directory.
type Entry struct {
	Name string
	Node ipld.Node
}

// Directory packs a directory, and tells whether it was sharded.
func (b *Builder) Directory(entries []Entry) (ipld.Node, bool, error) {
	dir, err := b.newDirectory()
	if err != nil {
		return nil, false, err
	}
	ctx := context.Background()
	for _, e := range entries {
		if err := dir.AddChild(ctx, e.Name, e.Node); err != nil {
			return nil, false, err
		}
	}
	node, err := dir.GetNode()
	if err != nil {
		return nil, false, err
	}
	dynamic, ok := dir.(*uio.DynamicDirectory)
	sharded := false
	if ok {
		_, sharded = dynamic.Directory.(*uio.HAMTDirectory)
	}
	return node, sharded, b.sink.Add(ctx, node)
}

func (b *Builder) newDirectory() (uio.Directory, error) {
	if b.profile.ShardSize == 0 {
		return uio.NewBasicDirectory(b.sink, uio.WithCidBuilder(b.profile.Builder))
	}
	dir, err := uio.NewDirectory(b.sink,
		uio.WithCidBuilder(b.profile.Builder),
		uio.WithMaxHAMTFanout(b.profile.ShardWidth),
		uio.WithSizeEstimationMode(b.profile.SizeEstimate))
	if err != nil {
		return nil, err
	}
	dir.SetHAMTShardingSize(b.profile.ShardSize)
	return dir, nil
}

// Path packs a file or a directory of regular files and directories.
func (b *Builder) Path(path string) (ipld.Node, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Mode().IsRegular():
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return b.File(f)
	case info.IsDir():
		children, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		var entries []Entry
		for _, child := range children {
			node, err := b.Path(filepath.Join(path, child.Name()))
			if err != nil {
				return nil, err
			}
			entries = append(entries, Entry{child.Name(), node})
		}
		node, _, err := b.Directory(entries)
		return node, err
	}
	return nil, fmt.Errorf("neither a regular file nor a directory; name=%s", info.Name())
}
