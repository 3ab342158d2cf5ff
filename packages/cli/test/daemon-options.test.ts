/** Each setting of a daemon does what its line in docs/config.md says: asked from outside. */
import { once } from 'node:events'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { makeSectorStore, type SectorStore } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { call, commandFile, type RunningDaemon, startCommand, startDaemon } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()

/** A POST with headers that `fetch` does not let anybody set. */
const post = async (url: string, headers: Readonly<Record<string, string>>, method = 'DagstoreListShards'): Promise<{ readonly status: number, readonly body: any, readonly headers: Record<string, unknown> }> => {
  const sent = request(`${url}/rpc/v0`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } })
  sent.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: `Filecoin.${method}`, params: [] }))
  const [response] = await once(sent, 'response')
  const text = Buffer.concat(await response.toArray()).toString()
  return { status: response.statusCode, body: text === '' ? undefined : JSON.parse(text), headers: response.headers }
}

const withKeys = async (keys: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<RunningDaemon> => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'd.toml'), keys)
  return startDaemon(bin, ['--config', 'd.toml', ...args], { cwd, env })
}

describe('who may ask', () => {
  it('Hosts: names that the daemon is called by', async () => {
    const plain = await withKeys('')
    expect((await post(plain.url, { host: 'dagstore.example' })).status).toBe(403)
    await plain.until(/WARN {2}rpc +refused reason=host/)
    const named = await withKeys('[Daemon]\nHosts = ["dagstore.example"]\n')
    expect((await post(named.url, { host: 'dagstore.example' })).status).toBe(200)
  })

  it('Origins: pages that may ask', async () => {
    const plain = await withKeys('')
    const origin = 'https://dashboard.example'
    expect((await post(plain.url, { origin })).status).toBe(403)
    const open = await withKeys(`[Daemon]\nOrigins = ["${origin}"]\n`)
    expect(await post(open.url, { origin })).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': origin } })
  })

  it('AnonymousRead: who reads without a token', async () => {
    const never = await withKeys('[Daemon]\nAnonymousRead = "never"\n')
    expect((await post(never.url, {})).body).not.toHaveProperty('result')
    expect((await post(never.url, { authorization: `Bearer ${never.token}` })).body.result).toEqual([])
    // an address of this machine that is not loopback, where it has one
    const outside = Object.values(networkInterfaces()).flat().find((one) => one?.family === 'IPv4' && !one.internal)?.address
    if (outside === undefined) return
    const everywhere = await startDaemon(bin, ['--listen', '0.0.0.0:0'], { cwd: await temporaryFolder(), env: { DAGSTORE_ANONYMOUSREAD: 'always' } })
    const { port } = new URL(everywhere.url)
    expect(await readFile(join(everywhere.root, 'api'), 'utf8'), 'an address that can be called').toBe(`/ip4/127.0.0.1/tcp/${port}/http`)
    expect((await post(`http://${outside}:${port}`, {})).body.result).toEqual([])
    const loopback = await startDaemon(bin, ['--listen', '0.0.0.0:0'], { cwd: await temporaryFolder() })
    const asked = await post(`http://${outside}:${new URL(loopback.url).port}`, {})
    expect(asked.body).not.toHaveProperty('result')
  })
})

describe('what the daemon says', () => {
  it('LogLevel and LogFormat, and levels that are set while it runs', async () => {
    const daemon = await withKeys('[Daemon]\nLogFormat = "json"\nLogLevel = "info,rpc=error,importmgr=warn"\n', ['--json'])
    const lines = (): readonly { readonly level: string, readonly logger: string, readonly msg: string }[] => daemon.said().stderr.trim().split('\n').map((line) => JSON.parse(line))
    expect(lines().map(({ logger, msg }) => `${logger} ${msg}`)).toEqual(['daemon starting', 'daemon answering'])
    while (!daemon.said().stdout.endsWith('\n')) await new Promise((resolve) => { setTimeout(resolve, 5) }) // another pipe
    expect(JSON.parse(daemon.said().stdout)).toEqual({ url: daemon.url, root: daemon.root, pid: daemon.child.pid })
    await call(daemon, 'DagstoreListShards')
    expect(lines()).toHaveLength(2)
    expect(await call(daemon, 'LogSetLevel', ['rpc', 'debug'])).not.toHaveProperty('error')
    await call(daemon, 'DagstoreListShards')
    await daemon.until('"method":"Filecoin.DagstoreListShards"')
    expect((await call(daemon, 'LogSetLevel', ['rpc', 'loud'])).error?.message).toContain('unknown level')
    expect(daemon.said().stderr).not.toContain(daemon.token)
  })
})

describe('upkeep', () => {
  it('GCInterval: what nothing needs goes by itself', async () => {
    const daemon = await withKeys('[DAGStore]\nGCInterval = "20ms"\n', ['--log-level', 'debug'])
    await daemon.until(/gc +collected.*(?:\n.*)*gc +collected/)
    const never = await withKeys('[DAGStore]\nGCInterval = "0s"\n', ['--log-level', 'debug'])
    await new Promise((resolve) => { setTimeout(resolve, 100) })
    expect(never.said().stderr).not.toContain('collected')
  })
})

describe('deals that are there', () => {
  it('MigrateFrom, MigrateSource and Storage: become shards at the first start, once, and can be read', async () => {
    const cwd = await temporaryFolder()
    const storage = await makeSectorStore(join(cwd, 'provider'), { sectors: 8, piecesPerSector: 2, maxPayloadBytes: 3000 })
    const rows = storage.deals.map(({ dealId, pieceCid, miner, sector, offsetPadded, lengthPadded, state }) => JSON.stringify({ pieceCid, deals: [{ dealId, miner: miner.toString(), sector: sector.toString(), offsetPadded, lengthPadded, state }] }))
    await writeFile(join(cwd, 'deals.ndjson'), `${rows.join('\n')}\n`)
    const env = { DAGSTORE_MIGRATEFROM: 'file', DAGSTORE_MIGRATESOURCE: 'deals.ndjson', DAGSTORE_STORAGE: 'provider/repo', DAGSTORE_LOGLEVEL: 'debug' }
    const first = await startDaemon(bin, [], { cwd, env })
    await first.until(/migrate done .*failed=0/)
    while ((await fetch(`${first.url}/readyz`)).status !== 200) await new Promise((resolve) => { setTimeout(resolve, 10) })
    const shards = (await call(first, 'DagstoreListShards')).result as readonly { readonly Key: string }[]
    expect(shards.map(({ Key }) => Key)).toEqual([...new Set(storage.deals.map(({ pieceCid }) => pieceCid))].sort())
    const reports = (await readdir(first.root)).filter((name) => name.startsWith('migration-'))
    expect(reports).toEqual([expect.stringMatching(/^migration-[\dT-]+\.ndjson$/)])
    expect((await stat(join(first.root, reports[0]!))).mode & 0o777).toBe(0o600)
    const readable = storage.deals.find(({ copy, content }) => copy === 'there' && content === 'car')?.pieceCid
    expect(await call(first, 'DagstoreInitializeShard', [readable])).not.toHaveProperty('error')
    const { Deals } = (await call(first, 'PiecesGetPieceInfo', [{ '/': readable }])).result as { readonly Deals: readonly { readonly DealID: number, readonly SectorID: number }[] }
    expect(Deals).toContainEqual(expect.objectContaining({ DealID: Number(storage.deals.find(({ pieceCid }) => pieceCid === readable)?.dealId) }))
    first.child.kill('SIGTERM')
    expect((await first.ended).code).toBe(0)
    const second = await startDaemon(bin, [], { cwd, env })
    await second.until(/migrate done before/)
    expect((await call(second, 'DagstoreListShards')).result).toHaveLength(shards.length)
  })

  it('are asked for again at the next start when they could not be read', async () => {
    const cwd = await temporaryFolder()
    const env = { DAGSTORE_MIGRATEFROM: 'file', DAGSTORE_MIGRATESOURCE: 'deals.ndjson' }
    const first = await startDaemon(bin, [], { cwd, env })
    await first.until(/ERROR migrate failed/)
    expect((await call(first, 'Version')).result, 'it answers all the same').toBeDefined()
    first.child.kill('SIGTERM')
    await first.ended
    await writeFile(join(cwd, 'deals.ndjson'), '')
    const second = await startDaemon(bin, [], { cwd, env })
    await second.until(/migrate done /)
  })
})

describe('the configuration of a Lotus miner', () => {
  it('is read in place of the one in the store, and that is said', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, '.dagstore'))
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Daemon]\nLogFormat = "json"\n')
    await writeFile(join(cwd, 'lotus.toml'), '[DAGStore]\nMaxConcurrentIndex = 2\n[Sealing]\nX = 1\n')
    const given = await startDaemon(bin, ['--config', 'lotus.toml'], { cwd })
    expect(given.said().stderr).toMatch(new RegExp(`WARN.*is not read.*file=${join(cwd, '.dagstore', 'config.toml')}\n`))
    given.child.kill('SIGTERM')
    await given.ended
    for (const args of [[], ['--config', '.dagstore/config.toml']]) {
      const own = await startDaemon(bin, args, { cwd })
      expect(own.said().stderr).not.toContain('is not read')
      own.child.kill('SIGTERM')
      await own.ended
    }
  })
})

describe('a storage path of the configuration', () => {
  it('Storage: one that is not there stops nothing, its pieces are neither absent nor lost, and are read once it is there', async () => {
    const cwd = await temporaryFolder()
    const storage = await makeSectorStore(join(cwd, 'provider'), { sectors: 8, piecesPerSector: 2, maxPayloadBytes: 3000, trouble: false })
    await writeFile(join(cwd, 'deals.ndjson'), storage.deals.map(({ dealId, pieceCid, miner, sector, offsetPadded, lengthPadded }) => `${JSON.stringify({ pieceCid, dealId, miner: Number(miner), sector: Number(sector), offsetPadded, lengthPadded })}\n`).join(''))
    const [gone, ...others] = storage.folders as [string, ...string[]]
    const inside = new Set((await readdir(join(gone, 'unsealed'))))
    const isThere = ({ miner, sector }: { readonly miner: bigint, readonly sector: bigint }): boolean => inside.has(`s-t0${miner}-${sector}`)
    const copiesOf = (piece: string): readonly boolean[] => storage.deals.filter(({ pieceCid }) => pieceCid === piece).map(isThere)
    const pieces = [...new Set(storage.deals.map(({ pieceCid }) => pieceCid))]
    const [away, near] = [pieces.find((piece) => copiesOf(piece).every(Boolean))!, pieces.find((piece) => !copiesOf(piece).some(Boolean))!]
    await rename(gone, `${gone}.unplugged`)
    const env = { DAGSTORE_MIGRATEFROM: 'file', DAGSTORE_MIGRATESOURCE: 'deals.ndjson' }
    await mkdir(join(cwd, '.dagstore'))
    await writeFile(join(cwd, '.dagstore', 'config.toml'), `[Pieces]\nStorage = ${JSON.stringify([gone, ...others])}\n`)
    const daemon = await startDaemon(bin, [], { cwd, env })
    await daemon.until(/migrate done .*failed=0/)
    expect(daemon.said().stderr).toMatch(new RegExp(`WARN.*storage is not there.*path=${gone} `))
    while ((await fetch(`${daemon.url}/readyz`)).status !== 200) await new Promise((resolve) => { setTimeout(resolve, 10) })
    const ready = async (): Promise<unknown> => (await fetch(`${daemon.url}/readyz`)).json()
    expect(await ready()).toEqual({ ok: true, notes: ['1 storage path not there; the log names it'] })
    expect(await call(daemon, 'DagstoreInitializeShard', [near])).not.toHaveProperty('error')
    expect((await call(daemon, 'DagstoreInitializeShard', [away])).error?.message).toContain(gone)
    const { Failure } = (await call(daemon, 'DagstoreShardInfo', [away])).result as { readonly Failure: { readonly Code: string, readonly Retry: string, readonly Message: string } }
    expect(Failure).toMatchObject({ Retry: 'later', Message: expect.stringContaining(gone) as string })
    expect(Failure.Code).not.toMatch(/MISSING|LOST|NOT_FOUND/)
    await rename(`${gone}.unplugged`, gone)
    await daemon.until(/INFO.*storage is there again.*/)
    expect(await ready()).toEqual({ ok: true })
    while ((await call(daemon, 'DagstoreShardInfo', [away])).result.State !== 'ShardStateAvailable') {
      await call(daemon, 'DagstoreRecoverShard', [away])
    }
    await writeFile(join(cwd, 'away.car'), storage.payload(away))
    const [cid = ''] = (await startCommand(bin, ['car', 'list', 'away.car'], { cwd }).ended).stdout.split('\n')
    expect((await startCommand(bin, ['why', cid], { cwd }).ended).code).toBe(0)
    await rename(gone, `${gone}.unplugged`)
    const why = await startCommand(bin, ['why', cid], { cwd }).ended
    expect(why).toMatchObject({ code: 1, stdout: expect.stringContaining(`is its disk there? path=${gone}`) as string })
  })

  it('is told to whoever may read, as Lotus tells its errors; tokens and what stands behind a ? are told to nobody', async () => {
    const cwd = await temporaryFolder()
    const storage = await makeSectorStore(join(cwd, 'provider'), { sectors: 2, piecesPerSector: 1, maxPayloadBytes: 3000, trouble: false })
    const [{ pieceCid, dealId, miner, sector, offsetPadded, lengthPadded }] = storage.deals as [SectorStore['deals'][number]]
    await writeFile(join(cwd, 'deals.ndjson'), `${JSON.stringify({ pieceCid, dealId, miner: Number(miner), sector: Number(sector), offsetPadded, lengthPadded })}\n`)
    await writeFile(join(cwd, 'payload.car'), storage.payload(pieceCid))
    const [cid = ''] = (await startCommand(bin, ['car', 'list', 'payload.car'], { cwd }).ended).stdout.split('\n')
    expect((await startCommand(bin, ['migrate', '--from', 'file', 'deals.ndjson', '--storage', 'provider/repo'], { cwd }).ended).code).toBe(0)
    expect((await startCommand(bin, ['initialize-all'], { cwd }).ended).code).toBe(0)
    for (const folder of storage.folders) await rename(folder, `${folder}.unplugged`)
    await writeFile(join(cwd, '.dagstore', 'config.toml'), `[Pieces]\nStorage = ${JSON.stringify(storage.folders)}\nPieceServers = ["http://127.0.0.1:1/base?key=s3cr3t-key"]\nLotusApiInfo = "s3cr3t.to.ken:/ip4/127.0.0.1/tcp/1/http"\n`)
    const daemon = await startDaemon(bin, [], { cwd })
    const nobody = { url: daemon.url, token: undefined }
    const why = JSON.stringify(await call(nobody, 'DagstoreWhy', [{ '/': cid }]))
    expect(why).toContain(storage.folders[0])
    expect(why).toContain('http://127.0.0.1:1/base')
    expect((await call(daemon, 'DagstoreVerifyShard', [pieceCid])).error?.message).toContain(storage.folders[0])
    const listed = JSON.stringify(await call(nobody, 'DagstoreListShards'))
    expect(listed).toContain(storage.folders[0])
    const others = JSON.stringify([await call(nobody, 'DagstoreShardInfo', [pieceCid]), await call(nobody, 'PiecesGetPieceInfo', [{ '/': pieceCid }])])
    const ready = await (await fetch(`${daemon.url}/readyz`)).text()
    expect(ready, 'is asked by those who may not read, too').not.toContain(storage.folders[0])
    expect(why + listed + others + ready + daemon.said().stderr).not.toContain('s3cr3t')
  })

  it('Storage: is refused where it was typed, by its name', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'empty'))
    for (const [name, code] of [['typo', 'IO_NOT_FOUND'], ['empty', 'PIECE_BAD_STORAGE']] as const) {
      const ended = await startCommand(bin, ['daemon', '--listen', '127.0.0.1:0', '--storage', name], { cwd }).ended
      expect(ended.code).toBe(1)
      expect(ended.stderr).toContain(`dagstore: ${join(cwd, name)}: `)
      expect(ended.stderr).toContain(`(${code})`)
    }
  })
})
