// Command markets writes what Lotus keeps of its deals, with the modules that Lotus keeps it with: metadata databases of every
// version, and the answers of its methods. It also writes answers of boostd-data, whose types are repeated here.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/filecoin-project/go-address"
	cborutil "github.com/filecoin-project/go-cbor-util"
	versioning "github.com/filecoin-project/go-ds-versioning/pkg"
	versioned "github.com/filecoin-project/go-ds-versioning/pkg/statestore"
	"github.com/filecoin-project/go-fil-markets/filestore"
	"github.com/filecoin-project/go-fil-markets/piecestore"
	piecestoreimpl "github.com/filecoin-project/go-fil-markets/piecestore/impl"
	piecemigrations "github.com/filecoin-project/go-fil-markets/piecestore/migrations"
	"github.com/filecoin-project/go-fil-markets/storagemarket"
	dealmigrations "github.com/filecoin-project/go-fil-markets/storagemarket/migrations"
	"github.com/filecoin-project/go-state-types/abi"
	"github.com/filecoin-project/go-state-types/big"
	"github.com/filecoin-project/go-state-types/builtin/v9/market"
	"github.com/filecoin-project/go-state-types/crypto"
	marketold "github.com/filecoin-project/specs-actors/actors/builtin/market"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/namespace"
	levelds "github.com/ipfs/go-ds-leveldb"
	"github.com/libp2p/go-libp2p/core/peer"
	mh "github.com/multiformats/go-multihash"
	ldbopts "github.com/syndtr/goleveldb/leveldb/opt"
	cbg "github.com/whyrusleeping/cbor-gen"
)

const minerID = 1000

// deal is one row of the fixture; sector < 0: the piece store has nothing of it.
type deal struct {
	id     uint64
	piece  int
	sector int64
	offset uint64
	length uint64
	state  storagemarket.StorageDealStatus
}

var deals = []deal{
	{id: 101, piece: 1, sector: 7, offset: 0, length: 2048, state: storagemarket.StorageDealActive},
	{id: 102, piece: 2, sector: 7, offset: 2048, length: 1024, state: storagemarket.StorageDealSealing},
	{id: 103, piece: 1, sector: 9, offset: 4096, length: 2048, state: storagemarket.StorageDealExpired},
	{id: 104, piece: 3, sector: 1 << 40, offset: 32 << 30, length: 16 << 30, state: storagemarket.StorageDealFinalizing},
	{id: 1<<63 + 5, piece: 4, sector: 1<<62 + 1, offset: 0, length: 64 << 30, state: storagemarket.StorageDealAwaitingPreCommit},
	{id: 106, piece: 5, sector: -1, length: 512, state: storagemarket.StorageDealStaged},
	{id: 0, piece: 6, sector: -1, length: 256, state: storagemarket.StorageDealTransferring},
	{id: 0, piece: 6, sector: -1, length: 256, state: storagemarket.StorageDealError},
	{id: 109, piece: 2, sector: -1, length: 1024, state: storagemarket.StorageDealPublishing},
}

// unknown is in the piece store without a deal of the provider.
var unknown = deal{id: 110, piece: 7, sector: 11, offset: 128, length: 128}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func seeded(what string, n int) []byte {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("dagstore-vector "+what), uint64(n)))
	return sum[:]
}

func hashed(what string, n int, code uint64, codec uint64) cid.Cid {
	digest := seeded(what, n)
	if code == 0x1012 {
		digest[31] &= 0x3f
	}
	hash, err := mh.Encode(digest, code)
	must(err)
	return cid.NewCidV1(codec, hash)
}

func pieceCid(n int) cid.Cid   { return hashed("piece", n, 0x1012, cid.FilCommitmentUnsealed) }
func payloadCid(n int) cid.Cid { return hashed("payload", n, mh.SHA2_256, cid.DagProtobuf) }

func id(n uint64) address.Address {
	addr, err := address.NewIDAddress(n)
	must(err)
	return addr
}

func client() address.Address {
	addr, err := address.NewSecp256k1Address(seeded("client", 0))
	must(err)
	return addr
}

func minerDeal(at int, d deal) *storagemarket.MinerDeal {
	label, err := market.NewLabelFromString(payloadCid(d.piece).String())
	must(err)
	if at%2 == 1 {
		label, err = market.NewLabelFromBytes([]byte{0xff, 0xfe, byte(at)})
		must(err)
	}
	root := payloadCid(d.piece)
	piece := pieceCid(d.piece)
	publish := hashed("publish", at, mh.BLAKE2B_MIN+31, cid.DagCBOR)
	full := &storagemarket.MinerDeal{
		ClientDealProposal: market.ClientDealProposal{
			Proposal: market.DealProposal{
				PieceCID: piece, PieceSize: abi.PaddedPieceSize(d.length), VerifiedDeal: at%2 == 0, Client: client(), Provider: id(minerID), Label: label,
				StartEpoch: 100000, EndEpoch: 1700000, StoragePricePerEpoch: big.NewInt(int64(at) * 1000), ProviderCollateral: big.Zero(), ClientCollateral: big.NewInt(5),
			},
			ClientSignature: crypto.Signature{Type: crypto.SigTypeSecp256k1, Data: seeded("signature", at)},
		},
		ProposalCid: hashed("proposal", at, mh.BLAKE2B_MIN+31, cid.DagCBOR), Miner: peer.ID("miner peer"), Client: peer.ID("client peer"), State: d.state,
		PiecePath: filestore.Path(""), MetadataPath: filestore.Path(""), FastRetrieval: true, Message: "", FundsReserved: big.Zero(),
		Ref:    &storagemarket.DataRef{TransferType: storagemarket.TTGraphsync, Root: root, PieceCid: &piece, PieceSize: abi.PaddedPieceSize(d.length).Unpadded(), RawBlockSize: d.length / 2},
		DealID: abi.DealID(d.id), CreationTime: cbg.CborTime(time.Unix(1629383746, 123456789).UTC()), InboundCAR: "/deal-staging/fstmp1",
	}
	if d.id != 0 {
		full.PublishCid = &publish
	}
	if d.sector >= 0 {
		full.SectorNumber = abi.SectorNumber(d.sector)
	}
	return full
}

func oldProposal(at int, d deal) marketold.ClientDealProposal {
	now := minerDeal(at, d)
	label := payloadCid(d.piece).String()
	if at%2 == 1 {
		label = string([]byte{0xff, 0xfe, byte(at)})
	}
	return marketold.ClientDealProposal{
		Proposal: marketold.DealProposal{
			PieceCID: now.Proposal.PieceCID, PieceSize: now.Proposal.PieceSize, VerifiedDeal: now.Proposal.VerifiedDeal, Client: now.Proposal.Client, Provider: now.Proposal.Provider, Label: label,
			StartEpoch: now.Proposal.StartEpoch, EndEpoch: now.Proposal.EndEpoch, StoragePricePerEpoch: now.Proposal.StoragePricePerEpoch,
			ProviderCollateral: now.Proposal.ProviderCollateral, ClientCollateral: now.Proposal.ClientCollateral,
		},
		ClientSignature: now.ClientSignature,
	}
}

func dump(value interface{}) []byte {
	bytes, err := cborutil.Dump(value)
	must(err)
	return bytes
}

// open is how Lotus opens its metadata: node/repo/fsrepo_ds.go.
func open(folder string) *levelds.Datastore {
	must(os.RemoveAll(folder))
	ds, err := levelds.NewDatastore(folder, &levelds.Options{Compression: ldbopts.NoCompression, Strict: ldbopts.StrictAll})
	must(err)
	return ds
}

func common(ctx context.Context, ds datastore.Batching) {
	must(ds.Put(ctx, datastore.NewKey("miner-address"), id(minerID).Bytes()))
	must(ds.Put(ctx, datastore.NewKey("/deals/local/whatever"), []byte("no deal of the provider")))
	must(ds.Put(ctx, datastore.NewKey("/datatransfer/provider/transfers/2/x"), []byte("nor this")))
}

// shut closes the database and removes what changes with every run.
func shut(ds *levelds.Datastore, folder string) {
	must(ds.Close())
	for _, name := range []string{"LOG", "LOG.old", "LOCK", "CURRENT.bak"} {
		must(os.RemoveAll(filepath.Join(folder, name)))
	}
}

func current(ctx context.Context, folder string) piecestore.PieceStore {
	ds := open(folder)
	common(ctx, ds)
	ps, err := piecestoreimpl.NewPieceStore(namespace.Wrap(ds, datastore.NewKey("/storagemarket")))
	must(err)
	ready := make(chan error, 1)
	ps.OnReady(func(err error) { ready <- err })
	must(ps.Start(ctx))
	must(<-ready)
	migrations, err := dealmigrations.ProviderMigrations.Build()
	must(err)
	providerDs := namespace.Wrap(ds, datastore.NewKey("/deals/provider"))
	must(providerDs.Put(ctx, datastore.NewKey("/storage-ask/versions/current"), []byte("1")))
	must(providerDs.Put(ctx, datastore.NewKey("/storage-ask/1/latest"), []byte("an ask")))
	states, migrate := versioned.NewVersionedStateStore(providerDs, migrations, versioning.VersionKey("2"))
	must(migrate(ctx))
	for at, d := range append(append([]deal{}, deals...), unknown) {
		if d.sector >= 0 {
			info := piecestore.DealInfo{DealID: abi.DealID(d.id), SectorID: abi.SectorNumber(d.sector), Offset: abi.PaddedPieceSize(d.offset), Length: abi.PaddedPieceSize(d.length)}
			must(ps.AddPieceBlockLocations(pieceCid(d.piece), map[cid.Cid]piecestore.BlockLocation{payloadCid(d.piece): {}}))
			must(ps.AddDealForPiece(pieceCid(d.piece), payloadCid(d.piece), info))
		}
		if at < len(deals) {
			full := minerDeal(at, d)
			must(states.Begin(full.ProposalCid, full))
		}
	}
	answers(ps, filepath.Join(filepath.Dir(folder), "lotus-answers.json"))
	shut(ds, folder)
	return ps
}

// tuples is what Lotus before 0.10 or 1.2 left, never started since.
func tuples(ctx context.Context, folder string) {
	ds := open(folder)
	common(ctx, ds)
	infos := map[int]*piecemigrations.PieceInfo0{}
	for at, d := range deals {
		old := oldProposal(at, d)
		now := minerDeal(at, d)
		if d.sector >= 0 {
			if infos[d.piece] == nil {
				infos[d.piece] = &piecemigrations.PieceInfo0{PieceCID: pieceCid(d.piece)}
			}
			infos[d.piece].Deals = append(infos[d.piece].Deals, piecemigrations.DealInfo0{DealID: abi.DealID(d.id), SectorID: abi.SectorNumber(d.sector), Offset: abi.PaddedPieceSize(d.offset), Length: abi.PaddedPieceSize(d.length)})
		}
		bytes := dump(&dealmigrations.MinerDeal0{ClientDealProposal: old, ProposalCid: now.ProposalCid, PublishCid: now.PublishCid, Miner: now.Miner, Client: now.Client, State: now.State,
			FundsReserved: now.FundsReserved, Ref: &dealmigrations.DataRef0{TransferType: "graphsync", Root: now.Ref.Root}, DealID: now.DealID, CreationTime: now.CreationTime})
		must(ds.Put(ctx, datastore.NewKey("/deals/provider").ChildString(now.ProposalCid.String()), bytes))
	}
	for piece := range 10 {
		info, ok := infos[piece]
		if !ok {
			continue
		}
		must(ds.Put(ctx, datastore.NewKey("/storagemarket/pieces").ChildString(pieceCid(piece).String()), dump(info)))
		location := piecemigrations.CIDInfo0{CID: payloadCid(piece), PieceBlockLocations: []piecemigrations.PieceBlockLocation0{{PieceCID: pieceCid(piece)}}}
		must(ds.Put(ctx, datastore.NewKey("/storagemarket/cid-infos").ChildString(payloadCid(piece).String()), dump(&location)))
	}
	must(ds.Put(ctx, datastore.NewKey("/deals/provider/latest-ask"), []byte("an ask")))
	shut(ds, folder)
}

// labels is version 1 of the deals: maps, with labels that need not be text.
func labels(ctx context.Context, folder string) {
	ds := open(folder)
	common(ctx, ds)
	must(ds.Put(ctx, datastore.NewKey("/deals/provider/versions/current"), []byte("1")))
	must(ds.Put(ctx, datastore.NewKey("/storagemarket/pieces/versions/current"), []byte("1")))
	for at, d := range deals {
		now := minerDeal(at, d)
		bytes := dump(&dealmigrations.MinerDeal1{ClientDealProposal: oldProposal(at, d), ProposalCid: now.ProposalCid, PublishCid: now.PublishCid, Miner: now.Miner, Client: now.Client, State: now.State,
			FundsReserved: now.FundsReserved, Ref: now.Ref, DealID: now.DealID, CreationTime: now.CreationTime, SectorNumber: now.SectorNumber, InboundCAR: now.InboundCAR})
		must(ds.Put(ctx, datastore.NewKey("/deals/provider/1").ChildString(now.ProposalCid.String()), bytes))
	}
	shut(ds, folder)
}

func write(path string, value interface{}) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	must(encoder.Encode(value))
	must(os.WriteFile(path, out.Bytes(), 0o644))
}

// sectorInfo is storiface.SectorStorageInfo of Lotus 1.27.
type sectorInfo struct {
	ID                                             string
	URLs, BaseURLs                                 []string
	Weight                                         uint64
	CanSeal, CanStore, Primary                     bool
	AllowTypes, DenyTypes, AllowMiners, DenyMiners []string
}

// answers are the results of Lotus's methods, as encoding/json writes them.
func answers(ps piecestore.PieceStore, path string) {
	keys, err := ps.ListPieceInfoKeys()
	must(err)
	infos := map[string]piecestore.PieceInfo{}
	for _, key := range keys {
		infos[key.String()], err = ps.GetPieceInfo(key)
		must(err)
	}
	payloads, err := ps.ListCidInfoKeys()
	must(err)
	cids := map[string]piecestore.CIDInfo{}
	for _, key := range payloads {
		cids[key.String()], err = ps.GetCIDInfo(key)
		must(err)
	}
	local := []storagemarket.MinerDeal{}
	for at, d := range deals {
		local = append(local, *minerDeal(at, d))
	}
	_, absent := ps.GetPieceInfo(pieceCid(99))
	url := fmt.Sprintf("http://10.0.0.7:2345/remote/unsealed/s-t0%d-7", minerID)
	write(path, map[string]interface{}{
		"ActorAddress": id(minerID), "PiecesListPieces": keys, "PiecesGetPieceInfo": infos, "PiecesGetCIDInfo": cids, "MarketListIncompleteDeals": local,
		"absent": absent.Error(), "StorageFindSector": []sectorInfo{{ID: "76f1988b-ef30-4d7e-b3ec-9a627f4ba5a8", URLs: []string{url}, BaseURLs: []string{"http://10.0.0.7:2345/remote"}, Weight: 10, CanStore: true, Primary: true}},
	})
}

// dealInfo is model.DealInfo of boost extern/boostd-data.
type dealInfo struct {
	DealUuid     string              `json:"u"`
	IsLegacy     bool                `json:"y"`
	ChainDealID  abi.DealID          `json:"i"`
	MinerAddr    address.Address     `json:"m"`
	SectorID     abi.SectorNumber    `json:"s"`
	PieceOffset  abi.PaddedPieceSize `json:"o"`
	PieceLength  abi.PaddedPieceSize `json:"l"`
	CarLength    uint64              `json:"c"`
	IsDirectDeal bool                `json:"d"`
}

func boost(path string) {
	infos := map[string][]dealInfo{}
	pieces := []cid.Cid{}
	containing := map[string][]cid.Cid{}
	for at, d := range deals {
		if d.sector < 0 {
			continue
		}
		key := pieceCid(d.piece).String()
		if infos[key] == nil {
			pieces = append(pieces, pieceCid(d.piece))
		}
		hash, err := json.Marshal(payloadCid(d.piece).Hash())
		must(err)
		containing[string(hash)] = []cid.Cid{pieceCid(d.piece)}
		infos[key] = append(infos[key], dealInfo{DealUuid: fmt.Sprintf("6a7b8c9d-0000-4000-8000-%012d", at), IsLegacy: at%2 == 1, ChainDealID: abi.DealID(d.id), MinerAddr: id(minerID + uint64(at)),
			SectorID: abi.SectorNumber(d.sector), PieceOffset: abi.PaddedPieceSize(d.offset), PieceLength: abi.PaddedPieceSize(d.length), CarLength: d.length / 2 * uint64(at%2)})
	}
	write(path, map[string]interface{}{"ListPieces": pieces, "GetPieceDeals": infos, "PiecesContainingMultihash": containing})
}

func main() {
	out := flag.String("out", "../vectors-markets", "folder to write to")
	flag.Parse()
	ctx := context.Background()
	must(os.MkdirAll(*out, 0o755))
	current(ctx, filepath.Join(*out, "metadata"))
	tuples(ctx, filepath.Join(*out, "metadata-0"))
	labels(ctx, filepath.Join(*out, "metadata-1"))
	boost(filepath.Join(*out, "boostd-answers.json"))
	expected := []map[string]interface{}{}
	for at, d := range append(append([]deal{}, deals...), unknown) {
		row := map[string]interface{}{"piece": pieceCid(d.piece).String(), "payload": payloadCid(d.piece).String(), "id": fmt.Sprint(d.id), "length": fmt.Sprint(d.length), "proposal": hashed("proposal", at, mh.BLAKE2B_MIN+31, cid.DagCBOR).String()}
		if d.sector >= 0 {
			row["sector"], row["offset"] = fmt.Sprint(d.sector), fmt.Sprint(d.offset)
		}
		if at < len(deals) {
			row["state"] = storagemarket.DealStates[d.state]
		}
		expected = append(expected, row)
	}
	write(filepath.Join(*out, "expected.json"), expected)
}
