package main

import (
	"flag"
	"os"

	"dagstore-interop/internal/commp"
	"dagstore-interop/internal/packing"
)

func commP(args []string) (any, error) {
	if err := expect(args, "FILE"); err != nil {
		return nil, err
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	piece, err := commp.Of(f)
	if err != nil {
		return nil, err
	}
	return piece, nil
}

type unixfsReport struct {
	Profile    string `json:"profile"`
	Root       string `json:"root"`
	Cumulative uint64 `json:"cumulative"`
	Blocks     int    `json:"blocks"` // distinct; identity CIDs are not counted
	BlockBytes uint64 `json:"blockBytes"`
}

func unixfs(args []string) (any, error) {
	flags := flag.NewFlagSet("unixfs", flag.ContinueOnError)
	name := flags.String("profile", packing.Profiles[0].Name, "parameters to pack with")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := expect(flags.Args(), "PATH"); err != nil {
		return nil, err
	}
	profile, err := packing.ByName(*name)
	if err != nil {
		return nil, err
	}
	b := packing.NewBuilder(profile)
	node, err := b.Path(flags.Arg(0))
	if err != nil {
		return nil, err
	}
	cumulative, err := node.Size()
	if err != nil {
		return nil, err
	}
	return &unixfsReport{profile.Name, node.Cid().String(), cumulative, b.Blocks(), b.BlockBytes()}, nil
}
