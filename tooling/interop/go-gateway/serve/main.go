// Command serve is boxo's trustless gateway over CAR files: a peer to compare with and to measure against.
//
//	serve [-listen HOST:PORT] CARFILE…    prints http://HOST:PORT when it listens; ends when standard input does
//
// The files are read in place through go-car's read-only blockstores, in the order given; nothing is fetched from elsewhere.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/gateway"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/ipld/go-car/v2"
	carblockstore "github.com/ipld/go-car/v2/blockstore"
	"github.com/prometheus/client_golang/prometheus"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen at")
	flag.Parse()
	if err := run(*listen, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run(listen string, paths []string) error {
	if len(paths) == 0 {
		return errors.New("no CAR file")
	}
	files := &carFiles{}
	for _, path := range paths {
		file, err := carblockstore.OpenReadOnly(path, carblockstore.UseWholeCIDs(true), car.ZeroLengthSectionAsEOF(true))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		defer file.Close()
		files.stores = append(files.stores, file)
	}
	service := blockservice.New(files, offline.Exchange(files))
	backend, err := gateway.NewBlocksBackend(service, gateway.WithPrometheusRegistry(prometheus.NewRegistry()))
	if err != nil {
		return err
	}
	handler := gateway.NewHandler(gateway.Config{DisableHTMLErrors: true, DeprecatedXIpfsPath: true, MetricsRegistry: prometheus.NewRegistry()}, backend)
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{Handler: gateway.NewHeaders(nil).ApplyCors().Wrap(handler)}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// carFiles are asked one after another.
type carFiles struct{ stores []*carblockstore.ReadOnly }

var _ blockstore.Blockstore = (*carFiles)(nil)

var errReadOnly = errors.New("read-only")

func (f *carFiles) Has(ctx context.Context, c cid.Cid) (bool, error) {
	for _, store := range f.stores {
		if has, err := store.Has(ctx, c); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

func (f *carFiles) Get(ctx context.Context, c cid.Cid) (blocks.Block, error) {
	for _, store := range f.stores {
		if block, err := store.Get(ctx, c); !format.IsNotFound(err) {
			return block, err
		}
	}
	return nil, format.ErrNotFound{Cid: c}
}

func (f *carFiles) GetSize(ctx context.Context, c cid.Cid) (int, error) {
	for _, store := range f.stores {
		if size, err := store.GetSize(ctx, c); !format.IsNotFound(err) {
			return size, err
		}
	}
	return 0, format.ErrNotFound{Cid: c}
}

func (f *carFiles) Put(context.Context, blocks.Block) error             { return errReadOnly }
func (f *carFiles) PutMany(context.Context, []blocks.Block) error       { return errReadOnly }
func (f *carFiles) DeleteBlock(context.Context, cid.Cid) error          { return errReadOnly }
func (f *carFiles) AllKeysChan(context.Context) (<-chan cid.Cid, error) { return nil, errReadOnly }
