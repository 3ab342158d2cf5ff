// proposals writes, as Lotus's modules make them: addresses as text and bytes, signed proposals as bytes with their CIDs, and the names and
// numbers of the states of deals.
package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"

	"github.com/filecoin-project/go-address"
	cborutil "github.com/filecoin-project/go-cbor-util"
	"github.com/filecoin-project/go-fil-markets/retrievalmarket"
	"github.com/filecoin-project/go-fil-markets/storagemarket"
	"github.com/filecoin-project/go-state-types/abi"
	"github.com/filecoin-project/go-state-types/big"
	"github.com/filecoin-project/go-state-types/builtin/v9/market"
	"github.com/filecoin-project/go-state-types/crypto"
	"github.com/ipfs/go-cid"
)

type addressRow struct{ Text, Bytes string }

type proposalRow struct {
	Why, Bytes, Cid, PieceCid, Client, Provider, LabelText, LabelBytes string
	PieceSize                                                          uint64
	VerifiedDeal                                                       bool
	StartEpoch, EndEpoch, Price, ProviderCollateral, ClientCollateral  string
	SignatureType                                                      int
	SignatureData                                                      string
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func counted(length int) []byte {
	out := make([]byte, length)
	for i := range out {
		out[i] = byte(i*7 + length)
	}
	return out
}

func main() {
	address.CurrentNetwork = address.Mainnet
	addresses := []address.Address{
		must(address.NewIDAddress(0)), must(address.NewIDAddress(1000)), must(address.NewIDAddress(1<<63 - 1)),
		must(address.NewSecp256k1Address(counted(65))), must(address.NewActorAddress(counted(20))), must(address.NewBLSAddress(counted(48))),
		must(address.NewDelegatedAddress(10, counted(20))), must(address.NewDelegatedAddress(32, counted(54))), must(address.NewDelegatedAddress(1<<40, counted(1))),
	}
	rows := []addressRow{}
	for _, one := range addresses {
		rows = append(rows, addressRow{one.String(), hex.EncodeToString(one.Bytes())})
	}

	piece := must(cid.Decode("baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq"))
	text := must(market.NewLabelFromString("mAXASIHall"))
	raw := must(market.NewLabelFromBytes([]byte{0xff, 0, 0x80}))
	none := must(market.NewLabelFromString(""))
	plain := market.DealProposal{
		PieceCID: piece, PieceSize: 2048, VerifiedDeal: true, Client: addresses[1], Provider: addresses[0], Label: text,
		StartEpoch: 100, EndEpoch: 2000, StoragePricePerEpoch: big.NewInt(1000), ProviderCollateral: big.Zero(), ClientCollateral: big.Zero(),
	}
	large := market.DealProposal{
		PieceCID: piece, PieceSize: 1 << 36, VerifiedDeal: false, Client: addresses[5], Provider: addresses[2], Label: raw,
		StartEpoch: 1 << 40, EndEpoch: 1<<63 - 1, StoragePricePerEpoch: must(big.FromString("340282366920938463463374607431768211455")),
		ProviderCollateral: big.NewInt(255), ClientCollateral: big.NewInt(1 << 62),
	}
	delegated := plain
	delegated.Client, delegated.Label, delegated.StartEpoch = addresses[6], none, 0
	given := []struct {
		why      string
		proposal market.DealProposal
		sig      crypto.Signature
	}{
		{"unsigned", plain, crypto.Signature{}},
		{"secp256k1", plain, crypto.Signature{Type: crypto.SigTypeSecp256k1, Data: counted(65)}},
		{"BLS, label of bytes, large numbers", large, crypto.Signature{Type: crypto.SigTypeBLS, Data: counted(96)}},
		{"delegated, no label, epoch 0", delegated, crypto.Signature{Type: crypto.SigTypeDelegated, Data: counted(65)}},
	}
	proposals := []proposalRow{}
	for _, one := range given {
		signed := market.ClientDealProposal{Proposal: one.proposal, ClientSignature: one.sig}
		var out bytes.Buffer
		if err := signed.MarshalCBOR(&out); err != nil {
			panic(err)
		}
		p := one.proposal
		row := proposalRow{
			Why: one.why, Bytes: hex.EncodeToString(out.Bytes()), Cid: must(cborutil.AsIpld(&signed)).Cid().String(),
			PieceCid: p.PieceCID.String(), PieceSize: uint64(p.PieceSize), VerifiedDeal: p.VerifiedDeal, Client: p.Client.String(), Provider: p.Provider.String(),
			StartEpoch: abiText(p.StartEpoch), EndEpoch: abiText(p.EndEpoch), Price: p.StoragePricePerEpoch.String(),
			ProviderCollateral: p.ProviderCollateral.String(), ClientCollateral: p.ClientCollateral.String(),
			SignatureType: int(one.sig.Type), SignatureData: hex.EncodeToString(one.sig.Data),
		}
		if p.Label.IsString() {
			row.LabelText = must(p.Label.ToString())
		} else {
			row.LabelBytes = hex.EncodeToString(must(p.Label.ToBytes()))
		}
		proposals = append(proposals, row)
	}

	retrieval := map[string]int{}
	for state, name := range retrievalmarket.DealStatuses {
		retrieval[name] = int(state)
	}
	storage := map[string]int{}
	for state, name := range storagemarket.DealStates {
		storage[name] = int(state)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"Addresses": rows, "Proposals": proposals, "RetrievalStates": retrieval, "StorageStates": storage}); err != nil {
		panic(err)
	}
}

func abiText(epoch abi.ChainEpoch) string { return epoch.String() }
