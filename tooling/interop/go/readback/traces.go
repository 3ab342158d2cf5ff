package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/filecoin-project/dagstore"
	"github.com/filecoin-project/dagstore/mount"
	"github.com/filecoin-project/dagstore/shard"

	"dagstore-interop/internal/shards"
)

// traceLine is what the store's loop did to a shard, and the state that it left.
type traceLine struct {
	Op     string `json:"op"`
	State  string `json:"state"`
	Failed bool   `json:"failed"`
}

const (
	traceCapacity = 256
	// Against hanging for ever: a trace that does not come is a failure.
	traceWait = 30 * time.Second
)

type traced struct {
	store  *dagstore.DAGStore
	traces chan dagstore.Trace
}

// traceStories runs stories with a CAR and a file that is none, each on a store of its own, and gives their traces.
func traceStories(args []string) (any, error) {
	if err := expect(args, "CARFILE", "BADFILE"); err != nil {
		return nil, err
	}
	good, bad := args[0], args[1]
	report := map[string][]traceLine{}
	for name, story := range map[string]func(t *traced) ([]traceLine, error){
		"eager": func(t *traced) ([]traceLine, error) {
			return t.register(good, false, 3)
		},
		"eager bad": func(t *traced) ([]traceLine, error) {
			return t.register(bad, false, 3)
		},
		"recover bad": func(t *traced) ([]traceLine, error) {
			if _, err := t.register(bad, false, 3); err != nil {
				return nil, err
			}
			done := make(chan dagstore.ShardResult, 1)
			if err := t.store.RecoverShard(context.Background(), traceKey, done, dagstore.RecoverOpts{}); err != nil {
				return nil, err
			}
			if result := <-done; result.Error == nil {
				return nil, fmt.Errorf("a file that is no CAR was recovered")
			}
			return t.take(2)
		},
		"acquire and close": func(t *traced) ([]traceLine, error) {
			if _, err := t.register(good, false, 3); err != nil {
				return nil, err
			}
			return t.acquireAndClose(2)
		},
		"lazy": func(t *traced) ([]traceLine, error) {
			lines, err := t.register(good, true, 1)
			if err != nil {
				return nil, err
			}
			rest, err := t.acquireAndClose(4)
			return append(lines, rest...), err
		},
		"destroy": func(t *traced) ([]traceLine, error) {
			if _, err := t.register(good, false, 3); err != nil {
				return nil, err
			}
			done := make(chan dagstore.ShardResult, 1)
			if err := t.store.DestroyShard(context.Background(), traceKey, done, dagstore.DestroyOpts{}); err != nil {
				return nil, err
			}
			if result := <-done; result.Error != nil {
				return nil, result.Error
			}
			return t.take(1)
		},
	} {
		lines, err := tell(story)
		if err != nil {
			return report, fmt.Errorf("%s: %w", name, err)
		}
		report[name] = lines
	}
	return report, nil
}

var traceKey = shard.KeyFromString("traced")

func tell(story func(t *traced) ([]traceLine, error)) ([]traceLine, error) {
	dir, err := os.MkdirTemp("", "dagstore")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	mounts := mount.NewRegistry()
	if err := mounts.Register("interop", &shards.CarMount{}); err != nil {
		return nil, err
	}
	traces := make(chan dagstore.Trace, traceCapacity)
	store, err := dagstore.NewDAGStore(dagstore.Config{
		TransientsDir: filepath.Join(dir, "transients"),
		MountRegistry: mounts,
		TraceCh:       traces,
	})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.Start(context.Background()); err != nil {
		return nil, err
	}
	return story(&traced{store, traces})
}

// register gives the traces of a registration, which may fail where it is eager.
func (t *traced) register(file string, lazy bool, count int) ([]traceLine, error) {
	done := make(chan dagstore.ShardResult, 1)
	opts := dagstore.RegisterOpts{LazyInitialization: lazy}
	if err := t.store.RegisterShard(context.Background(), traceKey, &shards.CarMount{Path: file}, done, opts); err != nil {
		return nil, err
	}
	<-done
	return t.take(count)
}

func (t *traced) acquireAndClose(count int) ([]traceLine, error) {
	done := make(chan dagstore.ShardResult, 1)
	if err := t.store.AcquireShard(context.Background(), traceKey, done, dagstore.AcquireOpts{}); err != nil {
		return nil, err
	}
	result := <-done
	if result.Error != nil {
		return nil, result.Error
	}
	if err := result.Accessor.Close(); err != nil {
		return nil, err
	}
	return t.take(count)
}

func (t *traced) take(count int) ([]traceLine, error) {
	lines := make([]traceLine, 0, count)
	for range count {
		select {
		case trace := <-t.traces:
			lines = append(lines, traceLine{trace.Op.String(), trace.After.ShardState.String(), trace.After.Error != nil})
		case <-time.After(traceWait):
			return lines, fmt.Errorf("%d traces came instead of %d", len(lines), count)
		}
	}
	return lines, nil
}
