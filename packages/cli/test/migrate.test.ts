/** `migrate`, `adopt`, and the pieces and shards that come of them, as an operator meets them. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { carV1, makeBlocks, makeSectorStore, type SectorStore, type StoredDeal } from '@dagstore-tooling/fixtures'
import { openDagstore } from '@dagstore/node'
import { ClassicLevel } from 'classic-level'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { InterruptedError } from '../src/terminal.ts'
import { call, commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

interface Provider { readonly cwd: string, readonly storage: SectorStore, readonly deals: readonly StoredDeal[] }

/** A storage, and the list of its deals as `deals.ndjson`. */
const provider = async (): Promise<Provider> => {
  const cwd = await temporaryFolder()
  const storage = await makeSectorStore(join(cwd, 'mnt'), { sectors: 4, piecesPerSector: 2, trouble: false })
  const { deals } = storage
  await writeFile(join(cwd, 'deals.ndjson'), deals.map((deal) => `${lineOf(deal)}\n`).join(''))
  return { cwd, storage, deals }
}

const lineOf = ({ pieceCid, dealId, miner, sector, offsetPadded, lengthPadded, payloadBytes, state }: StoredDeal): string =>
  JSON.stringify({ pieceCid, dealId, miner: Number(miner), sector: Number(sector), offsetPadded, lengthPadded, rawSize: payloadBytes, state })

const FROM_FILE = ['migrate', '--from', 'file', 'deals.ndjson']

/** Names, sizes and times of all that is there. */
const lookOf = async (folder: string): Promise<readonly string[]> => {
  const names = (await readdir(folder, { recursive: true })).sort()
  return Promise.all(names.map(async (name) => {
    const { size, mtimeMs, mode } = await stat(join(folder, name))
    return `${name} ${size} ${mtimeMs} ${mode}`
  }))
}

const reportOf = (run: Run, cwd: string): string => join(cwd, /\(report: (.*)\)\n$/.exec(run.stdout)?.[1] ?? 'none')

describe('dagstore migrate', () => {
  it('makes shards of all deals, which can be read at once, and changes nothing when it is run again', async () => {
    const { cwd, storage, deals } = await provider()
    const before = await lookOf(join(cwd, 'mnt'))
    const pieces = new Set(deals.map(({ pieceCid }) => pieceCid))
    const run = await dagstore(cwd, [...FROM_FILE, '--storage', 'mnt/repo'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout).toBe(`${deals.length} deals: ${pieces.size} shards registered, ${deals.length - pieces.size} merged (same piece), 0 skipped (report: ${/report: (.*)\)/.exec(run.stdout)?.[1]})\n`)
    expect(run.stderr).toContain('made a DAG store at .dagstore\n')
    const report = (await readFile(reportOf(run, cwd), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as { readonly deal: string, readonly outcome: string })
    expect(report.map(({ deal }) => deal).sort()).toEqual(deals.map(({ dealId }) => dealId).sort())
    expect((await stat(reportOf(run, cwd))).mode & 0o777).toBe(0o600)
    expect(await readFile(join(cwd, '.dagstore', 'config.toml'), 'utf8')).toContain(`Storage = [${JSON.stringify(join(cwd, 'mnt', 'repo'))}]`)

    const all = await dagstore(cwd, ['initialize-all'])
    expect(all, all.stderr).toMatchObject({ code: 0, stderr: `${pieces.size} ok, 0 failed\n` })
    const again = await dagstore(cwd, [...FROM_FILE, '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ ok: true, from: 'file', deals: deals.length, registered: expect.any(Number) as number, failed: 0, complete: true })
    expect((JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as { readonly State: string }[]).map(({ State }) => State)).toEqual(Array.from(pieces, () => 'ShardStateAvailable'))
    expect(await lookOf(join(cwd, 'mnt'))).toEqual(before)

    const [deal] = deals
    const places = deals.filter(({ pieceCid }) => pieceCid === deal!.pieceCid)
    expect((await dagstore(cwd, ['pieces', 'list-pieces'])).stdout.trimEnd().split('\n').sort()).toEqual([...pieces].sort())
    const info = await dagstore(cwd, ['pieces', 'piece-info', deal!.pieceCid])
    expect(info.stdout.split('\n').slice(0, 3)).toEqual([`Piece:  ${deal!.pieceCid}`, 'Deals:', expect.stringMatching(/^DealID +SectorID +Length +Offset$/)])
    expect(info.stdout.trimEnd().split('\n').slice(3).map((line) => line.trim().split(/ +/).slice(1)).sort()).toEqual(places.map(({ sector, lengthPadded, offsetPadded }) => [sector, lengthPadded, offsetPadded].map(String)).sort())
    if (deal!.pieceCidV2 !== undefined) expect((await dagstore(cwd, ['pieces', 'piece-info', deal!.pieceCidV2])).stdout).toBe(info.stdout)
    expect(storage.folders.length).toBeGreaterThan(1)
  })

  it('says in a dry run what it would do, and makes neither a store nor anything else but its report', async () => {
    const { cwd, deals } = await provider()
    const before = await lookOf(join(cwd, 'mnt'))
    const run = await dagstore(cwd, [...FROM_FILE, '--storage', 'mnt/repo', '--dry-run', '--report', 'report.ndjson'])
    expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(new RegExp(`^${deals.length} deals: \\d+ shards would be registered, \\d+ merged \\(same piece\\), 0 skipped \\(report: report\\.ndjson\\)\\n$`)) as string, stderr: '' })
    expect((await readdir(cwd)).sort()).toEqual(['deals.ndjson', 'mnt', 'report.ndjson'])
    expect(await lookOf(join(cwd, 'mnt'))).toEqual(before)
    expect((await dagstore(cwd, [...FROM_FILE, '--dry-run', '--report', 'report.ndjson'])).code, 'a report is never overwritten').toBe(1)
  })

  it('goes on with the other rows where one is damaged, says where it stands, and ends with 1', async () => {
    const { cwd, deals } = await provider()
    await writeFile(join(cwd, 'deals.ndjson'), `${lineOf(deals[0]!)}\n{"pieceCid":"no"}\n${lineOf(deals[1]!)}\n`)
    const run = await dagstore(cwd, FROM_FILE)
    expect(run.code).toBe(1)
    expect(run.stdout).toMatch(/^2 deals: 2 shards registered, .*, 1 row unreadable \(report: /)
    expect(run.stderr).toMatch(/deals\.ndjson:2:\d+: .* \(PIECE_STORE_BAD_ROW\)\n/)
    expect(run.stderr).toMatch(/\n2 ok, 1 failed\n$/)
    await writeFile(join(cwd, 'deals.ndjson'), deals.map((deal) => `${lineOf(deal)}\n`).join(''))
    expect((await dagstore(cwd, FROM_FILE)).code).toBe(0)
  })

  it('ends with 130 when interrupted, and goes on when it is run again', async () => {
    const { cwd, deals } = await provider()
    const many = Array.from({ length: 3000 }, (_, at) => JSON.stringify({ ...JSON.parse(lineOf(deals[at % deals.length]!)) as object, dealId: String(100_000 + at) }))
    await writeFile(join(cwd, 'deals.ndjson'), `${many.join('\n')}\n`)
    const controller = new AbortController()
    const cut = await dagstore(cwd, FROM_FILE, { signal: controller.signal, onMessage: () => { controller.abort(new InterruptedError('interrupted')) } })
    expect(cut.code).toBe(130)
    const run = await dagstore(cwd, FROM_FILE)
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout).toMatch(/^3,000 deals: /)
  })

  it('asks a Lotus node, with its token, and shows that nowhere', async () => {
    const { cwd, deals } = await provider()
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJyZWFkIl19.c2VjcmV0'
    const asked: string[] = []
    const answers: Record<string, (params: any[]) => unknown> = {
      'Filecoin.PiecesListPieces': () => [...new Set(deals.map(({ pieceCid }) => pieceCid))].map((cid) => ({ '/': cid })),
      'Filecoin.PiecesGetPieceInfo': ([{ '/': cid } = { '/': '' }]: { '/': string }[]) => ({ PieceCID: { '/': cid }, Deals: deals.filter(({ pieceCid }) => pieceCid === cid).map(({ dealId, sector, offsetPadded, lengthPadded }) => ({ DealID: Number(dealId), SectorID: Number(sector), Offset: offsetPadded, Length: lengthPadded })) }),
      'Filecoin.ActorAddress': () => 't01000',
      'Filecoin.MarketListIncompleteDeals': () => [],
      'Filecoin.Version': () => ({ Version: '1.11.1', APIVersion: 0, BlockDelay: 30 }),
    }
    const server = createServer(async (request, response) => {
      const { id, method, params } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as { readonly id: number, readonly method: string, readonly params: any[] }
      asked.push(`${method} ${request.headers.authorization === `Bearer ${token}`}`)
      const answer = answers[method]
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer === undefined ? { jsonrpc: '2.0', id, error: { code: -32601, message: `method '${method}' not found` } } : { jsonrpc: '2.0', id, result: answer(params) }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => { server.close() })
    const info = `${token}:/ip4/127.0.0.1/tcp/${(server.address() as { readonly port: number }).port}/http`
    const run = await dagstore(cwd, ['migrate', '--from', 'lotus', '--api-info', info])
    expect(run.code, `${run.stderr}\n${asked.join('\n')}`).toBe(0)
    expect(run.stdout).toMatch(new RegExp(`^${deals.length} deals: ${new Set(deals.map(({ pieceCid }) => pieceCid)).size} shards registered, `))
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.every((line) => line.endsWith(' true'))).toBe(true)
    expect(run.stdout + run.stderr + await readFile(reportOf(run, cwd), 'utf8')).not.toContain(token)
    expect((await dagstore(cwd, ['migrate', '--from', 'lotus'], { env: { MINER_API_INFO: info } })).code).toBe(0)
  })

  it.each([
    { why: 'no system', args: ['migrate', 'deals.ndjson'] },
    { why: 'no file', args: ['migrate', '--from', 'file'] },
    { why: 'a place of another system', args: ['migrate', '--from', 'file', '--db', 'postgres://x', 'deals.ndjson'] },
    { why: 'two places', args: ['migrate', '--from', 'boost', '--db', 'a', '--repo', 'b'] },
    { why: 'no place', args: ['migrate', '--from', 'curio'] },
    { why: 'an API info that is none', args: ['migrate', '--from', 'lotus', '--api-info', '$MINER_API_INFO'] },
    { why: 'boostd-data without a URL', args: ['migrate', '--from', 'boost', '--boostd-data', '127.0.0.1:8042'] },
    { why: 'a database without a URL', args: ['migrate', '--from', 'curio', '--db', 'host=127.0.0.1 password=s3cr3t'] },
    { why: 'an unknown system', args: ['migrate', '--from', 'venus', 'x'] },
    { why: 'a miner that is no number', args: [...FROM_FILE, '--miner', 'x'] },
  ])('takes $why for wrong usage', async ({ args }) => {
    const { cwd } = await provider()
    const run = await dagstore(cwd, args)
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).not.toContain('s3cr3t')
    expect(existsSync(join(cwd, '.dagstore'))).toBe(false)
  })

  it.each([
    { why: 'a list that is not there', args: ['migrate', '--from', 'file', 'nope.ndjson'] },
    { why: 'a storage path that is none', args: [...FROM_FILE, '--storage', 'deals.ndjson'] },
    { why: 'a node that does not answer', args: ['migrate', '--from', 'lotus', '--api-info', 'http://127.0.0.1:1'] },
  ])('fails in a sentence for $why', async ({ args }) => {
    const { cwd } = await provider()
    const run = await dagstore(cwd, args)
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toMatch(/dagstore: .*\([A-Z]+_[A-Z_]+\)\n$/)
  })

  it('tells who has the store, and to stop it', async () => {
    const { cwd } = await provider()
    await startDaemon(bin, [], { cwd })
    const run = await dagstore(cwd, FROM_FILE)
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toMatch(/which answers at http:.*; stop it first: this writes to the store itself/)
  })

  it('gives a daemon the pieces and shards that it took over', async () => {
    const { cwd, deals } = await provider()
    await dagstore(cwd, [...FROM_FILE, '--storage', 'mnt/repo'])
    const here: Run[] = []
    for (const args of PIECE_COMMANDS(deals[0]!)) here.push(await dagstore(cwd, args))
    const daemon = await startDaemon(bin, [], { cwd })
    for (const [at, args] of PIECE_COMMANDS(deals[0]!).entries()) {
      const there = await dagstore(cwd, args)
      expect({ code: there.code, stdout: there.stdout }, args.join(' ')).toEqual({ code: here[at]!.code, stdout: here[at]!.stdout })
    }
    const raw = async (method: string, params: readonly unknown[] = []): Promise<unknown> => (await call(daemon, method, params)).result
    const json = async (...args: string[]): Promise<unknown> => JSON.parse((await dagstore(cwd, [...args, '--json'])).stdout)
    expect(await json('pieces', 'list-pieces')).toEqual(await raw('PiecesListPieces'))
    expect(await json('pieces', 'list-cids')).toEqual(await raw('PiecesListCidInfos'))
    expect(await json('pieces', 'piece-info', deals[0]!.pieceCid)).toEqual(await raw('PiecesGetPieceInfo', [{ '/': deals[0]!.pieceCid }]))
    expect(await json('storage-deals', 'list')).toEqual(await raw('MarketListIncompleteDeals'))
    expect((await dagstore(cwd, ['initialize-all', '--concurrency', '1'])).code).toBe(0)
  })
})

const PIECE_COMMANDS = ({ pieceCid }: StoredDeal): readonly (readonly string[])[] => [
  ['pieces', 'list-pieces'], ['pieces', 'list-cids'], ['pieces', 'piece-info', pieceCid], ['pieces', 'piece-info', '--json', pieceCid],
  ['pieces', 'piece-info', 'bafkqaaa'], ['pieces', 'cid-info', 'bafkqaaa'], ['storage-deals', 'list'], ['list-shards', '--unregistered', '--json'],
]

/** A folder as Lotus leaves it: two shards, one indexed. */
const goFolder = async (): Promise<{ readonly cwd: string, readonly keys: readonly string[] }> => {
  const cwd = await temporaryFolder()
  const repo = join(cwd, 'lotusminer', 'dagstore')
  for (const name of ['datastore', 'index', 'transients', 'cars']) await mkdir(join(repo, name), { recursive: true })
  const blocks = makeBlocks(61, 6, { min: 20, max: 300 })
  const keys: string[] = []
  const level = new ClassicLevel<string, string>(join(repo, 'datastore'), { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (const at of [0, 1]) {
    const path = join(cwd, `${at}.car`)
    await writeFile(path, carV1([blocks[at * 3]!.cid], blocks.slice(at * 3, at * 3 + 3)))
    const key = `shard-${at}`
    keys.push(key)
    await level.put(`/dagstore/${key}`, JSON.stringify({ k: key, u: `file://${path}`, t: '', s: at === 0 ? 2 : 0, l: at === 1, e: '' }))
  }
  await level.close()
  // an index of that store's kind, made by ours
  const other = await temporaryFolder()
  const store = await openDagstore(other)
  await store.register('shard-0', `file://${join(cwd, '0.car')}`, { indexing: 'eager' })
  await store.close()
  await dagstore(other, ['export-indices', join(repo, 'index'), '--root', other])
  return { cwd, keys }
}

describe('dagstore adopt', () => {
  it('takes over the DAG store of a Lotus miner, leaves it as it is, and export-indices gives it back', async () => {
    const { cwd } = await goFolder()
    const before = await lookOf(join(cwd, 'lotusminer'))
    const dry = await dagstore(cwd, ['adopt', 'lotusminer', '--dry-run', '--report', 'dry.ndjson'])
    expect(dry).toMatchObject({ code: 0, stdout: '2 shards: 2 would be adopted, 1 with their index (report: dry.ndjson)\n', stderr: '' })
    expect(existsSync(join(cwd, '.dagstore'))).toBe(false)
    const run = await dagstore(cwd, ['adopt', 'lotusminer/dagstore'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout).toMatch(/^2 shards: 2 adopted, 1 with their index \(report: \.dagstore\/adoption-.*\.ndjson\)\n$/)
    expect(JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout)).toEqual([
      { Key: 'shard-0', State: 'ShardStateAvailable', Error: '' }, { Key: 'shard-1', State: 'ShardStateNew', Error: '' },
    ])
    const cid = CID.decode(makeBlocks(61, 6, { min: 20, max: 300 })[1]!.cid).toString()
    expect((await dagstore(cwd, ['lookup-pieces', cid])).stdout).toContain('shard-0')
    expect(JSON.parse((await dagstore(cwd, ['adopt', 'lotusminer', '--json'])).stdout)).toMatchObject({ ok: true, records: 2, registered: 0, already: 2, failed: 0 })
    expect(await lookOf(join(cwd, 'lotusminer'))).toEqual(before)
    const mine = await lookOf(join(cwd, '.dagstore'))
    expect((await dagstore(cwd, ['adopt', 'lotusminer', '--dry-run', '--report', 'again.ndjson'])).stdout).toBe('2 shards: 0 would be adopted, 2 there already, 0 with their index (report: again.ndjson)\n')
    expect(await lookOf(join(cwd, '.dagstore')), 'a dry run').toEqual(mine)
    expect((await dagstore(cwd, ['initialize-all'])).code).toBe(0)
    expect((await dagstore(cwd, ['export-indices', 'back'])).code).toBe(0)
    expect((await readdir(join(cwd, 'back'))).sort()).toEqual(['.version', 'shard-0.full.idx', 'shard-1.full.idx'])
  })

  it('refuses a folder without a database, and the folder of the store itself', async () => {
    const { cwd } = await goFolder()
    await mkdir(join(cwd, 'empty'))
    expect(await dagstore(cwd, ['adopt', 'empty'])).toMatchObject({ code: 1, stdout: '' })
    expect(await dagstore(cwd, ['adopt', 'lotusminer', '--root', 'lotusminer/dagstore'])).toMatchObject({ code: 2, stdout: '' })
    expect(await readdir(join(cwd, 'empty'))).toEqual([])
  })
})
