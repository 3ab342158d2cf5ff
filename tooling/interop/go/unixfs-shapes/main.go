// Command unixfs-shapes writes the roots that boxo gives to directories and files whose shape is at a border: directories at
// the size from which they are sharded, shards in shards, symbolic links, files with full nodes.
//
//	go run -mod=readonly ./unixfs-shapes -out ../vectors-unixfs/shapes.json
//
// The output depends on nothing but the pinned modules, so two runs give the same bytes.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"dagstore-interop/internal/packing"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	ipld "github.com/ipfs/go-ipld-format"
)

// vectors is the whole file.
type vectors struct {
	Notes       []string        `json:"notes"`
	Files       []fileRoot      `json:"files"`
	Shapes      []shape         `json:"shapes"`
	Directories []directoryRoot `json:"directories"`
}

// fileRoot: a file of zero bytes.
type fileRoot struct {
	Profile    string `json:"profile"`
	Size       int64  `json:"size"`
	Root       string `json:"root"`
	Cumulative uint64 `json:"cumulative"`
}

// shape is a directory: see the notes for what each part stands for.
type shape struct {
	Name        string   `json:"name"`
	Profiles    []string `json:"profiles,omitempty"` // all of them when empty
	Series      int      `json:"series,omitempty"`
	Names       []string `json:"names,omitempty"`
	Links       []link   `json:"links,omitempty"`
	Directories int      `json:"directories,omitempty"`
}

type link struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

type directoryRoot struct {
	Profile    string `json:"profile"`
	Shape      string `json:"shape"`
	Root       string `json:"root"`
	Cumulative uint64 `json:"cumulative"`
	Sharded    bool   `json:"sharded"`
}

const (
	kib = 1 << 10
	mib = 1 << 20
	// from this size on, exclusive, the profiles shard a directory
	threshold = 256 * kib
)

var notes = []string{
	"Files: zero bytes, packed as in manifest.json.",
	"A shape holds: for 0 <= i < series the file 'entry-' + i in six decimal digits; a file for each of names; a symbolic " +
		"link for each of links; for 0 <= i < directories the empty directory 'dir-' + i in four decimal digits.",
	"The content of each file is the ASCII bytes of its name's length in decimal digits.",
	"Symbolic links: boxo unixfs.SymlinkData under the profile's CID builder.",
	"The threshold shapes are below, at and above 262,144 bytes as the profile measures them; one of names has the length for that.",
	"The names of collisions are equal in the first 1, 2, 3 and 5 bytes of their murmur3-x64-64.",
}

func main() {
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "unixfs-shapes:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if out == "" {
		return fmt.Errorf("missing -out")
	}
	v := vectors{Notes: notes}
	for _, p := range packing.Profiles {
		if err := v.addFiles(p); err != nil {
			return err
		}
	}
	shapes, err := allShapes()
	if err != nil {
		return err
	}
	v.Shapes = shapes
	for _, s := range shapes {
		for _, p := range packing.Profiles {
			if len(s.Profiles) > 0 && !strings.Contains(strings.Join(s.Profiles, " "), p.Name) {
				continue
			}
			root, err := build(p, s)
			if err != nil {
				return fmt.Errorf("%s under %s: %w", s.Name, p.Name, err)
			}
			v.Directories = append(v.Directories, root)
		}
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// addFiles packs files whose last node of some level is full, has one link, or is one above.
func (v *vectors) addFiles(p packing.Profile) error {
	full := int64(p.Links) * p.ChunkSize
	for _, size := range []int64{p.ChunkSize + 1, 2*p.ChunkSize + 126, 2*p.ChunkSize + 127, full - 1, full, full + 1, 2 * full, 2*full + 1} {
		b := packing.NewBuilder(p)
		node, err := b.File(io.LimitReader(zeros{}, size))
		if err != nil {
			return err
		}
		cumulative, err := node.Size()
		if err != nil {
			return err
		}
		v.Files = append(v.Files, fileRoot{p.Name, size, node.Cid().String(), cumulative})
	}
	return nil
}

func allShapes() ([]shape, error) {
	shapes := []shape{
		{Name: "directories-only", Directories: 300},
		{Name: "links", Names: []string{"a"}, Links: []link{
			{"l", "a"}, {"up", "../b"}, {"long", strings.Repeat("d/", 200)}, {"utf-8", "é/日本語"}, {"empty", ""}, {"126", strings.Repeat("t", 114)}, {"127", strings.Repeat("t", 115)},
		}},
		{Name: "long-names", Names: []string{strings.Repeat("n", 127), strings.Repeat("n", 128), strings.Repeat("é", 255)}},
		{Name: "twenty-thousand", Series: 20_000},
		// by search: 5 bytes of the hashes of the first two are alike, 5 of the next two
		{Name: "collisions", Series: 8_000, Names: []string{"c1048021", "c2132100", "c141735", "c2322866"}},
	}
	for _, p := range packing.Profiles {
		if p.ShardSize == 0 {
			continue
		}
		for _, more := range []int{-1, 0, 1} {
			s, err := atThreshold(p, more)
			if err != nil {
				return nil, err
			}
			shapes = append(shapes, s)
		}
	}
	return shapes, nil
}

// atThreshold finds a directory that the profile measures as so many bytes more than the threshold.
func atThreshold(p packing.Profile, more int) (shape, error) {
	s := shape{Name: fmt.Sprintf("threshold%+d-%s", more, p.Name), Profiles: []string{p.Name}}
	flat := p
	flat.ShardSize = 0
	measure := func(s shape) (int, error) {
		node, _, err := nodeOf(packing.NewBuilder(flat), flat, s)
		if err != nil {
			return 0, err
		}
		if p.SizeEstimate == 1 {
			return len(node.RawData()), nil
		}
		size := 0
		for _, l := range node.Links() {
			size += len(l.Name) + l.Cid.ByteLen()
		}
		return size, nil
	}
	one, err := measure(shape{Series: 1})
	if err != nil {
		return s, err
	}
	two, err := measure(shape{Series: 2})
	if err != nil {
		return s, err
	}
	s.Series = (threshold-one)/(two-one) - 1
	for length := 1; length < 200; length++ {
		s.Names = []string{strings.Repeat("z", length)}
		size, err := measure(s)
		if err != nil {
			return s, err
		}
		if size == threshold+more {
			return s, nil
		}
	}
	return s, fmt.Errorf("no directory of %d%+d bytes under %s", threshold, more, p.Name)
}

func build(p packing.Profile, s shape) (directoryRoot, error) {
	node, sharded, err := nodeOf(packing.NewBuilder(p), p, s)
	if err != nil {
		return directoryRoot{}, err
	}
	cumulative, err := node.Size()
	if err != nil {
		return directoryRoot{}, err
	}
	return directoryRoot{p.Name, s.Name, node.Cid().String(), cumulative, sharded}, nil
}

func nodeOf(b *packing.Builder, p packing.Profile, s shape) (ipld.Node, bool, error) {
	var entries []packing.Entry
	file := func(name string) error {
		node, err := b.File(bytes.NewReader([]byte(fmt.Sprint(len(name)))))
		entries = append(entries, packing.Entry{Name: name, Node: node})
		return err
	}
	for i := range s.Series {
		if err := file(fmt.Sprintf("entry-%06d", i)); err != nil {
			return nil, false, err
		}
	}
	for _, name := range s.Names {
		if err := file(name); err != nil {
			return nil, false, err
		}
	}
	for _, l := range s.Links {
		data, err := unixfs.SymlinkData(l.Target)
		if err != nil {
			return nil, false, err
		}
		node := merkledag.NodeWithData(data)
		if err := node.SetCidBuilder(p.Builder); err != nil {
			return nil, false, err
		}
		entries = append(entries, packing.Entry{Name: l.Name, Node: node})
	}
	for i := range s.Directories {
		node, _, err := b.Directory(nil)
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, packing.Entry{Name: fmt.Sprintf("dir-%04d", i), Node: node})
	}
	return b.Directory(entries)
}
