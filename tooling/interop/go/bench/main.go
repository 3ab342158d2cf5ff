// Command bench times go-car on this machine, for comparison with ours.
//
//	bench genindex [-n 5] FILE    {"ms":[...],"entries":N}: GenerateIndex over the whole file, n times
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	car "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/index"
	mh "github.com/multiformats/go-multihash"
)

type report struct {
	Ms      []float64 `json:"ms"`
	Entries int       `json:"entries"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || args[0] != "genindex" {
		return fmt.Errorf("only genindex")
	}
	flags := flag.NewFlagSet("genindex", flag.ContinueOnError)
	n := flags.Int("n", 5, "runs")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 || *n < 1 {
		return fmt.Errorf("arguments; want=[-n RUNS] FILE")
	}
	var out report
	for range *n {
		start := time.Now()
		idx, err := car.GenerateIndexFromFile(flags.Arg(0), car.ZeroLengthSectionAsEOF(true))
		if err != nil {
			return err
		}
		out.Ms = append(out.Ms, float64(time.Since(start).Microseconds())/1000)
		if out.Entries, err = count(idx); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

func count(idx index.Index) (int, error) {
	iterable, ok := idx.(index.IterableIndex)
	if !ok {
		return 0, fmt.Errorf("index is not iterable; codec=%s", idx.Codec())
	}
	n := 0
	err := iterable.ForEach(func(mh.Multihash, uint64) error { n++; return nil })
	return n, err
}
