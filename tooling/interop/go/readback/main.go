// Command readback reads with the Go modules what our packages wrote. Every subcommand prints one JSON object;
// a failed check is a message on standard error and exit status 1.
//
//	readback car FILE                        go-car: structure, hashes, random access by the attached index
//	readback index FILE CARFILE              go-car: a detached index against the sections of its CAR
//	readback resume [-data-padding N] FILE [ROOT...]   go-car: go on writing; refused files must stay unchanged
//	readback dagstore CARFILE INDEXFILE KEY  dagstore: a shard served from our index, and one indexed by itself
//	readback makefolder FOLDER CARFOLDER     dagstore: a folder with a shard for each KEY.car, as Lotus leaves it
//	readback openfolder FOLDER CARFOLDER     dagstore: that folder, its shards served
//	readback repo FOLDER CARFOLDER           dagstore: a folder of indices as its own, KEY.car for each of them
//	readback traces CARFILE BADFILE          dagstore: what its loop does to a shard, story by story
//	readback commp FILE                      piece CIDs and sizes
//	readback payload CARFILE ROOT            the CARv1 of a deal: go-car's traversal of everything below the root
//	readback unixfs [-profile NAME] PATH     root of a file or directory
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// commands give the object to print; a non-nil object is printed even when there is an error.
var commands = map[string]func(args []string) (any, error){
	"car":        readCar,
	"index":      readIndex,
	"resume":     resume,
	"dagstore":   serve,
	"makefolder": makeFolder,
	"openfolder": openFolder,
	"repo":       readRepo,
	"traces":     traceStories,
	"commp":      commP,
	"payload":    payloadOf,
	"unixfs":     unixfs,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "readback: one of car, index, resume, dagstore, makefolder, openfolder, repo, traces, commp, payload, unixfs")
		os.Exit(2)
	}
	result, err := commands[os.Args[1]](os.Args[2:])
	if result != nil {
		enc := json.NewEncoder(os.Stdout)
		enc.SetEscapeHTML(false)
		if encErr := enc.Encode(result); err == nil {
			err = encErr
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "readback %s: %s\n", os.Args[1], strings.TrimSpace(err.Error()))
		os.Exit(1)
	}
}

// expect checks the number of arguments; names are for the message.
func expect(args []string, names ...string) error {
	if len(args) != len(names) {
		return fmt.Errorf("arguments; want=%s got=%d", strings.Join(names, " "), len(args))
	}
	return nil
}
