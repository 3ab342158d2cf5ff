package main

import (
	"fmt"
	"strings"

	"dagstore-interop/internal/packing"
	"dagstore-interop/internal/stream"

	ipld "github.com/ipfs/go-ipld-format"
)

type unixfsSection struct {
	Notes       []string       `json:"notes"`
	Profiles    []profileFacts `json:"profiles"`
	Files       []fileDag      `json:"files"`
	Trees       []tree         `json:"trees"`
	Directories []directoryDag `json:"directories"`
}

type profileFacts struct {
	Name         string `json:"name"`
	CidVersion   uint64 `json:"cidVersion"`
	Multihash    string `json:"multihash"`
	ChunkSize    int64  `json:"chunkSize"`
	Links        int    `json:"links"`
	RawLeaves    bool   `json:"rawLeaves"`
	InlineLimit  int    `json:"inlineLimit"`
	ShardSize    int    `json:"shardSize"`
	ShardWidth   int    `json:"shardWidth"`
	SizeEstimate string `json:"sizeEstimate"`
}

// fileDag: blocks and blockBytes count the distinct blocks of the DAG, identity CIDs left out; cumulative is what a
// directory would put in Tsize.
type fileDag struct {
	Profile    string `json:"profile"`
	Seed       uint64 `json:"seed"`
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Cumulative uint64 `json:"cumulative"`
	Blocks     int    `json:"blocks"`
	BlockBytes uint64 `json:"blockBytes"`
}

// tree is an input: a directory of files, directories and numbered series of files.
type tree struct {
	Name    string      `json:"name"`
	Entries []treeEntry `json:"entries"`
}

// treeEntry is a file if it has a seed, a series if it has a count, else a directory.
type treeEntry struct {
	Name    string      `json:"name"`
	Seed    *uint64     `json:"seed,omitempty"`
	Size    int64       `json:"size,omitempty"`
	Count   int         `json:"count,omitempty"`
	Entries []treeEntry `json:"entries,omitempty"`
}

type directoryDag struct {
	Profile    string `json:"profile"`
	Tree       string `json:"tree"`
	Root       string `json:"root"`
	Cumulative uint64 `json:"cumulative"`
	Blocks     int    `json:"blocks"`
	BlockBytes uint64 `json:"blockBytes"`
	// Sharded: the root is a HAMT node.
	Sharded bool `json:"sharded"`
	// Parts are the CIDs of all directories and named files below the root, by path.
	Parts map[string]string `json:"parts"`
}

const mib = 1 << 20

// seriesSize is the size in bytes of file i of a series.
func seriesSize(i int) int64 { return int64(i % 300) }

var unixfsNotes = []string{
	"Files: boxo chunker.NewSizeSplitter and balanced.Layout; no mode, no mtime.",
	"lotus-2021: boxo merkledag.PrefixForCidVersion(1) with blake2b-256 inside go-cidutil InlineBuilder (limit 126), " +
		"as Lotus's import did; the builder is that of leaves, file nodes and directories alike, so each of them with at " +
		"most 126 encoded bytes becomes an identity CID.",
	"lotus-2021 directories: boxo uio.NewBasicDirectory with the same builder; never sharded, whatever the size. " +
		"(Lotus's own import took single files only.)",
	"unixfs-v1-2025, unixfs-v0-2015: boxo uio.NewDirectory with the sharding threshold, estimate and width of boxo's profile of that name.",
	"Links of a directory are sorted by the bytes of the UTF-8 name; Tsize is the child's cumulative size: its encoded " +
		"bytes and the Tsize of its links, inlined children included.",
	"A series of count n at name p holds the files p + i as four decimal digits + \".bin\" for 0 <= i < n, with seed " +
		"(10000 + i) and size (i mod 300).",
}

func addUnixfs(_ string, m *manifest) error {
	m.Unixfs.Notes = unixfsNotes
	m.Unixfs.Trees = trees()
	for _, p := range packing.Profiles {
		m.Unixfs.Profiles = append(m.Unixfs.Profiles, describeProfile(p))
		for i, size := range sizesOf(p.Name) {
			if err := m.addFileDag(p, uint64(300+i), size); err != nil {
				return err
			}
		}
		for _, t := range m.Unixfs.Trees {
			if err := m.addDirectoryDag(p, t); err != nil {
				return fmt.Errorf("tree %s: %w", t.Name, err)
			}
		}
	}
	return nil
}

func sizesOf(profile string) []int64 {
	sizes := []int64{0, 1, 126, 127, mib - 1, mib, mib + 1, 2 * mib, 3 * mib, 5_000_000}
	switch profile {
	case "lotus-2021":
		return append(sizes, mib+52, mib+53, mib+126, mib+127, 2*mib+1, 1025*mib+5)
	case "unixfs-v0-2015":
		return append(sizes, mib/4-1, mib/4, mib/4+1, 174*mib/4, 174*mib/4+1)
	}
	return sizes
}

func describeProfile(p packing.Profile) profileFacts {
	block, err := p.Builder.Sum(stream.Bytes(0, 1000)) // above any inline limit
	if err != nil {
		panic(err)
	}
	hash := "sha2-256"
	if block.Prefix().MhType == blake2b256 {
		hash = "blake2b-256"
	}
	estimate := "none"
	if p.ShardSize > 0 {
		estimate = []string{"links", "block"}[p.SizeEstimate]
	}
	return profileFacts{p.Name, block.Version(), hash, p.ChunkSize, p.Links, p.RawLeaves, p.InlineLimit, p.ShardSize, p.ShardWidth, estimate}
}

func (m *manifest) addFileDag(p packing.Profile, seed uint64, size int64) error {
	b := packing.NewBuilder(p)
	node, err := b.File(stream.Reader(seed, size))
	if err != nil {
		return fmt.Errorf("%s file of %d bytes: %w", p.Name, size, err)
	}
	cumulative, err := node.Size()
	if err != nil {
		return err
	}
	m.Unixfs.Files = append(m.Unixfs.Files,
		fileDag{p.Name, seed, size, node.Cid().String(), cumulative, b.Blocks(), b.BlockBytes()})
	return nil
}

func trees() []tree {
	file := func(name string, seed uint64, size int64) treeEntry {
		return treeEntry{Name: name, Seed: &seed, Size: size}
	}
	dir := func(name string, entries ...treeEntry) treeEntry { return treeEntry{Name: name, Entries: entries} }
	return []tree{
		{"empty", []treeEntry{}},
		{"one-small-file", []treeEntry{file("a", 400, 3)}},
		// the last two sort the other way round as UTF-16
		{"names", []treeEntry{
			file("b", 410, 200), file("a", 411, 200), file("A", 412, 5), file("a.b", 413, 200), file("a b", 414, 200),
			file("ab", 415, 200), file("-", 416, 0), file("a%20b", 417, 200), file(strings.Repeat("n", 255), 418, 200),
			file("\u00e9", 419, 200), file("e\u0301", 420, 200), file("\u65e5\u672c\u8a9e.txt", 421, 2000),
			file("\U0001f600", 422, 200), file("\uff5e", 423, 200),
		}},
		{"nested", []treeEntry{
			dir("empty"), file("readme", 430, 1234), file("large", 431, mib+53),
			dir("x", dir("y", dir("z", file("deep", 432, 10), file("deeper", 433, 500)), file("two-chunks", 434, mib+1))),
			dir("only-empty", dir("empty")),
		}},
		{"series-3000", []treeEntry{{Name: "file-", Count: 3000}}},
		{"series-7000", []treeEntry{{Name: "file-", Count: 7000}}},
	}
}

func (m *manifest) addDirectoryDag(p packing.Profile, t tree) error {
	b := packing.NewBuilder(p)
	d := directoryDag{Profile: p.Name, Tree: t.Name, Parts: map[string]string{}}
	node, sharded, err := d.build(b, "", t.Entries)
	if err != nil {
		return err
	}
	d.Root, d.Sharded, d.Blocks, d.BlockBytes = node.Cid().String(), sharded, b.Blocks(), b.BlockBytes()
	if d.Cumulative, err = node.Size(); err != nil {
		return err
	}
	m.Unixfs.Directories = append(m.Unixfs.Directories, d)
	return nil
}

func (d *directoryDag) build(b *packing.Builder, path string, list []treeEntry) (ipld.Node, bool, error) {
	var entries []packing.Entry
	for _, e := range list {
		if e.Count > 0 {
			for i := range e.Count {
				node, err := b.File(stream.Reader(uint64(10000+i), seriesSize(i)))
				if err != nil {
					return nil, false, err
				}
				entries = append(entries, packing.Entry{Name: fmt.Sprintf("%s%04d.bin", e.Name, i), Node: node})
			}
			continue
		}
		at := path + "/" + e.Name
		var node ipld.Node
		var err error
		if e.Seed != nil {
			node, err = b.File(stream.Reader(*e.Seed, e.Size))
		} else {
			node, _, err = d.build(b, at, e.Entries)
		}
		if err != nil {
			return nil, false, err
		}
		d.Parts[at] = node.Cid().String()
		entries = append(entries, packing.Entry{Name: e.Name, Node: node})
	}
	return b.Directory(entries)
}
