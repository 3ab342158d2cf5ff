package main

import (
	"bytes"
	"context"
	"fmt"

	"dagstore-interop/internal/stream"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	chunker "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/boxo/ipld/unixfs/hamt"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/boxo/ipld/unixfs/importer/trickle"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	format "github.com/ipfs/go-ipld-format"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"
	mh "github.com/multiformats/go-multihash"
)

// dags puts DAGs into one CAR, each block once, in the order in which they are made.
type dags struct {
	service format.DAGService
	car     storage.WritableCar
	body    bytes.Buffer
	asked   []request
	sent    map[cid.Cid]int
}

func (d *dags) Add(ctx context.Context, node format.Node) error {
	if _, known := d.sent[node.Cid()]; known {
		return nil
	}
	d.sent[node.Cid()] = len(d.sent)
	if err := d.car.Put(ctx, node.Cid().KeyString(), node.RawData()); err != nil {
		return err
	}
	return d.service.Add(ctx, node)
}

func (d *dags) AddMany(ctx context.Context, nodes []format.Node) error {
	for _, node := range nodes {
		if err := d.Add(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

func (d *dags) Get(ctx context.Context, c cid.Cid) (format.Node, error) { return d.service.Get(ctx, c) }
func (d *dags) GetMany(ctx context.Context, cs []cid.Cid) <-chan *format.NodeOption {
	return d.service.GetMany(ctx, cs)
}
func (d *dags) Remove(context.Context, cid.Cid) error       { return nil }
func (d *dags) RemoveMany(context.Context, []cid.Cid) error { return nil }

var prefix = cid.Prefix{Version: 1, Codec: cid.DagProtobuf, MhType: mh.SHA2_256, MhLength: -1}

// block adds a block of any codec.
func (d *dags) block(codec uint64, data []byte) (cid.Cid, error) {
	p := prefix
	p.Codec = codec
	c, err := p.Sum(data)
	if err != nil {
		return c, err
	}
	if _, known := d.sent[c]; known {
		return c, nil
	}
	if _, err := blocks.NewBlockWithCid(data, c); err != nil {
		return c, err
	}
	d.sent[c] = len(d.sent)
	return c, d.car.Put(context.Background(), c.KeyString(), data)
}

// file has chunks of 64 bytes and 4 links a node.
func (d *dags) file(seed uint64, size int64, rawLeaves, isTrickle bool, data []byte) (format.Node, error) {
	params := helpers.DagBuilderParams{Maxlinks: 4, RawLeaves: rawLeaves, CidBuilder: prefix, Dagserv: d}
	var splitter chunker.Splitter = chunker.NewSizeSplitter(stream.Reader(seed, size), 64)
	if data != nil {
		splitter = chunker.NewSizeSplitter(bytes.NewReader(data), 64)
	}
	helper, err := params.New(splitter)
	if err != nil {
		return nil, err
	}
	if isTrickle {
		return trickle.Layout(helper)
	}
	return balanced.Layout(helper)
}

func (d *dags) directory(names []string, nodes []format.Node) (format.Node, error) {
	dir := unixfs.EmptyDirNode()
	if err := dir.SetCidBuilder(prefix); err != nil {
		return nil, err
	}
	for i, name := range names {
		if err := dir.AddNodeLink(name, nodes[i]); err != nil {
			return nil, err
		}
	}
	return dir, d.Add(context.Background(), dir)
}

// sharded names its entries e0, odd entry number 1, e2, …; all of them are one of the few nodes given.
func (d *dags) sharded(fanout, entries int, nodes []format.Node) (format.Node, error) {
	ctx := context.Background()
	shard, err := hamt.NewShard(d, fanout)
	if err != nil {
		return nil, err
	}
	shard.SetCidBuilder(prefix)
	for i := range entries {
		name := fmt.Sprintf("e%d", i)
		if i%2 == 1 {
			name = fmt.Sprintf("odd entry number %d", i)
		}
		if err := shard.Set(ctx, name, nodes[i%len(nodes)]); err != nil {
			return nil, err
		}
	}
	node, err := shard.Node()
	if err != nil {
		return nil, err
	}
	return node, d.Add(ctx, node)
}

// ask for a path in all scopes, with and without duplicates.
func (d *dags) ask(root cid.Cid, path string, missing ...int) {
	for _, scope := range []string{"block", "entity", "all"} {
		for _, dups := range []bool{false, true} {
			d.asked = append(d.asked, request{Root: d.sent[root], Path: path, Scope: scope, Dups: dups, Missing: missing})
		}
	}
}

// askRanges of a file of this size: at its ends, at the borders of chunks, backwards, and outside.
func (d *dags) askRanges(root cid.Cid, path string, size int64) {
	numbers := []int64{0, 1, 63, 64, 65, size / 2, size - 65, size - 1, size, size + 100, -1, -64, -65, -size, -size - 1}
	for _, from := range numbers {
		d.askRange(root, path, from, nil)
		for _, to := range numbers {
			if (from < 0) == (to < 0) && from > to {
				continue
			}
			d.askRange(root, path, from, &to)
		}
	}
}

func (d *dags) askRange(root cid.Cid, path string, from int64, to *int64) {
	r := request{Root: d.sent[root], Path: path, Scope: "entity", From: &from, Dups: len(d.asked)%2 == 0}
	if to != nil {
		end := *to
		r.To = &end
	}
	d.asked = append(d.asked, r)
}

// makeDags gives a CAR of all DAGs and what is asked about them.
func makeDags() ([]byte, []request, error) {
	d := &dags{sent: map[cid.Cid]int{}}
	memory := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	d.service = merkledag.NewDAGService(blockservice.New(memory, offline.Exchange(memory)))
	none, err := identityOf(cid.Raw, nil)
	if err != nil {
		return nil, nil, err
	}
	if d.car, err = storage.NewWritable(&d.body, []cid.Cid{none}, car.WriteAsCarV1(true), car.UseWholeCIDs(true)); err != nil {
		return nil, nil, err
	}
	if err := d.fill(); err != nil {
		return nil, nil, err
	}
	return d.body.Bytes(), d.asked, nil
}
