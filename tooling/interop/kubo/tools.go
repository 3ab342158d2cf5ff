//go:build tools

// Package tools says what this module is for: a Kubo node, whose command is built from it.
package tools

import _ "github.com/ipfs/kubo/cmd/ipfs"
