import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** What is loaded with a module of this package, before anything runs: the packages that it and its like import. */
const loadedWith = (module: string): Set<string> => {
  const packages = new Set<string>()
  const seen = new Set<string>()
  const visit = (url: URL): void => {
    if (seen.has(url.href)) return
    seen.add(url.href)
    for (const [, name] of readFileSync(url, 'utf8').matchAll(/^(?:import|export) (?!type ).*from '(.+)'$/gm)) {
      if (name!.startsWith('.')) visit(new URL(name!, url))
      else packages.add(name!)
    }
  }
  visit(new URL(`../src/${module}`, import.meta.url))
  return packages
}

describe('starting', () => {
  it('loads no more than it takes to read the command line', () => {
    expect([...loadedWith('bin.ts')].filter((name) => !name.startsWith('node:')).sort()).toEqual(['@dagstore/io/node', 'commander'])
  })

  it('loads for a store what reads pieces when there is one to read', () => {
    const loaded = loadedWith('compose.ts')
    expect(loaded).toContain('@dagstore/node')
    for (const name of ['@dagstore/lotus-mount', '@dagstore/lotus-mount/node', '@dagstore/piece-store', '@dagstore/piece/node', '@dagstore/imports', '@dagstore/retrievals']) expect(loaded).not.toContain(name)
  })

  it.each(['car/list.ts', 'car/inspect.ts', 'car/verify.ts', 'car/root.ts'])('loads for %s neither UnixFS nor mounts', (module) => {
    const loaded = loadedWith(module)
    expect(loaded).toContain('@dagstore/carv2')
    for (const name of ['ipfs-unixfs', '@ipld/dag-pb', '@dagstore/carv2-index-mount/node', 'cli-progress']) expect(loaded).not.toContain(name)
  })

  it.each(['shards/list.ts', 'shards/initialize-all.ts', 'add/command.ts', 'migrate/command.ts', 'migrate/adopt.ts', 'pieces/lists.ts', 'deals/list.ts', 'deals/accept.ts', 'deals/import-data.ts'])('loads for %s neither a store nor a client before it is known who is asked', (module) => {
    const loaded = loadedWith(module)
    for (const name of ['@dagstore/node', '@dagstore/dagstore', 'classic-level', 'ws', '@dagstore/json-rpc', '@dagstore/lotus-api', '@dagstore/rpc/handlers', '@dagstore/rpc/wire', '@dagstore/deal-provider', '@dagstore/piece-store/node']) expect(loaded).not.toContain(name)
  })
})
