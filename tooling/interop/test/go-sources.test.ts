/** Our retrievals from frisbii, which providers serve with. */
import { writeFile } from 'node:fs/promises'
import { deepFile, gatewayCar, type Node, subdirMixedFiles } from '@dagstore-tooling/fixtures/gateway'
import { openHashes } from '@dagstore/hashes/node'
import { openDirectory } from '@dagstore/io/node'
import { type DagSelector, openRetrievals } from '@dagstore/retrievals'
import { fetchingStore, gatewaySource } from '@dagstore/transfer'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { ask, cidsOf } from './gateway-world.ts'
import { useRetrieval } from './retrieval.ts'

const { retrieval, at } = useRetrieval()

interface Part { readonly title: string, readonly root: Node, readonly selector?: DagSelector, readonly target: string, readonly blocks: number }

const PARTS: readonly Part[] = [
  { title: 'a whole DAG', root: subdirMixedFiles, target: '?dag-scope=all', blocks: 10 },
  { title: 'a path', root: subdirMixedFiles, selector: { path: 'subdir/multiblock.txt', scope: 'entity' }, target: '/subdir/multiblock.txt?dag-scope=entity', blocks: 8 },
  { title: 'a byte range', root: deepFile, selector: { scope: 'entity', entityBytes: { from: 700, to: 1500 } }, target: '?dag-scope=entity&entity-bytes=700:1500', blocks: 21 },
]

describe('a retrieval from frisbii', () => {
  it.for(PARTS)('of $title has the blocks that it sends, in its order, and asks for them once', async ({ root, selector, target, blocks }, context) => {
    const { frisbii } = retrieval(context)
    await writeFile(at('sources.car'), gatewayCar())
    await using theirs = await frisbii([at('sources.car')])
    const hashes = await openHashes()
    const cid = CID.decode(root.block.cid)
    const retrievals = openRetrievals({ directory: openDirectory(at(`retrievals-${blocks}`)), hashes })
    const asked: string[] = []
    const counted: typeof fetch = async (url, init) => {
      asked.push(String(url))
      return fetch(url, init)
    }
    await using from = fetchingStore({ root: cid, sources: [gatewaySource(theirs.url, { fetch: counted })], hashes, ...selector === undefined ? {} : { selector } })
    const { name } = await retrievals.retrieve({ id: 'one', root: cid, from, selector })
    const parts: Uint8Array[] = []
    for await (const chunk of retrievals.exportCar(name, { selector })) parts.push(chunk)
    const sent = await ask(theirs.url, `/ipfs/${cid.toString()}${target}`, { accept: 'application/vnd.ipld.car;version=1;order=dfs;dups=n' })
    expect(sent.status).toBe(200)
    const own = await cidsOf(Buffer.concat(parts))
    expect(own).toEqual(await cidsOf(sent.body))
    expect(own?.length).toBe(blocks)
    expect(asked).toHaveLength(1)
  })
})
