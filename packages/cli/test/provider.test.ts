/** A daemon beside a provider's storage, in this process: which pieces it finds by which keys of its configuration. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { once } from 'node:events'
import { readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { makeSectorStore, type SectorStore, type StoredDeal } from '@dagstore-tooling/fixtures'
import { systemClock } from '@dagstore/io'
import { lotusUrl } from '@dagstore/lotus-mount'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Config } from '../src/config/config.ts'
import { FIELDS, KEYS } from '../src/config/keys.ts'
import { createLogs } from '../src/log/logs.ts'
import { WebSocketServer } from 'ws'
import { openProvider, type Provider } from '../src/provider.ts'
import { temporaryFolder } from './terminal.ts'

const DEFAULTS = Object.fromEntries(FIELDS.map((field) => [field, KEYS[field].default])) as unknown as Config

const open = async (keys: Partial<Config>, lines: string[] = [], root?: string): Promise<Provider> => {
  root ??= await temporaryFolder()
  const logs = createLogs({ write: (line) => { lines.push(line) }, clock: systemClock, level: 'debug', format: 'text', colors: false })
  const provider = await openProvider({ path: root, label: root }, { ...DEFAULTS, doctor: false, ...keys }, { logs, clock: systemClock, shutdown: () => {} })
  onTestFinished(() => provider.close())
  return provider
}

const makeStore = async (): Promise<SectorStore> => makeSectorStore(await temporaryFolder(), { sectors: 8, piecesPerSector: 2, maxPayloadBytes: 3000 })

const oneOf = ({ deals }: SectorStore, wanted: Partial<StoredDeal>): StoredDeal => {
  const found = deals.find((deal) => Object.entries(wanted).every(([name, value]) => deal[name as keyof StoredDeal] === value))
  if (found === undefined) throw new Error('the fixture has none')
  return found
}

/** The piece is known to lie there, as after a migration. */
const note = async ({ pieces }: Provider, deal: StoredDeal): Promise<string> => {
  await pieces.add(CID.parse(deal.pieceCid), { ...deal, payloadBytes: undefined })
  return deal.pieceCid
}

const shardOf = async (provider: Provider, deal: StoredDeal): Promise<unknown> => {
  const key = await note(provider, deal)
  await provider.store.dagstore.register(key, lotusUrl(CID.parse(key)))
  await provider.api.DagstoreInitializeShard(key)
  return (await provider.api.DagstoreListShards()).find(({ Key }) => Key === key)
}

const serve = async (answer: (request: IncomingMessage, body: string) => { readonly status: number, readonly body?: string | Uint8Array, readonly headers?: Record<string, string> }): Promise<{ readonly url: string, readonly server: Server }> => {
  const server = createServer(async (request, response) => {
    const { status, body = '', headers = {} } = answer(request, Buffer.concat(await request.toArray()).toString())
    response.writeHead(status, headers).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => { server.close(); server.closeAllConnections() })
  return { url: `http://127.0.0.1:${(server.address() as { readonly port: number }).port}`, server }
}

/** The bytes of a range, as file servers give them. */
const ranged = (bytes: Uint8Array, { headers: { range } }: IncomingMessage, tag: string): { readonly status: number, readonly body: Uint8Array, readonly headers: Record<string, string> } => {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  const from = first === '' ? bytes.byteLength - Number(last) : Number(first)
  const to = first === '' || last === '' ? bytes.byteLength - 1 : Math.min(Number(last), bytes.byteLength - 1)
  const whole = range === undefined
  const body = whole ? bytes : bytes.subarray(Math.max(0, from), to + 1)
  return { status: whole ? 200 : 206, body, headers: { etag: `"${tag}"`, 'accept-ranges': 'bytes', 'content-length': String(body.byteLength), ...(whole ? {} : { 'content-range': `bytes ${Math.max(0, from)}-${to}/${bytes.byteLength}` }) } }
}

/** A node of Lotus that has a piece sealed, and its server of pieces once it was told to unseal that; how often it was. */
const serveUnsealing = async (storage: SectorStore, { pieceCid }: StoredDeal): Promise<{ readonly url: string, unseals (): number }> => {
  let unseals = 0
  const { url, server } = await serve((request, body) => {
    if (request.url === `/piece/${pieceCid}`) return unseals > 0 ? ranged(storage.piece(pieceCid), request, 'x') : { status: 404 }
    if (request.url !== '/rpc/v0') return { status: 404 }
    const { id, method } = JSON.parse(body) as { readonly id: number, readonly method: string }
    const result = method === 'Filecoin.SectorsStatus' ? { SealProof: 8, Ticket: { Value: 'AAEC', Epoch: 7 }, CommD: { '/': pieceCid } } : []
    return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, result }) }
  })
  new WebSocketServer({ server, path: '/rpc/v0' }).on('connection', (socket) => {
    socket.on('message', (message: Buffer) => {
      unseals++
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: (JSON.parse(message.toString()) as { readonly id: number }).id }))
    })
  })
  return { url, unseals: () => unseals }
}

describe('a provider', () => {
  it('reads sectors in the storage paths of a repository, of a storage.json and of folders', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'there', content: 'car' })
    for (const place of [[storage.repo], [join(storage.repo, 'storage.json')], storage.folders]) {
      expect(await shardOf(await open({ storage: place }), deal)).toMatchObject({ State: 'ShardStateAvailable', Error: '' })
    }
  })

  it('is refused nothing but the piece when no place has it, and says where it looked', async () => {
    const storage = await makeStore()
    const provider = await open({})
    await expect(shardOf(provider, oneOf(storage, { copy: 'there', content: 'car' }))).rejects.toMatchObject({ data: expect.objectContaining({ code: expect.stringContaining('_') }) })
    expect((await provider.api.DagstoreListShards())[0]).toMatchObject({ State: 'ShardStateErrored' })
  })

  it('takes no piece for absent while a storage path is not there, and reads it when it has come', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'there', content: 'car' })
    const folder = join(await temporaryFolder(), 'mnt')
    const provider = await open({ storage: [folder], retryAttempts: 1 })
    await expect(shardOf(provider, deal)).rejects.toBeDefined()
    expect(await provider.store.dagstore.shard(deal.pieceCid)).toMatchObject({ error: { code: 'MOUNT_UNREACHABLE', retry: 'later' } })
    await rename(storage.repo, folder)
    await provider.api.DagstoreRecoverShard(deal.pieceCid)
    expect(await provider.store.dagstore.shard(deal.pieceCid)).toMatchObject({ health: 'available' })
  })

  it('says that a source is lost once its sector file is gone, and where it looked', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'there', content: 'car' })
    const provider = await open({ storage: [storage.repo], retryAttempts: 1 })
    await note(provider, deal)
    for (const folder of storage.folders) for (const kind of ['sealed', 'update', 'unsealed']) await rm(join(folder, kind), { recursive: true, force: true })
    await expect(shardOf(provider, deal)).rejects.toBeDefined()
    const name = `s-t0${deal.miner}-${deal.sector}`
    expect(await provider.store.dagstore.shard(deal.pieceCid)).toMatchObject({ error: { code: 'IO_SOURCE_LOST', retry: 'later', message: expect.stringContaining(`t0${deal.miner} sector ${deal.sector} @${deal.offsetPadded}: ${name} not in `) } })
  })

  it('reads pieces of piece servers', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'no-file', content: 'car' })
    const { url } = await serve((request) => basename(request.url ?? '') === deal.pieceCid ? ranged(storage.piece(deal.pieceCid), request, deal.pieceCid) : { status: 404 })
    expect(await shardOf(await open({ pieceServers: [url], storage: [storage.repo] }), deal)).toMatchObject({ State: 'ShardStateAvailable' })
  })

  it('asks a Lotus node where sectors are and reads them there, with its token and nothing in the log', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'there', content: 'car' })
    const file = storage.sectors.find(({ miner, sector }) => miner === deal.miner && sector === deal.sector)?.file ?? ''
    const bytes = await readFile(file)
    const asked: string[] = []
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJhZG1pbiJdfQ.secret'
    const { url } = await serve((request, body) => {
      if (request.headers.authorization !== `Bearer ${token}`) return { status: 401 }
      if (request.url === '/rpc/v0') {
        asked.push(body)
        const { id } = JSON.parse(body) as { readonly id: number }
        return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, result: [{ ID: 'x', URLs: [`http://${request.headers.host}/remote/unsealed/${basename(file)}`], Weight: 10 }] }) }
      }
      return ranged(bytes, request, 'v1')
    })
    const lines: string[] = []
    const provider = await open({ lotusApiInfo: `${token}:${url}` }, lines)
    expect(await shardOf(provider, deal)).toMatchObject({ State: 'ShardStateAvailable' })
    expect(asked.join('')).toContain('Filecoin.StorageFindSector')
    expect(lines.join('')).not.toContain('secret')
  })

  it('leaves what is sealed, or has the Lotus node unseal it, as it is told; an operator is told', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'no-file', content: 'car' })
    let unsealed = false
    const calls: { readonly method: string, readonly params: readonly any[] }[] = []
    const { url, server } = await serve((request, body) => {
      if (request.url === `/piece/${deal.pieceCid}`) return unsealed ? ranged(storage.piece(deal.pieceCid), request, 'x') : { status: 404 }
      if (request.url !== '/rpc/v0') return { status: 404 }
      const { id, method } = JSON.parse(body) as { readonly id: number, readonly method: string }
      const result = method === 'Filecoin.SectorsStatus' ? { SealProof: 8, Ticket: { Value: 'AAEC', Epoch: 7 }, CommD: { '/': deal.pieceCid } } : method === 'Filecoin.StorageFindSector' ? [] : null
      return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, result }) }
    })
    // what takes hours is asked over a WebSocket
    new WebSocketServer({ server, path: '/rpc/v0' }).on('connection', (socket) => {
      socket.on('message', (message: Buffer) => {
        const { id, method, params } = JSON.parse(message.toString()) as { readonly id: number, readonly method: string, readonly params: readonly unknown[] }
        calls.push({ method, params })
        unsealed = true
        socket.send(JSON.stringify({ jsonrpc: '2.0', id }))
      })
    })
    const keys = { lotusApiInfo: url, pieceServers: [url] }
    await expect(shardOf(await open(keys), deal)).rejects.toBeDefined()
    expect(unsealed, 'reject').toBe(false)
    const lines: string[] = []
    await expect(shardOf(await open({ ...keys, sealed: 'ask' }, lines), deal)).rejects.toBeDefined()
    expect(unsealed, 'ask').toBe(false)
    expect(lines.filter((line) => line.includes(`only sealed; to have it unsealed: dagstore recover-shard ${deal.pieceCid}`))).toHaveLength(1)
    expect(await shardOf(await open({ ...keys, sealed: 'queue', negativeTtlMs: 0 }), deal)).toMatchObject({ State: 'ShardStateAvailable' })
    const call = calls.find(({ method }) => method === 'Filecoin.SectorsUnsealPiece')
    expect(call?.params).toEqual([
      { ID: { Miner: Number(deal.miner), Number: Number(deal.sector) }, ProofType: 8 },
      deal.offsetPadded / 128 * 127, deal.lengthPadded / 128 * 127, 'AAEC', { '/': deal.pieceCid },
    ])
  })

  it('unseals what it has asked about once the operator recovers the shard, and nothing that he was not asked about', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'no-file', content: 'car' })
    const { url, unseals } = await serveUnsealing(storage, deal)
    const provider = await open({ lotusApiInfo: url, pieceServers: [url], sealed: 'ask', negativeTtlMs: 0, retryAttempts: 1 })
    await expect(provider.api.DagstoreRecoverShard(deal.pieceCid)).rejects.toBeDefined() // no such shard, no answer
    await expect(shardOf(provider, deal)).rejects.toBeDefined()
    await expect(provider.store.dagstore.recover(deal.pieceCid)).rejects.toBeDefined() // by the store itself
    expect(unseals()).toBe(0)
    // whoever looks sees that he is waited for
    const command = `to have it unsealed: dagstore recover-shard ${deal.pieceCid}`
    expect(await provider.api.DagstoreStats()).toMatchObject({ Shards: 1, Waiting: 1 })
    expect((await provider.metrics()).gauges).toContainEqual(expect.objectContaining({ name: 'shards.waiting', value: 1 }))
    expect(await provider.api.DagstoreListShards()).toMatchObject([{ State: 'ShardStateErrored', Error: expect.stringContaining(command) }])
    expect((await provider.api.DagstoreQueryShards()).Shards).toMatchObject([{ Failure: { Message: expect.stringContaining(command) } }])
    expect(await provider.api.DagstoreShardInfo(deal.pieceCid)).toMatchObject({ Error: expect.stringContaining(command) })
    expect(await provider.api.DagstoreWhy(CID.parse('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'))).toMatchObject({ Fix: expect.stringContaining(`dagstore recover-shard ${deal.pieceCid}`) })
    await provider.api.DagstoreRecoverShard(deal.pieceCid)
    expect(unseals()).toBe(1)
    expect(await provider.api.DagstoreStats()).toMatchObject({ Waiting: 0 })
    expect(await provider.api.DagstoreListShards()).toMatchObject([{ Error: '' }])
    expect(await provider.store.dagstore.shard(deal.pieceCid)).toMatchObject({ health: 'available' })
  })

  it('shows after another start what waits for the operator, and unseals it at his first word', async () => {
    const storage = await makeStore()
    const deal = oneOf(storage, { copy: 'no-file', content: 'car' })
    const { url, unseals } = await serveUnsealing(storage, deal)
    const root = await temporaryFolder()
    const keys = { lotusApiInfo: url, pieceServers: [url], negativeTtlMs: 0, retryAttempts: 1 }
    // who rejects asks nobody, so nobody is waited for
    const before = await open({ ...keys, sealed: 'reject' }, [], root)
    await expect(shardOf(before, deal)).rejects.toBeDefined()
    expect(await before.api.DagstoreStats()).toMatchObject({ Waiting: 0 })
    await before.close()
    const provider = await open({ ...keys, sealed: 'ask' }, [], root)
    expect(await provider.api.DagstoreStats()).toMatchObject({ Waiting: 1 })
    await provider.api.DagstoreRecoverShard(deal.pieceCid)
    expect(unseals()).toBe(1)
    expect(await provider.api.DagstoreStats()).toMatchObject({ Waiting: 0 })
  })

  it('asks private hosts for shards that callers name only when it is told to', async () => {
    const { url } = await serve(() => ({ status: 404 }))
    const add = async (keys: Partial<Config>): Promise<unknown> => (await open(keys)).api.DagstoreAdd([{ Key: 'x', MountURL: `${url}/x.car` }])
    expect(await add({})).toMatchObject([{ Error: expect.stringContaining('MOUNT_FORBIDDEN') }])
    expect(await add({ mountHosts: ['127.0.0.0/8'] })).toMatchObject([{ Error: '' }])
  })

  it('lists the pieces that it knows of, by sector', async () => {
    const storage = await makeStore()
    const provider = await open({})
    const deal = oneOf(storage, { copy: 'there' })
    const piece = CID.parse(await note(provider, deal))
    await provider.pieces.addPayload(piece, piece)
    expect((await provider.api.PiecesListPieces()).map(String)).toEqual([deal.pieceCid])
    expect((await provider.api.PiecesGetPieceInfo(piece)).Deals).toMatchObject([{ SectorID: deal.sector, Offset: deal.offsetPadded, Length: deal.lengthPadded }])
    const [payload] = await provider.api.PiecesListCidInfos()
    expect((await provider.api.PiecesGetCIDInfo(payload!)).PieceBlockLocations.map(({ PieceCID }) => PieceCID.toString())).toEqual([deal.pieceCid])
    expect(await provider.api.MarketListIncompleteDeals()).toEqual([])
  })

  it('knows which pieces hold a block once they are indexed, though no deal has told of their payloads', async () => {
    const storage = await makeStore()
    const provider = await open({ storage: [storage.repo] })
    const deal = oneOf(storage, { copy: 'there', content: 'car' })
    await note(provider, deal)
    await shardOf(provider, deal)
    const car = storage.payload(deal.pieceCid)
    const section = 1 + car[0]! // behind the header, whose length is one byte
    const [block] = CID.decodeFirst(car.subarray(section + (car[section]! < 128 ? 1 : 2)))
    expect((await provider.api.PiecesGetCIDInfo(block)).PieceBlockLocations.map(({ PieceCID }) => PieceCID.toString())).toEqual([deal.pieceCid])
    await expect(provider.api.PiecesGetCIDInfo(CID.createV1(0x55, decode(Uint8Array.of(0, 1, 7))))).rejects.toThrow('not found')
  })

  it('keeps the store closed when its secret is damaged', async () => {
    const provider = await open({})
    const { root } = provider.store
    await provider.close()
    const { writeFile } = await import('node:fs/promises')
    await writeFile(join(root.path, 'jwt-secret'), 'x')
    const logs = createLogs({ write: () => {}, clock: systemClock, level: 'info', format: 'text', colors: false })
    const again = (): Promise<Provider> => openProvider(root, DEFAULTS, { logs, clock: systemClock, shutdown: () => {} })
    await expect(again()).rejects.toMatchObject({ code: 'COMMAND_REFUSED' })
    await writeFile(join(root.path, 'jwt-secret'), '0'.repeat(64))
    await (await again()).close()
  })
})
