// Command fetch is a client as Kubo has one: Bitswap's client on boxo's HTTP network, with one provider, which it is told.
//
//	fetch URL dag CID       fetches a DAG, block by block
//	fetch URL ask CID…      asks which blocks are there
//	fetch URL probe         connects only
//
// One line of JSON on standard output says what came of it. Certificates are not checked.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/client"
	bsmsg "github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/httpnet"
	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	format "github.com/ipfs/go-ipld-format"
	"github.com/libp2p/go-libp2p/core/peer"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/multiformats/go-multiaddr"
)

const (
	wholeRun  = 2 * time.Minute
	oneAnswer = 20 * time.Second
	// boxo's session forgets a batch of wants in about one run of a hundred, over any server, boxo's own too: it waits for
	// blocks that it has not asked for. Another session, with an empty store, then takes its place.
	noNewBlock = 10 * time.Second
	sessions   = 4
)

// result: Refused says why the client would not take this server; Blocks counts those that were fetched and are valid.
type result struct {
	Refused string   `json:"refused,omitempty"`
	Failed  string   `json:"failed,omitempty"`
	Blocks  int      `json:"blocks"`
	Bytes   int      `json:"bytes"`
	Haves   []string `json:"haves"`
	Lacks   []string `json:"lacks"`
}

func main() {
	out, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(out)
}

func run(args []string) (*result, error) {
	if len(args) < 2 {
		return nil, errors.New("want URL dag CID, URL ask CID… or URL probe")
	}
	ctx, cancel := context.WithTimeout(context.Background(), wholeRun)
	defer cancel()
	provider, err := providerAt(args[0])
	if err != nil {
		return nil, err
	}
	peers := mocknet.New()
	self, err := peers.GenPeer()
	if err != nil {
		return nil, err
	}
	other, err := peers.GenPeer()
	if err != nil {
		return nil, err
	}
	info := peer.AddrInfo{ID: other.ID(), Addrs: []multiaddr.Multiaddr{provider}}
	net := httpnet.New(self, httpnet.WithInsecureSkipVerify(true), httpnet.WithCooldownTracker(httpnet.NewCooldownTracker()))
	cids := make([]cid.Cid, len(args)-2)
	for i, text := range args[2:] {
		if cids[i], err = cid.Decode(text); err != nil {
			return nil, err
		}
	}
	switch {
	case args[1] == "probe":
		net.Start(&listener{answers: make(chan struct{}, 1)})
		defer net.Stop()
		return connected(ctx, net, info, func(*result) error { return nil })
	case args[1] == "ask":
		l := &listener{answers: make(chan struct{}, 1)}
		net.Start(l)
		defer net.Stop()
		return connected(ctx, net, info, func(r *result) error { return ask(ctx, net, info, l, cids, r) })
	case args[1] == "dag" && len(cids) == 1:
		return fetchDAG(ctx, net, info, cids[0])
	}
	return nil, fmt.Errorf("no such command: %s", args[1])
}

func providerAt(text string) (multiaddr.Multiaddr, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	return multiaddr.NewMultiaddr(fmt.Sprintf("/ip4/%s/tcp/%s/%s", u.Hostname(), u.Port(), u.Scheme))
}

func connected(ctx context.Context, net network.BitSwapNetwork, info peer.AddrInfo, then func(*result) error) (*result, error) {
	r := &result{Haves: []string{}, Lacks: []string{}}
	if err := net.Connect(ctx, info); err != nil {
		r.Refused = err.Error()
		return r, nil
	}
	if err := then(r); err != nil {
		r.Failed = err.Error()
	}
	return r, nil
}

func fetchDAG(ctx context.Context, net network.BitSwapNetwork, info peer.AddrInfo, root cid.Cid) (*result, error) {
	exchange := client.New(ctx, net, nil, inMemory())
	net.Start(exchange)
	defer net.Stop()
	defer exchange.Close()
	return connected(ctx, net, info, func(r *result) error {
		var err error
		for range sessions {
			if r.Blocks, r.Bytes, err = walk(ctx, blockservice.New(inMemory(), exchange), root); !errors.Is(err, errStalled) {
				return err
			}
		}
		return err
	})
}

func inMemory() blockstore.Blockstore {
	return blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
}

var errStalled = fmt.Errorf("no block in %s", noNewBlock)

// walk fetches a DAG in a session of its own; it ends with errStalled where no block comes any more.
func walk(ctx context.Context, service blockservice.BlockService, root cid.Cid) (blocks, bytes int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(noNewBlock, func() { cancel(errStalled) })
	defer stall.Stop()
	session := merkledag.NewSession(ctx, merkledag.NewDAGService(service))
	var lock sync.Mutex
	seen := cid.NewSet()
	links := func(ctx context.Context, c cid.Cid) ([]*format.Link, error) {
		node, err := session.Get(ctx, c)
		if err != nil {
			return nil, err
		}
		stall.Reset(noNewBlock)
		lock.Lock()
		defer lock.Unlock()
		blocks++
		bytes += len(node.RawData())
		return node.Links(), nil
	}
	if err = merkledag.Walk(ctx, links, root, seen.Visit, merkledag.Concurrent()); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return blocks, bytes, err
}

// listener collects what the answers to one message say.
type listener struct {
	lock    sync.Mutex
	haves   []cid.Cid
	lacks   []cid.Cid
	answers chan struct{}
}

func (l *listener) ReceiveMessage(_ context.Context, _ peer.ID, message bsmsg.BitSwapMessage) {
	l.lock.Lock()
	l.haves = append(l.haves, message.Haves()...)
	l.lacks = append(l.lacks, message.DontHaves()...)
	l.lock.Unlock()
	select {
	case l.answers <- struct{}{}:
	default:
	}
}

func (l *listener) ReceiveError(error)       {}
func (l *listener) PeerConnected(peer.ID)    {}
func (l *listener) PeerDisconnected(peer.ID) {}

func (l *listener) known() int {
	l.lock.Lock()
	defer l.lock.Unlock()
	return len(l.haves) + len(l.lacks)
}

func ask(ctx context.Context, net network.BitSwapNetwork, info peer.AddrInfo, l *listener, cids []cid.Cid, r *result) error {
	sender, err := net.NewMessageSender(ctx, info.ID, &network.MessageSenderOpts{MaxRetries: 1, SendTimeout: oneAnswer, SendErrorBackoff: time.Second})
	if err != nil {
		return err
	}
	message := bsmsg.New(true)
	for _, c := range cids {
		message.AddEntry(c, 0, pb.Message_Wantlist_Have, true)
	}
	if err := sender.SendMsg(ctx, message); err != nil {
		return err
	}
	for l.known() < len(cids) {
		select {
		case <-l.answers:
		case <-time.After(oneAnswer):
			return fmt.Errorf("%d answers of %d", l.known(), len(cids))
		}
	}
	for _, c := range l.haves {
		r.Haves = append(r.Haves, c.String())
	}
	for _, c := range l.lacks {
		r.Lacks = append(r.Lacks, c.String())
	}
	return nil
}
