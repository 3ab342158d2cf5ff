package packing

import (
	"context"

	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"
)

// sink is a DAG service that counts blocks. Without keepLeaves it keeps only nodes that have links, which the
// sharded directories read back.
type sink struct {
	keepLeaves bool
	seen       map[cid.Cid]struct{}
	nodes      map[cid.Cid]ipld.Node
	bytes      uint64
}

func newSink(keepLeaves bool) *sink {
	return &sink{keepLeaves: keepLeaves, seen: map[cid.Cid]struct{}{}, nodes: map[cid.Cid]ipld.Node{}}
}

func (s *sink) Add(_ context.Context, n ipld.Node) error {
	if n.Cid().Prefix().MhType == mh.IDENTITY {
		return nil
	}
	if _, ok := s.seen[n.Cid()]; ok {
		return nil
	}
	s.seen[n.Cid()] = struct{}{}
	s.bytes += uint64(len(n.RawData()))
	if s.keepLeaves || len(n.Links()) > 0 {
		s.nodes[n.Cid()] = n
	}
	return nil
}

func (s *sink) AddMany(ctx context.Context, nodes []ipld.Node) error {
	for _, n := range nodes {
		if err := s.Add(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) Get(_ context.Context, c cid.Cid) (ipld.Node, error) {
	if n, ok := s.nodes[c]; ok {
		return n, nil
	}
	return nil, ipld.ErrNotFound{Cid: c}
}

func (s *sink) GetMany(ctx context.Context, cids []cid.Cid) <-chan *ipld.NodeOption {
	out := make(chan *ipld.NodeOption, len(cids))
	for _, c := range cids {
		n, err := s.Get(ctx, c)
		out <- &ipld.NodeOption{Node: n, Err: err}
	}
	close(out)
	return out
}

func (s *sink) Remove(_ context.Context, _ cid.Cid) error       { return nil }
func (s *sink) RemoveMany(_ context.Context, _ []cid.Cid) error { return nil }
