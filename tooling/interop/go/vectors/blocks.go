package main

import (
	"fmt"

	"dagstore-interop/internal/stream"

	"github.com/ipfs/boxo/ipld/merkledag"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	mh "github.com/multiformats/go-multihash"
)

const blake2b256 = mh.BLAKE2B_MIN + 31

// raw hashes data under a CIDv1 with the raw codec.
func raw(hash uint64, data []byte) blocks.Block {
	sum, err := mh.Sum(data, hash, -1)
	if err != nil {
		panic(err)
	}
	b, err := blocks.NewBlockWithCid(data, cid.NewCidV1(cid.Raw, sum))
	if err != nil {
		panic(err)
	}
	return b
}

// linking is a dag-pb node over the given blocks, under CIDv0 or CIDv1.
func linking(version int, children ...blocks.Block) blocks.Block {
	prefix, err := merkledag.PrefixForCidVersion(version)
	if err != nil {
		panic(err)
	}
	node := &merkledag.ProtoNode{}
	if err := node.SetCidBuilder(prefix); err != nil {
		panic(err)
	}
	for i, child := range children {
		leaf, err := merkledag.NewRawNodeWPrefix(child.RawData(), child.Cid().Prefix())
		if err != nil {
			panic(err)
		}
		if err := node.AddNodeLink(fmt.Sprintf("child-%d", i), leaf); err != nil {
			panic(err)
		}
	}
	return node
}

// basic is a handful of blocks of both CID versions and two hash functions; the first and the second link to the rest.
func basic() []blocks.Block {
	leaves := []blocks.Block{
		raw(mh.SHA2_256, stream.Bytes(1, 1)),
		raw(mh.SHA2_256, stream.Bytes(2, 1000)),
		raw(blake2b256, stream.Bytes(3, 127)),
		raw(blake2b256, stream.Bytes(4, 3000)),
	}
	return append([]blocks.Block{linking(0, leaves...), linking(1, leaves[1:3]...)}, leaves...)
}

// withIdentity mixes hashed blocks with identity CIDs, one of them with an empty digest and one with a digest
// as long as a sha2-256 one.
func withIdentity() []blocks.Block {
	return []blocks.Block{
		raw(mh.SHA2_256, stream.Bytes(20, 40)),
		raw(mh.IDENTITY, nil),
		raw(mh.IDENTITY, []byte("inline")),
		raw(blake2b256, stream.Bytes(21, 300)),
		raw(mh.IDENTITY, stream.Bytes(22, 32)),
		raw(mh.IDENTITY, stream.Bytes(23, 126)),
		raw(mh.SHA2_256, stream.Bytes(24, 41)),
	}
}

// many is enough blocks for every bucket of an index to need its order, over digests of three lengths and four functions.
func many() []blocks.Block {
	hashes := []uint64{mh.SHA2_256, blake2b256, mh.SHA2_512, mh.SHA1}
	var list []blocks.Block
	for i := uint64(0); i < 400; i++ {
		list = append(list, raw(hashes[i%4], stream.Bytes(1000+i, int64(8+i%50))))
	}
	return list
}

func cidsOf(list []blocks.Block) []cid.Cid {
	var out []cid.Cid
	for _, b := range list {
		out = append(out, b.Cid())
	}
	return out
}
