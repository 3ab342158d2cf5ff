package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"

	"dagstore-interop/internal/stream"
)

const manifestName = "manifest.json"

// manifest is the whole of manifest.json. All offsets and sizes are bytes; all CIDs are in their default text form.
type manifest struct {
	Format    int           `json:"format"`
	Generator generator     `json:"generator"`
	Tools     toolVersions  `json:"tools"`
	Files     []fileFacts   `json:"files"`
	Cars      []carFacts    `json:"cars"`
	Indices   []indexFacts  `json:"indices"`
	Torn      []tornFacts   `json:"torn"`
	Commp     []commpFacts  `json:"commp"`
	Fr32      []fr32Facts   `json:"fr32"`
	Rle       []rleFacts    `json:"rle"`
	Unixfs    unixfsSection `json:"unixfs"`
	Payloads  []payloadDag  `json:"payloads"`
}

type generator struct {
	Rule   string           `json:"rule"`
	Checks []generatorCheck `json:"checks"`
}

type generatorCheck struct {
	Seed   uint64 `json:"seed"`
	Size   int64  `json:"size"`
	Sha256 string `json:"sha256"`
}

type toolVersions struct {
	Go      string            `json:"go"`
	Modules map[string]string `json:"modules"`
}

type fileFacts struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Sha256 string `json:"sha256"`
}

func describeGenerator() generator {
	g := generator{
		Rule: fmt.Sprintf("bytes of (seed, size) = concatenation over i = 0, 1, 2, ... of "+
			"sha256(ascii(%q) || u64le(seed) || u64le(i)), cut to size", stream.Domain),
	}
	for _, c := range []struct {
		seed uint64
		size int64
	}{{0, 0}, {0, 32}, {1, 100}, {1 << 40, 1000}} {
		g.Checks = append(g.Checks, generatorCheck{c.seed, c.size, digest(stream.Bytes(c.seed, c.size))})
	}
	return g
}

// pinned are the modules whose behaviour the vectors record.
var pinned = []string{
	"github.com/filecoin-project/go-bitfield",
	"github.com/filecoin-project/go-data-segment",
	"github.com/filecoin-project/go-fil-commcid",
	"github.com/filecoin-project/go-fil-commp-hashhash",
	"github.com/ipfs/boxo",
	"github.com/ipfs/go-cid",
	"github.com/ipfs/go-cidutil",
	"github.com/ipld/go-car/v2",
	"github.com/ipld/go-codec-dagpb",
	"github.com/ipld/go-ipld-prime",
	"github.com/multiformats/go-multihash",
}

// tools reports the language version without its patch number, which changes no output.
func tools() (toolVersions, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return toolVersions{}, fmt.Errorf("no build information")
	}
	parts := strings.SplitN(runtime.Version(), ".", 3)
	if len(parts) < 2 {
		return toolVersions{}, fmt.Errorf("unusual Go version; got=%s", runtime.Version())
	}
	v := toolVersions{Go: parts[0] + "." + parts[1], Modules: map[string]string{}}
	for _, dep := range info.Deps {
		for _, name := range pinned {
			if dep.Path == name {
				v.Modules[name] = dep.Version
			}
		}
	}
	if len(v.Modules) != len(pinned) {
		return v, fmt.Errorf("a pinned module is not built in; found=%v", v.Modules)
	}
	return v, nil
}

// addFiles lists what the earlier steps wrote.
func addFiles(out string, m *manifest) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			return err
		}
		m.Files = append(m.Files, fileFacts{e.Name(), int64(len(data)), digest(data)})
	}
	sort.Slice(m.Files, func(i, j int) bool { return m.Files[i].Name < m.Files[j].Name })
	return nil
}

func (m *manifest) write(path string) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(m); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
