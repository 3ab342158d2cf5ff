// Command refcar writes and reads CARs of references with go-fil-markets, as a Lotus client does.
//
//	refcar write OUT FILE   import FILE, twice as Lotus does, and print its root
//	refcar read CAR ROOT    print length and sha2-256 of the file under ROOT
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/filecoin-project/go-fil-markets/stores"
	"github.com/ipfs/boxo/blockservice"
	bstore "github.com/ipfs/boxo/blockstore"
	chunker "github.com/ipfs/boxo/chunker"
	offline "github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/files"
	"github.com/ipfs/boxo/ipld/merkledag"
	unixfile "github.com/ipfs/boxo/ipld/unixfs/file"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	ihelper "github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-cidutil"
	ipld "github.com/ipfs/go-ipld-format"
	mh "github.com/multiformats/go-multihash"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: refcar write OUT FILE | refcar read CAR ROOT")
	}
	switch args[0] {
	case "write":
		return write(ctx, args[1], args[2])
	case "read":
		return read(ctx, args[1], args[2])
	}
	return fmt.Errorf("no such command: %s", args[0])
}

func write(ctx context.Context, out, source string) error {
	first := out + ".first"
	defer os.Remove(first)
	root, err := importInto(ctx, first, source)
	if err != nil {
		return err
	}
	again, err := importInto(ctx, out, source, root)
	if err != nil {
		return err
	}
	if again != root {
		return fmt.Errorf("two roots: %s, %s", root, again)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"root": root.String()})
}

func importInto(ctx context.Context, out, source string, roots ...cid.Cid) (cid.Cid, error) {
	store, err := stores.ReadWriteFilestore(out, roots...)
	if err != nil {
		return cid.Undef, err
	}
	root, err := build(ctx, source, store)
	if err != nil {
		return cid.Undef, err
	}
	return root, store.Close()
}

// build is Lotus's buildUnixFS.
func build(ctx context.Context, source string, store bstore.Blockstore) (cid.Cid, error) {
	path, err := filepath.Abs(source)
	if err != nil {
		return cid.Undef, err
	}
	file, err := os.Open(path)
	if err != nil {
		return cid.Undef, err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil {
		return cid.Undef, err
	}
	reader, err := files.NewReaderPathFile(path, file, stat)
	if err != nil {
		return cid.Undef, err
	}
	prefix, err := merkledag.PrefixForCidVersion(1)
	if err != nil {
		return cid.Undef, err
	}
	prefix.MhType = mh.BLAKE2B_MIN + 31
	dags := merkledag.NewDAGService(blockservice.New(store, offline.Exchange(store)))
	buffered := ipld.NewBufferedDAG(ctx, dags)
	params := ihelper.DagBuilderParams{
		Maxlinks:   1024,
		RawLeaves:  true,
		CidBuilder: cidutil.InlineBuilder{Builder: prefix, Limit: 126},
		Dagserv:    buffered,
		NoCopy:     true,
	}
	builder, err := params.New(chunker.NewSizeSplitter(reader, 1<<20))
	if err != nil {
		return cid.Undef, err
	}
	node, err := balanced.Layout(builder)
	if err != nil {
		return cid.Undef, err
	}
	return node.Cid(), buffered.Commit()
}

func read(ctx context.Context, path, root string) error {
	id, err := cid.Decode(root)
	if err != nil {
		return err
	}
	store, err := stores.ReadOnlyFilestore(path)
	if err != nil {
		return err
	}
	defer store.Close()
	dags := merkledag.NewDAGService(blockservice.New(store, offline.Exchange(store)))
	node, err := dags.Get(ctx, id)
	if err != nil {
		return err
	}
	file, err := unixfile.NewUnixfsFile(ctx, dags, node)
	if err != nil {
		return err
	}
	content, ok := file.(files.File)
	if !ok {
		return fmt.Errorf("not a file: %s", root)
	}
	hash := sha256.New()
	length, err := io.Copy(hash, content)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"bytes": length, "sha256": fmt.Sprintf("%x", hash.Sum(nil))})
}
