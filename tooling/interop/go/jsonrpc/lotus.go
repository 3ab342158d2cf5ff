package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/filecoin-project/go-jsonrpc"
	"github.com/google/uuid"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"
)

// What follows is laid out as in Lotus: api/api_storage.go, api/api_common.go, api/proxy_gen.go; piecestore/types.go of go-fil-markets.

type apiVersion struct {
	Version    string
	APIVersion uint32
	BlockDelay uint64
}

type dagstoreShardInfo struct {
	Key   string
	State string
	Error string
}

type dagstoreShardResult struct {
	Key     string
	Success bool
	Error   string
}

type dagstoreInitializeAllParams struct {
	MaxConcurrency int
	IncludeSealed  bool
}

type dagstoreInitializeAllEvent struct {
	Key     string
	Event   string
	Success bool
	Error   string
	Total   int
	Current int
}

type dealInfo struct {
	DealID   uint64
	SectorID uint64
	Offset   uint64
	Length   uint64
}

type pieceInfo struct {
	PieceCID cid.Cid
	Deals    []dealInfo
}

type blockLocation struct {
	RelOffset uint64
	BlockSize uint64
}

type pieceBlockLocation struct {
	blockLocation
	PieceCID cid.Cid
}

type cidInfo struct {
	CID                 cid.Cid
	PieceBlockLocations []pieceBlockLocation
}

type dealProposal struct {
	PieceCID     cid.Cid
	PieceSize    uint64
	VerifiedDeal bool
	Client       string
	Provider     string
	Label        string
	StartEpoch   int64
	EndEpoch     int64

	StoragePricePerEpoch, ProviderCollateral, ClientCollateral string
}

type clientDealProposal struct {
	Proposal        dealProposal
	ClientSignature struct {
		Type byte
		Data []byte
	}
}

type dataRef struct {
	TransferType string
	Root         cid.Cid
	PieceCid     *cid.Cid
	PieceSize    uint64
	RawBlockSize uint64
}

type minerDeal struct {
	clientDealProposal
	ProposalCid           cid.Cid
	AddFundsCid           *cid.Cid
	PublishCid            *cid.Cid
	Miner                 peer.ID
	Client                peer.ID
	State                 uint64
	PiecePath             string
	MetadataPath          string
	SlashEpoch            int64
	FastRetrieval         bool
	Message               string
	FundsReserved         string
	Ref                   *dataRef
	AvailableForRetrieval bool
	DealID                uint64
	CreationTime          time.Time
	SectorNumber          uint64
	InboundCAR            string
}

type storageMinerMethods struct {
	AuthVerify  func(p0 context.Context, p1 string) ([]string, error)    `perm:"read"`
	AuthNew     func(p0 context.Context, p1 []string) ([]byte, error)    `perm:"admin"`
	LogList     func(p0 context.Context) ([]string, error)               `perm:"write"`
	LogSetLevel func(p0 context.Context, p1 string, p2 string) error     `perm:"write"`
	Version     func(p0 context.Context) (apiVersion, error)             `perm:"read"`
	Discover    func(p0 context.Context) (map[string]interface{}, error) `perm:"read"`
	Session     func(p0 context.Context) (uuid.UUID, error)              `perm:"read"`
	Shutdown    func(p0 context.Context) error                           `perm:"admin"`

	DagstoreListShards      func(p0 context.Context) ([]dagstoreShardInfo, error)                                               `perm:"read"`
	DagstoreInitializeShard func(p0 context.Context, p1 string) error                                                           `perm:"write"`
	DagstoreRecoverShard    func(p0 context.Context, p1 string) error                                                           `perm:"write"`
	DagstoreInitializeAll   func(p0 context.Context, p1 dagstoreInitializeAllParams) (<-chan dagstoreInitializeAllEvent, error) `perm:"write"`
	DagstoreGC              func(p0 context.Context) ([]dagstoreShardResult, error)                                             `perm:"admin"`
	DagstoreRegisterShard   func(p0 context.Context, p1 string) error                                                           `perm:"admin"`
	DagstoreLookupPieces    func(p0 context.Context, p1 cid.Cid) ([]dagstoreShardInfo, error)                                   `perm:"admin"`
	IndexerAnnounceAllDeals func(p0 context.Context) error                                                                      `perm:"admin"`

	PiecesListPieces   func(p0 context.Context) ([]cid.Cid, error)              `perm:"read"`
	PiecesListCidInfos func(p0 context.Context) ([]cid.Cid, error)              `perm:"read"`
	PiecesGetPieceInfo func(p0 context.Context, p1 cid.Cid) (*pieceInfo, error) `perm:"read"`
	PiecesGetCIDInfo   func(p0 context.Context, p1 cid.Cid) (*cidInfo, error)   `perm:"read"`

	MarketListIncompleteDeals func(p0 context.Context) ([]minerDeal, error)         `perm:"read"`
	MarketGetDealUpdates      func(p0 context.Context) (<-chan minerDeal, error)    `perm:"read"`
	MarketImportDealData      func(p0 context.Context, p1 cid.Cid, p2 string) error `perm:"write"`
	DealsImportData           func(p0 context.Context, p1 cid.Cid, p2 string) error `perm:"admin"`
}

type storageMiner struct{ Internal storageMinerMethods }

// plan says what the session is about. CIDs that are empty are left out.
type plan struct {
	// Register is the piece that is registered, Initialize a new shard, Recover an errored one.
	Register, Initialize, Recover string
	Payload, Piece, Proposal      string
	Path                          string
}

// said is what one call was answered.
type said struct {
	Result interface{} `json:"result,omitempty"`
	Error  string      `json:"error,omitempty"`
}

func answer(result interface{}, err error) said {
	if err != nil {
		return said{Error: err.Error()}
	}
	return said{Result: result}
}

func connect(ctx context.Context, url, token string) (*storageMiner, jsonrpc.ClientCloser, error) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	var res storageMiner
	closer, err := jsonrpc.NewMergeClient(ctx, url, "Filecoin", []interface{}{&res.Internal}, header)
	return &res, closer, err
}

// session calls what a storage provider's tools call, in an order that makes sense.
func session(url, token string, p plan) (map[string]said, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	miner, closer, err := connect(ctx, url, token)
	if err != nil {
		return nil, err
	}
	defer closer()
	c := &miner.Internal
	told := map[string]said{}
	tell := func(name string, result interface{}, err error) { told[name] = answer(result, err) }
	parsed := func(text string) cid.Cid {
		id, err := cid.Parse(text)
		if err != nil {
			panic(err)
		}
		return id
	}

	version, err := c.Version(ctx)
	tell("Version", version, err)
	made, err := c.AuthNew(ctx, []string{"read", "write"})
	tell("AuthNew", len(made) > 0, err)
	allowed, err := c.AuthVerify(ctx, string(made))
	tell("AuthVerify", allowed, err)
	_, err = c.AuthVerify(ctx, string(made)+"x")
	tell("AuthVerify of a bad one", nil, err)
	first, err := c.Session(ctx)
	tell("Session", first.String(), err)
	second, err := c.Session(ctx)
	tell("Session again", first == second, err)
	document, err := c.Discover(ctx)
	tell("Discover", document["openrpc"], err)
	systems, err := c.LogList(ctx)
	tell("LogList", systems, err)
	tell("LogSetLevel", nil, c.LogSetLevel(ctx, "*", "debug"))
	tell("LogSetLevel of none", nil, c.LogSetLevel(ctx, "no such system", "debug"))
	tell("LogSetLevel to none", nil, c.LogSetLevel(ctx, "*", "loud"))

	shards, err := c.DagstoreListShards(ctx)
	tell("DagstoreListShards", shards, err)
	tell("DagstoreRegisterShard", nil, c.DagstoreRegisterShard(ctx, p.Register))
	tell("DagstoreRegisterShard again", nil, c.DagstoreRegisterShard(ctx, p.Register))
	tell("DagstoreRegisterShard of no CID", nil, c.DagstoreRegisterShard(ctx, "no CID"))
	tell("DagstoreInitializeShard", nil, c.DagstoreInitializeShard(ctx, p.Initialize))
	tell("DagstoreInitializeShard again", nil, c.DagstoreInitializeShard(ctx, p.Initialize))
	tell("DagstoreInitializeShard of none", nil, c.DagstoreInitializeShard(ctx, "none"))
	tell("DagstoreRecoverShard", nil, c.DagstoreRecoverShard(ctx, p.Recover))
	tell("DagstoreRecoverShard again", nil, c.DagstoreRecoverShard(ctx, p.Recover))
	tell("DagstoreRecoverShard of none", nil, c.DagstoreRecoverShard(ctx, "none"))
	shards, err = c.DagstoreLookupPieces(ctx, parsed(p.Payload))
	tell("DagstoreLookupPieces", shards, err)
	collected, err := c.DagstoreGC(ctx)
	tell("DagstoreGC", collected, err)
	tell("IndexerAnnounceAllDeals", nil, c.IndexerAnnounceAllDeals(ctx))

	ids, err := c.PiecesListPieces(ctx)
	tell("PiecesListPieces", ids, err)
	ids, err = c.PiecesListCidInfos(ctx)
	tell("PiecesListCidInfos", ids, err)
	piece, err := c.PiecesGetPieceInfo(ctx, parsed(p.Piece))
	tell("PiecesGetPieceInfo", piece, err)
	_, err = c.PiecesGetPieceInfo(ctx, parsed(p.Payload))
	tell("PiecesGetPieceInfo of none", nil, err)
	payload, err := c.PiecesGetCIDInfo(ctx, parsed(p.Payload))
	tell("PiecesGetCIDInfo", payload, err)
	_, err = c.PiecesGetCIDInfo(ctx, parsed(p.Proposal))
	tell("PiecesGetCIDInfo of none", nil, err)
	deals, err := c.MarketListIncompleteDeals(ctx)
	tell("MarketListIncompleteDeals", deals, err)
	tell("MarketImportDealData", nil, c.MarketImportDealData(ctx, parsed(p.Proposal), p.Path))
	tell("DealsImportData", nil, c.DealsImportData(ctx, parsed(p.Proposal), p.Path))
	tell("DealsImportData of none", nil, c.DealsImportData(ctx, parsed(p.Payload), p.Path))

	if strings.HasPrefix(url, "ws") {
		if err := streams(ctx, c, tell); err != nil {
			return nil, err
		}
	} else {
		_, err = c.DagstoreInitializeAll(ctx, dagstoreInitializeAllParams{})
		tell("DagstoreInitializeAll", nil, err)
	}
	tell("Shutdown", nil, c.Shutdown(ctx))
	return told, nil
}

// streams reads one to its end, leaves one, and waits for news of deals.
func streams(ctx context.Context, c *storageMinerMethods, tell func(string, interface{}, error)) error {
	events, err := c.DagstoreInitializeAll(ctx, dagstoreInitializeAllParams{MaxConcurrency: 2})
	if err != nil {
		return err
	}
	all := []dagstoreInitializeAllEvent{}
	for event := range events {
		all = append(all, event)
	}
	tell("DagstoreInitializeAll", all, nil)

	left, leave := context.WithCancel(ctx)
	defer leave()
	if events, err = c.DagstoreInitializeAll(left, dagstoreInitializeAllParams{IncludeSealed: true}); err != nil {
		return err
	}
	one := <-events
	leave()
	for range events {
	}
	tell("DagstoreInitializeAll left", one.Event, nil)

	watched, done := context.WithCancel(ctx)
	defer done()
	updates, err := c.MarketGetDealUpdates(watched)
	if err != nil {
		return err
	}
	update, ok := <-updates
	if !ok {
		return fmt.Errorf("no news of deals")
	}
	tell("MarketGetDealUpdates", update, nil)
	done()
	for range updates {
	}
	return nil
}

// refusals calls every method with nothing, and gives the permission of each and what it was answered.
func refusals(url, token string) (map[string]map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	miner, closer, err := connect(ctx, url, token)
	if err != nil {
		return nil, err
	}
	defer closer()
	told := map[string]map[string]string{}
	methods := reflect.ValueOf(miner.Internal)
	for at := 0; at < methods.NumField(); at++ {
		field := methods.Type().Field(at)
		isStream := field.Type.Out(0).Kind() == reflect.Chan
		if field.Tag.Get("perm") == "read" || (isStream && !strings.HasPrefix(url, "ws")) {
			continue
		}
		args := []reflect.Value{reflect.ValueOf(ctx)}
		for in := 1; in < field.Type.NumIn(); in++ {
			args = append(args, reflect.Zero(field.Type.In(in)))
		}
		out := methods.Field(at).Call(args)
		text := ""
		if err, ok := out[len(out)-1].Interface().(error); ok {
			text = err.Error()
		}
		told[field.Name] = map[string]string{"perm": field.Tag.Get("perm"), "error": text}
	}
	return told, nil
}

// lotus is a client as Lotus's own tools have one.
func lotus(args []string) (interface{}, error) {
	switch {
	case len(args) == 4 && args[0] == "session":
		var p plan
		if err := json.Unmarshal([]byte(args[3]), &p); err != nil {
			return nil, err
		}
		return session(args[1], args[2], p)
	case len(args) == 3 && args[0] == "refusals":
		return refusals(args[1], args[2])
	default:
		return nil, fmt.Errorf("usage: jsonrpc lotus session URL TOKEN PLAN | jsonrpc lotus refusals URL TOKEN")
	}
}
