// Command frisbii is frisbii's server over CAR files: the peer that providers of Lassie run, to compare with and to measure against.
//
//	frisbii [-listen HOST:PORT] CARFILE…    prints http://HOST:PORT when it listens; ends when standard input does
//
// The files are opened and served as frisbii's own command does it, which announces them besides and says nowhere but in its log
// which port it has got.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/ipfs/go-unixfsnode"
	"github.com/ipld/frisbii"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"
	cidlink "github.com/ipld/go-ipld-prime/linking/cid"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen at")
	flag.Parse()
	if err := run(*listen, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "frisbii:", err)
		os.Exit(1)
	}
}

func run(listen string, paths []string) error {
	if len(paths) == 0 {
		return errors.New("no CAR file")
	}
	files := frisbii.NewMultiReadableStorage()
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		blocks, err := storage.OpenReadable(file, car.UseWholeCIDs(false))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		files.AddStore(blocks, blocks.Roots())
	}
	links := cidlink.DefaultLinkSystem()
	links.TrustedStorage = true
	unixfsnode.AddUnixFSReificationToLinkSystem(&links)
	links.SetReadStorage(files)
	server, err := frisbii.NewFrisbiiServer(context.Background(), links, listen)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", server.Addr())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return server.Serve()
}
