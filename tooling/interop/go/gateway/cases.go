package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	"github.com/multiformats/go-multicodec"
)

// fill makes the DAGs and says what is asked about them.
func (d *dags) fill() error {
	var files []format.Node
	for _, size := range []int64{0, 1, 64, 65, 256, 257, 1100} {
		for _, rawLeaves := range []bool{true, false} {
			for _, isTrickle := range []bool{false, true} {
				node, err := d.file(uint64(size), size, rawLeaves, isTrickle, nil)
				if err != nil {
					return err
				}
				if isTrickle && size <= 64 {
					continue
				}
				files = append(files, node)
				d.ask(node.Cid(), "")
				if size == 65 || size == 1100 {
					d.askRanges(node.Cid(), "", size)
				}
			}
		}
	}
	large := files[len(files)-4]
	// one chunk sixteen times: nodes that are met again
	same, err := d.file(0, 0, true, false, bytes.Repeat([]byte("sixty-four bytes that are repeated over and over, to be one leaf"), 16))
	if err != nil {
		return err
	}
	d.ask(same.Cid(), "")
	d.askRanges(same.Cid(), "", 1024)

	link := merkledag.NodeWithData(must(unixfs.SymlinkData("docs/file")))
	if err := link.SetCidBuilder(prefix); err != nil {
		return err
	}
	if err := d.AddMany(context.Background(), []format.Node{link}); err != nil {
		return err
	}
	docs, err := d.directory([]string{"file", "file", "empty", "ünïcode \u2603", "same"}, []format.Node{large, same, files[0], files[2], same})
	if err != nil {
		return err
	}
	root, err := d.directory([]string{"docs", "link", "small"}, []format.Node{docs, link, files[1]})
	if err != nil {
		return err
	}
	for _, path := range []string{"", "docs", "docs/file", "docs/same", "docs/empty", "docs/ünïcode \u2603", "link", "small", "none", "docs/none", "docs/file/x", "small/x", "link/file", "docs/../small", "./docs/./file"} {
		d.ask(root.Cid(), path)
	}
	d.askRanges(root.Cid(), "docs/file", 1100)
	d.askRanges(root.Cid(), "docs", 10)
	// the middle of a file, a directory on the way, and the root are not there
	d.ask(root.Cid(), "docs/file", d.sent[large.Links()[1].Cid])
	d.ask(root.Cid(), "docs/file", d.sent[docs.Cid()])
	d.ask(root.Cid(), "docs", d.sent[root.Cid()])

	for _, fanout := range []int{8, 16, 256, 1024} {
		shard, err := d.sharded(fanout, 60, []format.Node{files[0], same, docs})
		if err != nil {
			return err
		}
		for _, path := range []string{"", "e0", "e8", "odd entry number 7", "e58", "odd entry number 59", "e60", "odd entry number 1/x", "e2/file", "e2/none"} {
			d.ask(shard.Cid(), path)
		}
		d.ask(shard.Cid(), "e6", d.sent[shard.Links()[0].Cid])
	}
	return d.fillData(root.Cid(), large.Cid())
}

// fillData makes DAGs of maps and lists: dag-cbor and dag-json, with identity CIDs and unknown codecs among their links.
func (d *dags) fillData(directory, file cid.Cid) error {
	inlineRaw, err := identityOf(cid.Raw, []byte("inline"))
	if err != nil {
		return err
	}
	inline, err := identityOf(cid.DagCBOR, cborMap(entry{"file", cborLink(file)}))
	if err != nil {
		return err
	}
	leaf, err := d.block(cid.DagCBOR, cborMap(entry{"n", []byte{0x18, 0x2a}}, entry{"dir", cborLink(directory)}))
	if err != nil {
		return err
	}
	list := append([]byte{0x83, 0xf6}, append(cborLink(leaf), cborMap(entry{"deep", []byte{0x65, 'v', 'a', 'l', 'u', 'e'}})...)...)
	data, err := d.block(cid.DagCBOR, cborMap(entry{"raw", cborLink(inlineRaw)}, entry{"leaf", cborLink(leaf)}, entry{"list", list}, entry{"inline", cborLink(inline)}))
	if err != nil {
		return err
	}
	for _, path := range []string{"", "list", "list/0", "list/1", "list/2", "list/3", "list/2/deep", "list/2/deep/er", "list/x", "list/1/n", "list/1/dir/docs", "leaf", "leaf/n", "leaf/dir/docs/file", "raw", "raw/x", "inline", "inline/file", "none"} {
		d.ask(data, path)
	}
	text, err := d.block(uint64(multicodec.DagJson), fmt.Appendf(nil, `{"a":[1,{"/":"%s"},{"/":{"bytes":"AAAA"}}],"leaf":{"/":"%s"}}`, file, leaf))
	if err != nil {
		return err
	}
	for _, path := range []string{"", "a", "a/0", "a/1", "a/2", "leaf/n", "leaf/dir/small", "b", "a/7"} {
		d.ask(text, path)
	}
	d.askRanges(text, "a/1", 1100)
	plain, err := d.block(cid.DagProtobuf, must(merkledag.NodeWithData(nil).EncodeProtobuf(false)))
	if err != nil {
		return err
	}
	d.ask(plain, "")
	d.ask(plain, "x")
	named := &merkledag.ProtoNode{}
	if err := named.SetCidBuilder(prefix); err != nil {
		return err
	}
	for _, name := range []string{"dir", "other"} {
		if err := named.AddRawLink(name, &format.Link{Cid: directory}); err != nil {
			return err
		}
	}
	if err := d.Add(context.Background(), named); err != nil {
		return err
	}
	for _, path := range []string{"", "dir", "other/docs", "none"} {
		d.ask(named.Cid(), path)
	}
	return nil
}

type entry struct {
	key   string
	value []byte
}

// cborMap writes entries in the order given, which has to be that of DAG-CBOR.
func cborMap(entries ...entry) []byte {
	out := []byte{0xa0 + byte(len(entries))}
	for _, e := range entries {
		out = append(out, 0x60+byte(len(e.key)))
		out = append(out, e.key...)
		out = append(out, e.value...)
	}
	return out
}

func cborLink(c cid.Cid) []byte {
	out := []byte{0xd8, 0x2a}
	if n := byte(c.ByteLen() + 1); n < 24 {
		out = append(out, 0x40+n, 0)
	} else {
		out = append(out, 0x58, n, 0)
	}
	return append(out, c.Bytes()...)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
