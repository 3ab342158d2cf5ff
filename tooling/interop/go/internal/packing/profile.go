// Package packing builds UnixFS DAGs with boxo under the three profiles that our builder knows.
package packing

import (
	"fmt"

	"github.com/ipfs/boxo/ipld/merkledag"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-cidutil"
	mh "github.com/multiformats/go-multihash"
)

// Lotus's import parameters; inlineLimit is in bytes of the encoded node.
const (
	lotusChunk       = 1 << 20
	lotusLinks       = 1024
	lotusInlineLimit = 126
)

// Profile is a full set of parameters; equal profiles and inputs give equal roots.
type Profile struct {
	Name         string
	ChunkSize    int64
	Links        int
	RawLeaves    bool
	Builder      cid.Builder
	InlineLimit  int // bytes; 0: nothing is inlined
	ShardSize    int // bytes; 0: a directory is one basic node, however large
	ShardWidth   int
	SizeEstimate uio.SizeEstimationMode
}

// Profiles lists them by name.
var Profiles = []Profile{
	{
		Name:        "lotus-2021",
		ChunkSize:   lotusChunk,
		Links:       lotusLinks,
		RawLeaves:   true,
		InlineLimit: lotusInlineLimit,
		Builder:     lotusBuilder(),
	},
	fromBoxo("unixfs-v1-2025", uio.UnixFS_v1_2025),
	fromBoxo("unixfs-v0-2015", uio.UnixFS_v0_2015),
}

// lotusBuilder inlines nodes and leaves alike, up to and including the limit.
func lotusBuilder() cid.Builder {
	prefix, err := merkledag.PrefixForCidVersion(1)
	if err != nil {
		panic(err) // 1 is a known version
	}
	prefix.MhType = mh.BLAKE2B_MIN + 31 // blake2b-256
	return cidutil.InlineBuilder{Builder: prefix, Limit: lotusInlineLimit}
}

func fromBoxo(name string, p uio.UnixFSProfile) Profile {
	return Profile{
		Name:         name,
		ChunkSize:    p.ChunkSize,
		Links:        p.FileDAGWidth,
		RawLeaves:    p.RawLeaves,
		Builder:      p.CidBuilder(),
		ShardSize:    p.HAMTShardingSize,
		ShardWidth:   p.HAMTShardWidth,
		SizeEstimate: p.HAMTSizeEstimation,
	}
}

// ByName finds a profile.
func ByName(name string) (Profile, error) {
	for _, p := range Profiles {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("unknown profile; name=%s", name)
}
