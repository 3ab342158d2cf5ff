// Package payload writes the CARv1 that a storage deal is about: go-car's selective traversal of everything below
// one root.
package payload

import (
	"bytes"
	"context"
	"io"

	"github.com/ipfs/go-cid"
	car "github.com/ipld/go-car/v2"
	_ "github.com/ipld/go-codec-dagpb" // the traversal decodes by registered codec
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/linking"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
	selectorparse "github.com/ipld/go-ipld-prime/traversal/selector/parse"

	_ "github.com/ipld/go-ipld-prime/codec/raw"
)

// Write walks the DAG in go-car's order, each CID once, and returns the number of bytes written.
func Write(w io.Writer, root cid.Cid, load func(cid.Cid) ([]byte, error)) (uint64, error) {
	links := cidlink.DefaultLinkSystem()
	links.StorageReadOpener = func(_ linking.LinkContext, link datamodel.Link) (io.Reader, error) {
		data, err := load(link.(cidlink.Link).Cid)
		if err != nil {
			return nil, err
		}
		return bytes.NewReader(data), nil
	}
	return car.TraverseV1(context.Background(), &links, root, selectorparse.CommonSelector_ExploreAllRecursively, w)
}
