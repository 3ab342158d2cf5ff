package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/filecoin-project/go-state-types/abi"
	"github.com/filecoin-project/lotus/storage/sealer/partialfile"
	"github.com/filecoin-project/lotus/storage/sealer/storiface"
)

// serve does what FetchHandler does for unsealed files once it has acquired the sector: http.ServeFile, and HasAllocated.
func serve(folder string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/remote/unsealed/"), "/")
		id, err := storiface.ParseSectorID(parts[0])
		if err != nil {
			w.WriteHeader(500)
			return
		}
		path := filepath.Join(folder, "unsealed", storiface.SectorName(id))
		if _, err := os.Stat(path); err != nil {
			w.WriteHeader(500)
			return
		}
		if len(parts) == 1 {
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeFile(w, r, path)
			return
		}
		has, err := allocated(path, parts[1:])
		switch {
		case err != nil:
			w.WriteHeader(500)
		case has:
			w.WriteHeader(http.StatusOK)
		default:
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}
	}))
}

// allocated takes the seal proof, "allocated", and offset and length in unpadded bytes.
func allocated(path string, args []string) (bool, error) {
	if len(args) != 4 || args[1] != "allocated" {
		return false, fmt.Errorf("arguments; got=%v", args)
	}
	var numbers [3]int64
	for i, text := range []string{args[0], args[2], args[3]} {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return false, err
		}
		numbers[i] = n
	}
	size, err := abi.RegisteredSealProof(numbers[0]).SectorSize()
	if err != nil {
		return false, err
	}
	pf, err := partialfile.OpenPartialFile(abi.PaddedPieceSize(size), path)
	if err != nil {
		return false, err
	}
	defer pf.Close() //nolint:errcheck
	return pf.HasAllocated(storiface.UnpaddedByteIndex(numbers[1]), abi.UnpaddedPieceSize(numbers[2]))
}
