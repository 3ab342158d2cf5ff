/** What retrieval from Filecoin is made of, both ends: frisbii, which providers serve with, beside our gateway, and Lassie, which fetches from it. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { carV1 } from '@dagstore-tooling/fixtures'
import { cborDirectory, deepFile, gatewayCar, helloText, multiblockText, type Node, oddDirectory, rawNode, shardedDirectory, streamedFile, subdirMixedFiles, threeBlockFile } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { FRISBII_DIFFERENCES, inFrisbiisWords } from './frisbii-differences.ts'
import { askedOfBoth, type Seen } from './gateway-asked.ts'
import { compareGateways } from './gateway-compared.ts'
import { ask, cidsOf, type HttpAnswer, serveStore } from './gateway-world.ts'
import { useRetrieval } from './retrieval.ts'
import type { ServedByGo } from './served-go.ts'

const { retrieval, at } = useRetrieval()
const CAR = 'application/vnd.ipld.car'
const nameOf = ({ block }: Node): string => CID.decode(block.cid).toString()

interface Both<T> { readonly theirs: T, readonly ours: T }

const statuses = ({ theirs, ours }: Both<HttpAnswer>): Both<number> => ({ theirs: theirs.status, ours: ours.status })
const types = ({ theirs, ours }: Both<HttpAnswer>): Both<string | undefined> => ({ theirs: theirs.headers['content-type'], ours: ours.headers['content-type'] })

/** What frisbii says as well, in its way of writing it: no spaces in a type, and paths without escapes and slashes at the end. */
const compared = ({ headers, ...seen }: Seen): Seen => (headers === undefined ? seen : {
  ...seen,
  headers: {
    'cache-control': headers['cache-control'],
    'content-disposition': headers['content-disposition'],
    'content-type': headers['content-type']?.replaceAll('; ', ';'),
    'x-content-type-options': headers['x-content-type-options'],
    'x-ipfs-path': headers['x-ipfs-path']?.replace(/\/$/, ''),
  },
})

describe('frisbii and our gateway', () => {
  it('send the same bytes, but for what is meant', async (context) => {
    const { frisbii } = retrieval(context)
    await writeFile(at('dags.car'), gatewayCar())
    await using theirs = await frisbii([at('dags.car')])
    await using ours = await serveStore(at('.'), [at('dags.car')])
    const all = askedOfBoth().filter(({ headers: { range } }) => range === undefined)
    expect(all.length).toBeGreaterThan(550)
    expect(await compareGateways({ theirs: theirs.url, ours: ours.url, all, differences: FRISBII_DIFFERENCES, inTheirWords: inFrisbiisWords, compared })).toEqual({ unexplained: [], unused: [] })
  })

  it('differ in words that frisbii does not know, or takes otherwise', async (context) => {
    const { frisbii } = retrieval(context)
    await writeFile(at('words.car'), gatewayCar())
    await using theirs = await frisbii([at('words.car')])
    await using ours = await serveStore(at('.'), [at('words.car')])
    const both = async (target: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Both<HttpAnswer>> =>
      ({ theirs: await ask(theirs.url, target, headers, method), ours: await ask(ours.url, target, headers, method) })
    const [deep, hello] = [`/ipfs/${nameOf(deepFile)}`, `/ipfs/${nameOf(helloText)}`]

    expect(statuses(await both(`${deep}?format=car`, {}, 'HEAD'))).toEqual({ theirs: 405, ours: 200 })
    expect(statuses(await both(`${hello}?format=raw`, { range: 'bytes=2-4' }))).toEqual({ theirs: 200, ours: 206 })
    expect(types(await both(`${hello}?format=raw`, { accept: CAR }))).toEqual({ theirs: `${CAR};version=1;order=dfs;dups=y`, ours: 'application/vnd.ipld.raw' })
    const silent = await both(`${deep}?format=car`)
    expect(types(silent)).toEqual({ theirs: `${CAR};version=1;order=dfs;dups=y`, ours: `${CAR}; version=1; order=dfs; dups=n` })
    expect((await ask(ours.url, `${deep}?format=car&car-dups=y`)).body).toEqual(silent.theirs.body)
    expect((await ask(theirs.url, deep, { accept: `${CAR};dups=n` })).body).toEqual(silent.ours.body)
  })
})

interface Whole { readonly title: string, readonly root: Node, readonly path?: string, readonly scope?: 'block' | 'entity', readonly entityBytes?: string }

/** A gateway before ours that changes CARs on their way. */
const between = async (url: string, change: (car: Uint8Array) => Uint8Array): Promise<ServedByGo> => {
  const server = createServer((request, response) => {
    void ask(url, request.url!, { accept: request.headers.accept! }).then(({ status, headers, body }) => {
      response.writeHead(status, { 'content-type': headers['content-type'] })
      response.end(change(body))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('Lassie', () => {
  const streamed = streamedFile()
  const wholes: readonly Whole[] = [
    { title: 'a file of one block', root: helloText },
    { title: 'a file of many levels with repeated leaves', root: deepFile },
    { title: 'a file of 16 MiB', root: streamed },
    { title: 'a directory', root: subdirMixedFiles },
    { title: 'a sharded directory of a thousand files', root: shardedDirectory },
    { title: 'a directory alone', root: shardedDirectory, scope: 'entity' },
    { title: 'one block', root: deepFile, scope: 'block' },
    { title: 'a file behind directories', root: subdirMixedFiles, path: '/subdir/multiblock.txt' },
    { title: 'a file in a sharded directory', root: shardedDirectory, path: '/685.txt' },
    { title: 'a file behind a link of DAG-CBOR', root: cborDirectory, path: '/document/files/multi/0' },
    { title: 'a file of a name that needs escapes', root: oddDirectory, path: '/a space.txt' },
    { title: 'the first bytes of a file', root: deepFile, scope: 'entity', entityBytes: '0:99' },
    { title: 'bytes in the middle of a file behind a path', root: oddDirectory, path: '/deep.bin', scope: 'entity', entityBytes: '1300:2700' },
    { title: 'the last bytes of a large file', root: streamed, scope: 'entity', entityBytes: '-200000:*' },
  ]

  it.for(['y', 'n'] as const)('believes every answer of our gateway, and passes on what it was sent, dups=%s', async (dups, context) => {
    const { lassie } = retrieval(context)
    await writeFile(at('fetched.car'), gatewayCar())
    await writeFile(at('streamed.car'), carV1([streamed.block.cid], streamed.blocks))
    await using ours = await serveStore(at('.'), [at('fetched.car'), at('streamed.car')])
    for (const { title, root, path = '', scope, entityBytes } of wholes) {
      const query = `${scope === undefined ? '' : `&dag-scope=${scope}`}${entityBytes === undefined ? '' : `&entity-bytes=${entityBytes}`}`
      const sent = await ask(ours.url, encodeURI(`/ipfs/${nameOf(root)}${path}?format=car&car-dups=${dups}${query}`))
      expect({ title, status: sent.status, whole: sent.whole }).toEqual({ title, status: 200, whole: true })
      const { car, failed } = await lassie({ from: ours.url, what: `${nameOf(root)}${path}`, dups, ...(scope && { scope }), ...(entityBytes && { entityBytes }) })
      expect({ title, failed, cids: await cidsOf(car), same: Buffer.compare(car, sent.body) === 0 }).toEqual({ title, failed: undefined, cids: await cidsOf(sent.body), same: true })
    }
  })

  it('fails cleanly on what is not there', async (context) => {
    const { lassie } = retrieval(context)
    await writeFile(at('lacking.car'), gatewayCar())
    await using ours = await serveStore(at('.'), [at('lacking.car')])
    const absent = await lassie({ from: ours.url, what: nameOf(rawNode(new TextEncoder().encode('nobody has it'))), dups: 'y' })
    expect(absent).toEqual({ car: Buffer.alloc(0), failed: expect.stringContaining('remote response code: 404') })
    const nowhere = await lassie({ from: ours.url, what: `${nameOf(subdirMixedFiles)}/subdir/none`, dups: 'y' })
    expect(nowhere.failed).toContain('remote response code: 404')
    const lacking = await lassie({ from: ours.url, what: nameOf(threeBlockFile), dups: 'y' })
    expect(lacking.failed).toContain('unexpected EOF')
    // what came before is valid, and is kept
    const before = threeBlockFile.blocks.slice(0, 2).map(({ cid }) => CID.decode(cid).toString())
    expect(await cidsOf(lacking.car)).toEqual(before)
  })

  it('fails where a block is damaged: our gateway does not send it, and one that does is found out', async (context) => {
    const { lassie } = retrieval(context)
    const bytes = carV1([multiblockText.block.cid], multiblockText.blocks)
    await writeFile(at('sound.car'), bytes)
    await writeFile(at('damaged.car'), withLastBitChanged(bytes))
    const what = nameOf(multiblockText)
    await using damaged = await serveStore(at('.'), [at('damaged.car')])
    const refused = await lassie({ from: damaged.url, what, dups: 'y' })
    expect({ failed: refused.failed, cids: await cidsOf(refused.car) }).toEqual({ failed: expect.stringContaining('unexpected EOF'), cids: multiblockText.blocks.slice(0, -1).map(({ cid }) => CID.decode(cid).toString()) })
    await using sound = await serveStore(at('.'), [at('sound.car')])
    await using lying = await between(sound.url, withLastBitChanged)
    const found = await lassie({ from: lying.url, what, dups: 'y' })
    expect(found.failed).toContain('mismatch in content integrity')
  })
})

const withLastBitChanged = (car: Uint8Array): Uint8Array => {
  const changed = Uint8Array.from(car)
  changed[changed.length - 1]! ^= 1
  return changed
}
