// Command vectors writes the committed vector set: small files made by go-car, and manifest.json with what
// each of them holds and with the results of the other Go modules on generated inputs.
//
//	go run ./vectors -out ../vectors
//
// The output depends on nothing but the pinned modules, so two runs give the same bytes.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "", "directory to write to; its *.car, *.carindex and manifest.json are replaced")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "vectors:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if out == "" {
		return fmt.Errorf("missing -out")
	}
	if err := clean(out); err != nil {
		return err
	}
	m := manifest{Format: 1, Generator: describeGenerator()}
	var err error
	if m.Tools, err = tools(); err != nil {
		return err
	}
	for _, step := range []func(string, *manifest) error{
		writeCars, writeIndices, writeTorn, addCommp, addFr32, addRle, addUnixfs, addPayloads, addFiles,
	} {
		if err := step(out, &m); err != nil {
			return err
		}
	}
	return m.write(filepath.Join(out, manifestName))
}

// clean makes the directory and removes what an earlier run wrote.
func clean(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"*.car", "*.carindex", manifestName} {
		old, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return err
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}
