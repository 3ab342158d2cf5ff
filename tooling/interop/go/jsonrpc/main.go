// Command jsonrpc stands at either end of a connection of ours: a client written for Lotus, on go-jsonrpc, and a server of it.
//
//	jsonrpc call URL TOKEN    calls what test/go-jsonrpc.test.ts serves and prints one JSON object
//	jsonrpc serve             prints its URL, and serves until its input ends
//	jsonrpc lotus …           what a client of Lotus's own is told by a storage provider; see lotus.go
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/filecoin-project/go-jsonrpc"
)

const biggest = 18446744073709551615

type client struct {
	Echo    func(ctx context.Context, n uint64) (uint64, error)
	Who     func(ctx context.Context) (string, error)
	Void    func(ctx context.Context) error
	Fails   func(ctx context.Context) error
	Missing func(ctx context.Context) error
	Wait    func(ctx context.Context) error
	Count   func(ctx context.Context, most int) (<-chan int, error)
	Ended   func(ctx context.Context) ([]string, error)
}

type report struct {
	Exact   bool     `json:"exact"`
	Who     string   `json:"who"`
	Void    string   `json:"void"`
	Fails   string   `json:"fails"`
	Missing string   `json:"missing"`
	Count   []int    `json:"count"`
	Streams bool     `json:"streams"`
	Waited  string   `json:"waited"`
	Ended   []string `json:"ended"`
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func call(url, token string) (report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var c client
	closer, err := jsonrpc.NewMergeClient(ctx, url, "Filecoin", []interface{}{&c}, http.Header{"Authorization": []string{"Bearer " + token}})
	if err != nil {
		return report{}, err
	}
	defer closer()
	var r report
	echoed, err := c.Echo(ctx, biggest)
	if err != nil {
		return r, err
	}
	r.Exact = echoed == biggest
	if r.Who, err = c.Who(ctx); err != nil {
		return r, err
	}
	r.Void, r.Fails, r.Missing = text(c.Void(ctx)), text(c.Fails(ctx)), text(c.Missing(ctx))
	if !strings.HasPrefix(url, "ws") {
		return r, nil
	}
	r.Streams = true
	values, err := c.Count(ctx, 100)
	if err != nil {
		return r, err
	}
	for value := range values {
		r.Count = append(r.Count, value)
	}
	// one that is left in the middle, and a call that is withdrawn
	left, leave := context.WithCancel(ctx)
	if values, err = c.Count(left, 1<<40); err != nil {
		return r, err
	}
	<-values
	leave()
	waiting, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	r.Waited = text(c.Wait(waiting))
	stop()
	for len(r.Ended) < 2 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		if r.Ended, err = c.Ended(ctx); err != nil {
			return r, err
		}
	}
	return r, nil
}

type server struct{ left atomic.Int64 }

func (s *server) Echo(_ context.Context, n uint64) (uint64, error) { return n, nil }
func (s *server) Void(context.Context) error                       { return nil }
func (s *server) Fails(context.Context) error                      { return errors.New("no such shard") }
func (s *server) Left(context.Context) (int64, error)              { return s.left.Load(), nil }

func (s *server) Count(ctx context.Context, most int) (<-chan int, error) {
	out := make(chan int)
	go func() {
		defer close(out)
		for i := 1; i <= most; i++ {
			select {
			case out <- i:
			case <-ctx.Done():
				s.left.Add(1)
				return
			}
		}
	}()
	return out, nil
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		rpc := jsonrpc.NewServer()
		rpc.Register("Filecoin", &server{})
		http := httptest.NewServer(rpc)
		fmt.Println(http.URL)
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "lotus" {
		told, err := lotus(os.Args[2:])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = json.NewEncoder(os.Stdout).Encode(told)
		return
	}
	if len(os.Args) != 4 || os.Args[1] != "call" {
		fmt.Fprintln(os.Stderr, "usage: jsonrpc call URL TOKEN | jsonrpc serve | jsonrpc lotus ...")
		os.Exit(2)
	}
	r, err := call(os.Args[2], os.Args[3])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
}
