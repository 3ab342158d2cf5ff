// Command bench times Go's implementations on this machine, for comparison with ours. Each subcommand does its work
// n times and prints {"ms":[...], ...}.
//
//	bench genindex [-n 5] FILE                 go-car's GenerateIndex over the whole file; "entries"
//	bench writeindex [-n 5] FILE OUT           sort and write an index (0x0401, identity CIDs too) of sections at hand
//	bench acquire [-n 5] FILE INDEX            dagstore: acquire a shard whose index is there, and open its blockstore
//	bench open [-n 5] FILE                     go-car's blockstore OpenReadOnly
//	bench get [-n 5] [-gets 2000] [-c 1] FILE  Get of blocks in scattered order from an open read-only blockstore
//	bench commp [-n 5] FILE                    go-fil-commp-hashhash over the file in memory
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

type report struct {
	Ms      []float64 `json:"ms"`
	Entries int       `json:"entries,omitempty"`
	// LiveBytes is the Go heap that one open shard holds, after a collection.
	LiveBytes uint64 `json:"liveBytes,omitempty"`
}

// options of all subcommands; each looks at those that it needs.
type options struct {
	runs, gets, width int
}

var commands = map[string]struct {
	operands int
	run      func(options, []string) (*report, error)
}{
	"genindex":   {1, genIndex},
	"writeindex": {2, writeIndex},
	"acquire":    {2, acquire},
	"open":       {1, openReadOnly},
	"get":        {1, get},
	"commp":      {1, commP},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which one?")
	}
	command, known := commands[args[0]]
	if !known {
		return fmt.Errorf("no such subcommand: %s", args[0])
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var opts options
	flags.IntVar(&opts.runs, "n", 5, "runs")
	flags.IntVar(&opts.gets, "gets", 2000, "blocks to get in one run")
	flags.IntVar(&opts.width, "c", 1, "gets at a time")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != command.operands || opts.runs < 1 || opts.gets < 1 || opts.width < 1 {
		return fmt.Errorf("wrong arguments of %s", args[0])
	}
	out, err := command.run(opts, flags.Args())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// timed does work n times.
func timed(n int, work func() error) (*report, error) {
	out := &report{}
	for range n {
		start := time.Now()
		if err := work(); err != nil {
			return nil, err
		}
		out.Ms = append(out.Ms, float64(time.Since(start).Nanoseconds())/1e6)
	}
	return out, nil
}
