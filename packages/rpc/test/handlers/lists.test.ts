/** Lists in pages, shards by the thousand, and questions about the store. */
import { createMemoryDirectory } from '@dagstore/io'
import { bytesUrl } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import { ADMIN, all, openNode, type NodeKit, until } from './node-kit.ts'

const pages = async (node: NodeKit, query: object): Promise<string[][]> => {
  const found: string[][] = []
  for (let After: string | null | undefined; After !== null;) {
    const page = await node.api.DagstoreQueryShards({ ...query, ...(After === undefined ? {} : { After }) })
    found.push(page.Shards.map(({ Key }) => Key))
    After = page.Next
  }
  return found
}

describe('DagstoreQueryShards', () => {
  it('gives every shard once, in pages by key', async () => {
    await using node = await openNode()
    const keys = Array.from({ length: 7 }, (_, at) => `shard ${at}`)
    for (const key of keys) await node.store.register(key, 'bytes:')
    expect(await pages(node, { Limit: 3 })).toEqual([keys.slice(0, 3), keys.slice(3, 6), keys.slice(6)])
    expect((await pages(node, {})).flat()).toEqual(keys)
  })
  it('gives those of a state, and those that failed with a code', async () => {
    await using node = await openNode()
    const [a, b, c] = [await node.lazy(1), await node.lazy(2), await node.lazy(3)]
    b.bytes = undefined
    await all(node.store.initializeAll())
    const lease = await node.store.acquire(c.key)
    const of = async (query: object): Promise<string[]> => (await pages(node, query)).flat()
    expect(await of({ State: 'ShardStateAvailable' })).toEqual([a.key])
    expect(await of({ State: 'ShardStateServing' })).toEqual([c.key])
    expect(await of({ State: 'ShardStateErrored' })).toEqual([b.key])
    expect(await of({ Code: 'MOUNT_MISSING' })).toEqual([b.key])
    expect(await of({ State: 'ShardStateNew' })).toEqual([])
    expect(await of({ State: 'ShardStateUnknown' })).toEqual([])
    await lease.close()
  })
  it.each([0, -1, 1001, 1e15])('refuses %s in a page', async (Limit) => {
    await using node = await openNode()
    await expect(node.api.DagstoreQueryShards({ Limit })).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })
})

describe('DagstoreAdd', () => {
  it('registers shards and answers each, in their order', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    const results = await node.api.DagstoreAdd([
      { Key: 'a', MountURL: piece.url, Eager: true }, { Key: 'b', MountURL: 'http://169.254.169.254/latest' }, { Key: '', MountURL: piece.url }, { Key: 'c', MountURL: bytesUrl(piece.bytes!) }, { Key: 'a', MountURL: piece.url },
    ], ADMIN)
    expect(results.map(({ Key, Error, Shard }) => [Key, Error.split(':')[0], Shard?.State])).toEqual([
      ['a', '', 'ShardStateAvailable'], ['b', 'MOUNT_FORBIDDEN', undefined], ['', 'DAGSTORE_BAD_KEY', undefined], ['c', '', 'ShardStateNew'], ['a', '', expect.any(String)],
    ])
    expect(results[0]?.Shard?.MountURL).toBe(piece.url)
  })
  it('keeps a shard whose indexing failed, and shows it', async () => {
    await using node = await openNode()
    const piece = node.piece(1)
    piece.bytes = undefined
    const [result] = await node.api.DagstoreAdd([{ Key: 'a', MountURL: piece.url, Eager: true }], ADMIN)
    expect(result).toMatchObject({ Error: expect.stringMatching(/^DAGSTORE_SHARD_ERRORED: /), Shard: { State: 'ShardStateErrored', Failure: { Code: 'MOUNT_MISSING' } } })
  })
  it('takes no more than 1000 at a time', async () => {
    await using node = await openNode()
    await expect(node.api.DagstoreAdd(Array.from({ length: 1001 }, (_, at) => ({ Key: String(at), MountURL: 'bytes:' })))).rejects.toMatchObject({ code: 'RPC_BAD_PARAMS' })
  })
})

describe('URLs that callers name', () => {
  const inner = ['http://127.0.0.1/a.car', 'http://[::1]/a.car', 'http://10.1.2.3/', 'http://0x7f000001/', 'http://169.254.169.254/latest/meta-data', 'http://localhost/', 'http://router.lan/', 'http://user:secret@example.com/', 'gopher://example.com/', 'no url', '']
  it.each(inner)('%s is refused wherever it comes from', async (url) => {
    await using node = await openNode()
    await node.store.register('a', 'bytes:')
    expect((await node.api.DagstoreAdd([{ Key: 'x', MountURL: url }], ADMIN))[0]?.Error).toMatch(/^MOUNT_(FORBIDDEN|BAD_URL): /)
    await expect(node.api.DagstoreRefreshShard('a', url, ADMIN)).rejects.toMatchObject({ data: { code: expect.stringMatching(/^MOUNT_(FORBIDDEN|BAD_URL)$/) } })
    const lines = `{"dagstore-shards":1}\n${JSON.stringify({ key: 'y', url })}\n{"end":1}\n`
    for (const list of [lines, lines.replace(/\n\{/g, '\n\uFEFF{')]) {
      await expect(node.api.DagstoreImportShards(list, ADMIN)).rejects.toMatchObject({ data: { code: expect.stringMatching(/^MOUNT_(FORBIDDEN|BAD_URL)$/) } })
    }
    expect((await node.api.DagstoreListShards()).map(({ Key }) => Key)).toEqual(['a'])
  })
  it('may name hosts that the operator allows', async () => {
    await using node = await openNode({ hosts: { allow: ['10.1.0.0/16'] } })
    // allowed by the guard; the store of this test knows no such scheme
    expect((await node.api.DagstoreAdd([{ Key: 'x', MountURL: 'http://10.1.2.3/a.car' }], ADMIN))[0]?.Error).toMatch(/^MOUNT_UNKNOWN_SCHEME: /)
  })
  it('are for administrators: files of this machine too', async () => {
    await using node = await openNode()
    for (const [method, params] of [['DagstoreAdd', [[{ Key: 'a', MountURL: 'file:///etc/passwd' }]]], ['DagstoreRefreshShard', ['a', 'file:///etc/passwd']], ['DagstoreImportShards', ['']]] as const) {
      for (const permissions of [['read'], ['read', 'write', 'sign']] as const) {
        expect((await node.call(`Filecoin.${method}`, params, permissions)).error?.message).toBe(`missing permission to invoke '${method}' (need 'admin')`)
      }
    }
  })
})

describe('lists of shards', () => {
  it('go out as text, and in again elsewhere', async () => {
    await using node = await openNode()
    await using other = await openNode()
    const piece = node.piece(1)
    for (const key of ['a', 'b', '\u{1F600}']) await node.store.register(key, piece.url)
    const text = (await all(node.api.DagstoreExportShards())).join('')
    const results = await other.api.DagstoreImportShards(text, ADMIN)
    expect(results.map(({ Line, Key, Error }) => [Line, Key, Error])).toEqual([[2, 'a', ''], [3, 'b', ''], [4, '\u{1F600}', '']])
    expect((await other.api.DagstoreListShards()).map(({ Key }) => Key)).toEqual(['a', 'b', '\u{1F600}'])
    await expect(other.api.DagstoreImportShards('something else', ADMIN)).rejects.toMatchObject({ data: { code: 'DAGSTORE_BAD_EXPORT' } })
  })
  it('go to folders and come from them by absolute paths alone', async () => {
    await using node = await openNode()
    const piece = await node.lazy(1)
    await node.api.DagstoreEnsureShard(piece.key)
    expect(await all(node.api.DagstoreExportIndices('/out'))).toEqual([{ Key: piece.key, Error: '', Name: `${piece.key}.full.idx`, SizeBytes: expect.any(Number) }])
    await using other = await openNode()
    await other.lazy(1)
    other.folders.set('/in', node.folders.get('/out') ?? createMemoryDirectory('none'))
    expect(await all(other.api.DagstoreAdoptIndices('/in'))).toEqual([{ Key: piece.key, Error: '', Adopted: true, Entries: 6 }])
    for (const call of [node.api.DagstoreExportIndices, node.api.DagstoreAdoptIndices]) {
      for (const path of ['out', './out', '', '/a\0b']) expect(() => call(path)).toThrow(expect.objectContaining({ code: 'RPC_BAD_PARAMS' }))
    }
  })
})

describe('questions about the store', () => {
  it('why a block can be read, and how many shards might have it', async () => {
    await using node = await openNode()
    const [piece, other] = [await node.lazy(1), await node.lazy(2)]
    await node.api.DagstoreEnsureShard(piece.key)
    expect(await node.api.DagstoreWhy(piece.blocks[0]!)).toMatchObject({ Cid: piece.blocks[0]!.toString(), Retrievable: true, Fix: null })
    expect(await node.api.DagstoreWhy(other.blocks[0]!)).toMatchObject({ Retrievable: false, Fix: expect.any(String) })
    expect(await node.api.DagstoreUnindexed(piece.blocks[0]!)).toBe(0)
    expect(await node.api.DagstoreUnindexed(other.blocks[0]!)).toBe(1)
  })
  it('how many shards are in which state, and what was counted', async () => {
    await using node = await openNode()
    const pieces = [await node.lazy(1), await node.lazy(2), await node.lazy(3)]
    pieces[1]!.bytes = undefined
    for (const { key } of pieces.slice(0, 2)) await node.api.DagstoreEnsureShard(key).catch(() => {})
    const stats = await node.api.DagstoreStats()
    expect(stats).toMatchObject({ Shards: 3, States: { ShardStateAvailable: 1, ShardStateErrored: 1, ShardStateNew: 1 }, Unindexed: 2, Leases: 0 })
    expect(stats.Counters.length).toBeGreaterThan(0)
  })
  it('what happens from the call on, of all shards or of one', async () => {
    await using node = await openNode()
    const [piece, other] = [await node.lazy(1), await node.lazy(2)]
    const leave = new AbortController()
    const seen: string[] = []
    const events = node.api.DagstoreEvents({ Key: piece.key }, { signal: leave.signal })
    for (const { key } of [other, piece]) await node.api.DagstoreEnsureShard(key)
    const reading = (async () => { for await (const event of events) if (event.Type === 'health') seen.push(`${event.Key === piece.key ? 'piece' : 'other'} ${event.From} ${event.To}`) })()
    await until(() => seen.length >= 2)
    leave.abort(new Error('left'))
    await expect(reading).rejects.toThrow('left')
    expect(seen).toEqual(['piece ShardStateNew ShardStateInitializing', 'piece ShardStateInitializing ShardStateAvailable'])
  })
  it('tells a caller who does not keep up how many events he has missed', async () => {
    await using node = await openNode()
    const events = node.api.DagstoreEvents()[Symbol.asyncIterator]()
    const piece = node.piece(1)
    await node.store.registerMany(Array.from({ length: 1200 }, (_, at) => ({ key: `shard ${at}`, mountUrl: piece.url }))).next()
    for (let at = 0; at < 1200; at++) await node.store.register(`more ${at}`, piece.url)
    expect((await events.next()).value).toMatchObject({ Type: 'dropped', Count: expect.any(Number) })
    await events.return?.()
  })
})
