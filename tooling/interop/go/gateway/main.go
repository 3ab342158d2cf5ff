// Command gateway tells which blocks boxo's gateway sends for a path in a CAR file, and writes the committed answers.
//
//	gateway answer CARFILE REQUESTS    a file of requests as JSON; answers on standard output
//	gateway vectors -out DIR           dags.car and answers.json; two runs give the same bytes
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "answer":
		return answerAll(args[1], args[2], os.Stdout)
	case len(args) > 0 && args[0] == "vectors":
		flags := flag.NewFlagSet("vectors", flag.ContinueOnError)
		out := flags.String("out", "", "directory to write to")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return writeVectors(*out)
	}
	return fmt.Errorf("one of: answer CARFILE REQUESTS, vectors -out DIR")
}

func answerAll(path, asked string, out io.Writer) error {
	text, err := os.ReadFile(asked)
	if err != nil {
		return err
	}
	var requests []request
	if err := json.Unmarshal(text, &requests); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	blocks, err := readBlocks(data)
	if err != nil {
		return err
	}
	answers := make([]answer, len(requests))
	for i, r := range requests {
		if answers[i], err = blocks.answer(r); err != nil {
			return fmt.Errorf("request %d: %w", i, err)
		}
	}
	return json.NewEncoder(out).Encode(answers)
}

func writeVectors(out string) error {
	if out == "" {
		return fmt.Errorf("missing -out")
	}
	car, asked, err := makeDags()
	if err != nil {
		return err
	}
	blocks, err := readBlocks(car)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "dags.car"), car, 0o644); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(out, "answers.json"))
	if err != nil {
		return err
	}
	defer file.Close()
	fmt.Fprint(file, "[\n")
	for i, r := range asked {
		a, err := blocks.answer(r)
		if err != nil {
			return err
		}
		line, err := json.Marshal(struct {
			request
			answer
		}{r, a})
		if err != nil {
			return err
		}
		comma := ","
		if i == len(asked)-1 {
			comma = ""
		}
		fmt.Fprintf(file, "%s%s\n", line, comma)
	}
	_, err = fmt.Fprint(file, "]\n")
	return err
}
