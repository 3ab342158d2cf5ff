package main

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange/offline"
	bsfetcher "github.com/ipfs/boxo/fetcher/impl/blockservice"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/boxo/path/resolver"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	format "github.com/ipfs/go-ipld-format"
	"github.com/ipfs/go-unixfsnode"
	unixfsdata "github.com/ipfs/go-unixfsnode/data"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"
	dagpb "github.com/ipld/go-codec-dagpb"
	"github.com/ipld/go-ipld-prime"
	_ "github.com/ipld/go-ipld-prime/codec/cbor"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor"
	_ "github.com/ipld/go-ipld-prime/codec/dagjson"
	_ "github.com/ipld/go-ipld-prime/codec/json"
	"github.com/ipld/go-ipld-prime/datamodel"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	"github.com/ipld/go-ipld-prime/traversal"
	"github.com/ipld/go-ipld-prime/traversal/selector"
	selectorparse "github.com/ipld/go-ipld-prime/traversal/selector/parse"
	mh "github.com/multiformats/go-multihash"
)

// request: Root is the number of a section; From and To are bytes of an entity, To is absent for the end; Missing are numbers of sections that the store has not got.
type request struct {
	Root    int    `json:"root"`
	Path    string `json:"path"`
	Scope   string `json:"scope"`
	From    *int64 `json:"from,omitempty"`
	To      *int64 `json:"to,omitempty"`
	Dups    bool   `json:"dups,omitempty"`
	Missing []int  `json:"missing,omitempty"`
}

// answer: Sent are the numbers of the sections, in the order sent; Failed says why the stream did not end well:
// "reversed" for a range that ends before it starts, "error" for anything else. Inside: the path ends inside a block, which
// is then sent twice with dups.
type answer struct {
	Sent   []int  `json:"sent"`
	Failed string `json:"failed,omitempty"`
	Inside bool   `json:"inside,omitempty"`
}

var errReversed = errors.New("range ends before it starts")

// reason is empty for the end of a file before the end of a range, which boxo takes for the end of the stream.
func reason(err error) string {
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return ""
	case errors.Is(err, errReversed):
		return "reversed"
	}
	return "error"
}

// carBlocks are the sections of a CAR in their order.
type carBlocks struct {
	sections []blocks.Block
	number   map[cid.Cid]int
}

func readBlocks(data []byte) (*carBlocks, error) {
	reader, err := car.NewBlockReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out := &carBlocks{number: map[cid.Cid]int{}}
	for {
		block, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out.number[block.Cid()] = len(out.sections)
		out.sections = append(out.sections, block)
	}
}

// sending hands every block that is asked for to the CAR of the response.
type sending struct {
	blockstore.Blockstore
	car storage.WritableCar
}

func (s sending) Get(ctx context.Context, c cid.Cid) (blocks.Block, error) {
	block, err := s.Blockstore.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	return block, s.car.Put(ctx, c.KeyString(), block.RawData())
}

// answer goes through the steps of boxo `gateway.BlocksBackend.GetCAR` with the modules that it uses.
func (b *carBlocks) answer(r request) (answer, error) {
	ctx := context.Background()
	store := blockstore.NewIdStore(blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore())))
	absent := map[cid.Cid]bool{}
	for _, n := range r.Missing {
		absent[b.sections[n].Cid()] = true
	}
	for _, block := range b.sections {
		if absent[block.Cid()] {
			continue
		}
		if err := store.Put(ctx, block); err != nil {
			return answer{}, err
		}
	}
	root := b.sections[r.Root].Cid()
	var body bytes.Buffer
	out, err := storage.NewWritable(&body, []cid.Cid{root}, car.WriteAsCarV1(true), car.AllowDuplicatePuts(r.Dups))
	if err != nil {
		return answer{}, err
	}
	inside, failure := send(ctx, sending{store, out}, root, r)
	sent, err := readBlocks(body.Bytes())
	if err != nil {
		return answer{}, err
	}
	a := answer{Sent: []int{}, Failed: reason(failure), Inside: inside}
	for _, block := range sent.sections {
		a.Sent = append(a.Sent, b.number[block.Cid()])
	}
	return a, nil
}

func send(ctx context.Context, store blockstore.Blockstore, root cid.Cid, r request) (bool, error) {
	service := blockservice.New(store, offline.Exchange(store))
	config := bsfetcher.NewFetcherConfig(service)
	config.PrototypeChooser = dagpb.AddSupportToChooser(bsfetcher.DefaultPrototypeChooser)
	p, err := path.Join(path.FromCid(root), r.Path)
	if err != nil {
		return false, err
	}
	immutable, err := path.NewImmutablePath(p)
	if err != nil {
		return false, err
	}
	last, remainder, err := resolver.NewBasicResolver(config.WithReifier(unixfsnode.Reify)).ResolveToLastNode(ctx, immutable)
	if err != nil {
		return false, err
	}
	links := cidlink.DefaultLinkSystem()
	unixfsnode.AddUnixFSReificationToLinkSystem(&links)
	links.StorageReadOpener = func(_ ipld.LinkContext, link ipld.Link) (io.Reader, error) {
		c := link.(cidlink.Link).Cid
		if !c.Defined() {
			return nil, format.ErrNotFound{Cid: c}
		}
		block, err := service.GetBlock(ctx, c)
		if err != nil {
			return nil, err
		}
		return bytes.NewReader(block.RawData()), nil
	}
	return len(remainder) > 0, sendScope(ctx, &links, last, remainder, r)
}

func sendScope(ctx context.Context, links *ipld.LinkSystem, last cid.Cid, remainder []string, r request) error {
	link, lctx := cidlink.Link{Cid: last}, ipld.LinkContext{Ctx: ctx}
	if r.Scope == "block" {
		_, err := links.LoadRaw(lctx, link)
		return err
	}
	prototype, err := dagpb.AddSupportToChooser(bsfetcher.DefaultPrototypeChooser)(link, lctx)
	if err != nil {
		return err
	}
	node, err := links.Load(lctx, link, prototype)
	if err != nil {
		return err
	}
	if r.Scope == "all" {
		everything, err := selector.ParseSelector(selectorparse.CommonSelector_ExploreAllRecursively)
		if err != nil {
			return err
		}
		walk := traversal.Progress{Cfg: &traversal.Config{
			Ctx:                            ctx,
			LinkSystem:                     *links,
			LinkTargetNodePrototypeChooser: bsfetcher.DefaultPrototypeChooser,
			LinkVisitOnlyOnce:              !r.Dups,
		}}
		return walk.WalkMatching(node, everything, func(traversal.Progress, datamodel.Node) error { return nil })
	}
	pb, ok := node.(dagpb.PBNode)
	if !ok || len(remainder) > 0 || !pb.FieldData().Exists() {
		return nil
	}
	unixfs, err := unixfsdata.DecodeUnixFSData(pb.Data.Must().Bytes())
	if err != nil {
		return nil
	}
	switch unixfs.FieldDataType().Int() {
	case unixfsdata.Data_HAMTShard:
		_, err := links.KnownReifiers["unixfs-preload"](lctx, node, links)
		return err
	case unixfsdata.Data_File:
		file, err := unixfsnode.Reify(lctx, node, links)
		if err != nil {
			return err
		}
		return readRange(file.(datamodel.LargeBytesNode), r)
	}
	return nil
}

// readRange reads what is asked for of a file: the link system sends the blocks.
func readRange(file datamodel.LargeBytesNode, r request) error {
	f, err := file.AsLargeBytes()
	if err != nil {
		return err
	}
	from, size := int64(0), int64(-1)
	if r.From != nil {
		from = *r.From
	}
	if from < 0 || (r.To != nil && *r.To < 0) {
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			return err
		}
	}
	if from < 0 {
		from = max(size+from, 0)
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	if r.To == nil {
		_, err = io.Copy(io.Discard, f)
		return err
	}
	to := *r.To
	if to < 0 {
		to += size
	}
	if to+1 < from {
		return errReversed
	}
	_, err = io.CopyN(io.Discard, f, to-from+1)
	return err
}

// identityOf is the CID that holds its block.
func identityOf(codec uint64, data []byte) (cid.Cid, error) {
	hash, err := mh.Sum(data, mh.IDENTITY, -1)
	return cid.NewCidV1(codec, hash), err
}
