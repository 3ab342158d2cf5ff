// Command lassie fetches with Lassie's HTTP retriever from one gateway, which it is told, and writes what Lassie has verified.
//
//	lassie [-scope block|entity|all] [-bytes FROM:TO] [-dups y|n] URL CID[/PATH]
//
// The CAR on standard output has the blocks as Lassie passed them on, one after another. Lassie asks for repeated blocks; with
// -dups n it is made to ask for each once. Its own command hands the same retriever a libp2p host for the other transports; its
// -duplicates closes the store that it still reads, and is of no use here.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/filecoin-project/lassie/pkg/retriever"
	"github.com/filecoin-project/lassie/pkg/session"
	"github.com/filecoin-project/lassie/pkg/types"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage/deferred"
	trustlessutils "github.com/ipld/go-trustless-utils"
	trustlesshttp "github.com/ipld/go-trustless-utils/http"
	"github.com/multiformats/go-multicodec"
)

func main() {
	scope := flag.String("scope", "all", "block, entity or all")
	entityBytes := flag.String("bytes", "", "FROM:TO of a file")
	dups := flag.String("dups", "y", "whether to ask for repeated blocks")
	flag.Parse()
	if err := run(*scope, *entityBytes, *dups == "y", flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "lassie:", err)
		os.Exit(1)
	}
}

func run(scope, entityBytes string, dups bool, args []string) error {
	if len(args) != 2 {
		return errors.New("want URL CID[/PATH]")
	}
	providers, err := types.ParseProviderStrings(args[0])
	if err != nil {
		return err
	}
	name, path, _ := strings.Cut(args[1], "/")
	root, err := cid.Decode(name)
	if err != nil {
		return err
	}
	dagScope, err := trustlessutils.ParseDagScope(scope)
	if err != nil {
		return err
	}
	var part *trustlessutils.ByteRange
	if entityBytes != "" {
		parsed, err := trustlessutils.ParseByteRange(entityBytes)
		if err != nil {
			return err
		}
		part = &parsed
	}
	// the type hides that standard output could be sought in
	out := struct{ io.Writer }{os.Stdout}
	written := deferred.NewDeferredCarWriterForStream(out, []cid.Cid{root}, car.AllowDuplicatePuts(true))
	defer written.Close()
	request, err := types.NewRequestForPath(&verified{car: written, blocks: map[string][]byte{}}, root, path, dagScope, part)
	if err != nil {
		return err
	}
	return retrieve(context.Background(), providers, dups, request)
}

func retrieve(ctx context.Context, providers []types.Provider, dups bool, request types.RetrievalRequest) error {
	of := session.NewSession(session.DefaultConfig(), true)
	client := &http.Client{Transport: asking{dups}}
	lassie, err := retriever.NewRetriever(ctx, of, retriever.NewDirectCandidateSource(providers), map[multicodec.Code]types.CandidateRetriever{
		multicodec.TransportIpfsGatewayHttp: retriever.NewHttpRetriever(of, client),
	})
	if err != nil {
		return err
	}
	lassie.Start()
	defer func() { <-lassie.Stop() }()
	_, err = lassie.Retrieve(ctx, request, func(types.RetrievalEvent) {})
	return err
}

// asking says what Lassie asks for, in Lassie's words.
type asking struct{ dups bool }

func (a asking) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Accept", trustlesshttp.DefaultContentType().WithDuplicates(a.dups).String())
	return http.DefaultTransport.RoundTrip(request)
}

// verified takes every block that Lassie believes, repeated ones again, and gives back those that are not sent again.
type verified struct {
	car    *deferred.DeferredCarWriter
	blocks map[string][]byte
}

func (v *verified) Has(_ context.Context, key string) (bool, error) {
	_, has := v.blocks[key]
	return has, nil
}

func (v *verified) Put(ctx context.Context, key string, block []byte) error {
	v.blocks[key] = bytes.Clone(block)
	return v.car.Put(ctx, key, block)
}

func (v *verified) Get(_ context.Context, key string) ([]byte, error) {
	if block, has := v.blocks[key]; has {
		return block, nil
	}
	c, err := cid.Cast([]byte(key))
	if err != nil {
		return nil, err
	}
	return nil, format.ErrNotFound{Cid: c}
}
