/** `migrate` from each system as it is: files of Boost, boostd-data, Curio's PostgreSQL; and what becomes of it when it is cut off. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleProgram } from '@dagstore-tooling/testkit/bundle'
import { postgresPrograms, startPostgres } from '@dagstore-tooling/testkit/postgres'
import { parseJson } from '@dagstore/json-rpc'
import { pieceCidV1 } from '@dagstore/piece'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { commandFile, startCommand, startDaemon } from './daemon-process.ts'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

/** Written by Boost's own modules: `tooling/interop/markets`. */
const VECTORS = fileURLToPath(new URL('../../../tooling/interop/vectors-markets/', import.meta.url))

const bin = await commandFile()

const cidOf = (n: number): string => {
  const commitment = new Uint8Array(32)
  new DataView(commitment.buffer).setUint32(0, n + 1)
  return String(pieceCidV1(commitment))
}

interface Line { readonly deal: string, readonly piece: string, readonly outcome: string, readonly reason?: string }

const linesIn = (text: string): readonly Line[] => text.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Line)
const reportOf = async (run: Run, cwd: string): Promise<readonly Line[]> => linesIn(await readFile(join(cwd, /\(report: (.*)\)\n$/.exec(run.stdout)?.[1] ?? 'none'), 'utf8'))
const keysIn = async (cwd: string): Promise<readonly string[]> => (JSON.parse((await dagstore(cwd, ['list-shards', '--json'])).stdout) as { readonly Key: string }[]).map(({ Key }) => Key).sort()

/** All that is in a folder: names, sizes, times, modes, bytes. */
const wholeOf = async (folder: string): Promise<readonly string[]> => Promise.all((await readdir(folder, { recursive: true })).sort().map(async (name) => {
  const found = await stat(join(folder, name))
  return `${name} ${found.mode} ${found.mtimeMs} ${found.isFile() ? (await readFile(join(folder, name))).toString('base64') : ''}`
}))

describe('dagstore migrate --from boost', () => {
  it.each([['--repo', 'boost'], ['--db', 'boost/boost.db']])('%s: takes what is with sealing of boost.db and its write-ahead log, and leaves both as they are', async (...where) => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'boost'))
    for (const name of ['boost.db', 'boost.db-wal']) await cp(join(VECTORS, name), join(cwd, 'boost', name))
    const before = await wholeOf(join(cwd, 'boost'))
    const run = await dagstore(cwd, ['migrate', '--from', 'boost', ...where])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout).toMatch(/^10 deals: 5 shards registered, 1 merged \(same piece\), 4 skipped \(report: /)
    expect((await reportOf(run, cwd)).filter(({ outcome }) => outcome === 'skipped').map(({ reason }) => reason).sort()).toEqual(['state Complete, in no sector', 'state PublishConfirmed, in no sector', 'state Published, in no sector', 'state Transferred, in no sector'])
    expect(await keysIn(cwd)).toHaveLength(5)
    expect(await wholeOf(join(cwd, 'boost'))).toEqual(before)
  })

  it('--boostd-data: takes every deal of the index directory, ids exact', async () => {
    const cwd = await temporaryFolder()
    const answers = parseJson(await readFile(join(VECTORS, 'boostd-answers.json'), 'utf8')) as { readonly ListPieces: readonly { readonly '/': string }[], readonly GetPieceDeals: Readonly<Record<string, unknown>> }
    const toText = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => typeof part === 'bigint' ? `@${part}@` : part).replace(/"@(\d+)@"/g, '$1')
    const asked = new Set<string>()
    const server = createServer().listen(0, '127.0.0.1')
    new WebSocketServer({ server }).on('connection', (socket) => {
      socket.on('message', (message: Buffer) => {
        const { id, method, params } = JSON.parse(message.toString()) as { readonly id: number, readonly method: string, readonly params: readonly { readonly '/': string }[] }
        asked.add(method)
        socket.send(toText({ jsonrpc: '2.0', id, result: method === 'boostddata.ListPieces' ? answers.ListPieces : answers.GetPieceDeals[params[0]!['/']] }))
      })
    })
    await once(server, 'listening')
    onTestFinished(() => { server.close(); server.closeAllConnections() })
    const run = await dagstore(cwd, ['migrate', '--from', 'boost', '--boostd-data', `ws://127.0.0.1:${(server.address() as { readonly port: number }).port}`])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout).toMatch(/^5 deals: 4 shards registered, 1 merged \(same piece\), 0 skipped \(report: /)
    expect([...asked].sort()).toEqual(['boostddata.GetPieceDeals', 'boostddata.ListPieces'])
    expect(await keysIn(cwd)).toEqual(answers.ListPieces.map((link) => link['/']).sort())
    let infos = ''
    for (const link of answers.ListPieces) infos += (await dagstore(cwd, ['pieces', 'piece-info', link['/']])).stdout
    expect(infos).toMatch(/ 4611686018427387905 +68719476736 +0\n/)
  })
})

describe('dagstore migrate --from lotus', () => {
  it.each(['metadata', 'metadata-0', 'metadata-1'])('--repo: takes the deals of %s, which any version of Lotus wrote, and leaves it as it is', async (name) => {
    const cwd = await temporaryFolder()
    await cp(join(VECTORS, name), join(cwd, 'lotusminer', 'datastore', 'metadata'), { recursive: true })
    const before = await wholeOf(join(cwd, 'lotusminer'))
    const run = await dagstore(cwd, ['migrate', '--from', 'lotus', '--repo', 'lotusminer', '--json'])
    const lines = (await readdir(join(cwd, '.dagstore'))).filter((file) => file.startsWith('migration-'))
    const told = linesIn(await readFile(join(cwd, '.dagstore', lines[0]!), 'utf8'))
    const shards = told.filter(({ outcome }) => outcome === 'registered').map(({ piece }) => piece).sort()
    expect(JSON.parse(run.stdout), run.stderr).toMatchObject({ ok: true, deals: told.length, registered: shards.length, failed: 0, problems: 0, complete: true })
    expect(told.length).toBeGreaterThan(5)
    expect(await keysIn(cwd)).toEqual(shards)
    expect(await wholeOf(join(cwd, 'lotusminer'))).toEqual(before)
  })
})

const programs = postgresPrograms()
const missing = programs === undefined ? 'PostgreSQL is not installed: no initdb, postgres and psql' : undefined

/** What the page tells operators to run. */
const sqlOf = (page: string): string => (/```sql\n([^]*?)```/.exec(page)?.[1] ?? 'no SQL in the page').replace("'…'", "'s3cr3t'")

describe.skipIf(missing !== undefined)(`dagstore migrate --from curio${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('takes rows with a sector and parked pieces, shows the password nowhere, and writes nothing there', async () => {
    const server = await startPostgres(programs!)
    onTestFinished(() => server.stop())
    const url = await server.create(`create schema curio;
      create table curio.market_piece_deal (id text not null, piece_cid text not null, sp_id bigint not null, sector_num bigint not null, piece_offset bigint, piece_length bigint not null, raw_size bigint not null, piece_ref bigint);
      create table curio.parked_pieces (id bigserial primary key, piece_cid text not null, piece_padded_size bigint not null, piece_raw_size bigint not null, complete boolean not null default false, long_term boolean not null default false);
      create table curio.parked_piece_refs (ref_id bigserial primary key, piece_id bigint not null);
      insert into curio.parked_pieces (id, piece_cid, piece_padded_size, piece_raw_size, complete, long_term) values (11, '${cidOf(3)}', 2048, 1900, true, true), (12, '${cidOf(4)}', 2048, 1900, true, true);
      insert into curio.parked_piece_refs (ref_id, piece_id) values (101, 11);
      insert into curio.market_piece_deal values ('a', '${cidOf(1)}', 1000, 9223372036854775807, 0, 2048, 1900, null), ('b', '${cidOf(1)}', 1001, 8, 128, 2048, 1900, null), ('c', '${cidOf(2)}', 1000, 9, 2048, 2048, 1900, null),
        ('d', '${cidOf(3)}', -1, -1, null, 2048, 1900, 101), ('e', '${cidOf(5)}', -1, -1, null, 2048, 1900, null), ('f', 'no CID', 1000, 1, 0, 2048, 1900, null);
      ${sqlOf(await readFile(new URL('../../../docs/operators/curio.md', import.meta.url), 'utf8'))}`)
    const cwd = await temporaryFolder()
    const db = url.replace('curio@', 'dagstore:s3cr3t@')
    const dry = await dagstore(cwd, ['migrate', '--from', 'curio', '--db', db, '--dry-run', '--report', 'dry.ndjson'])
    expect(dry.stdout, dry.stderr).toBe('6 deals: 4 shards would be registered, 1 merged (same piece), 1 skipped, 1 row unreadable (report: dry.ndjson)\n')
    expect(await readdir(cwd)).toEqual(['dry.ndjson'])
    const run = await dagstore(cwd, ['migrate', '--from', 'curio', '--db', db])
    expect(run.code, 'a row is damaged').toBe(1)
    expect(run.stdout).toMatch(/^6 deals: 4 shards registered, 1 merged \(same piece\), 1 skipped, 1 row unreadable \(report: /)
    expect((await reportOf(run, cwd)).filter(({ outcome }) => outcome === 'registered').map(({ piece }) => piece).sort()).toEqual([1, 2, 3, 4].map(cidOf).sort())
    expect(await keysIn(cwd)).toEqual([1, 2, 3, 4].map(cidOf).sort())
    expect((await dagstore(cwd, ['pieces', 'piece-info', cidOf(1)])).stdout).toMatch(/ 9223372036854775807 +2048 +0\n/)
    expect(dry.stdout + dry.stderr + run.stdout + run.stderr).not.toContain('s3cr3t')
    const gone = await dagstore(cwd, ['migrate', '--from', 'curio', '--db', db.replace('/db1?', '/nowhere?')])
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    expect(gone.stderr).toMatch(/database "nowhere" does not exist.*\(PIECE_STORE_FAILED\)\n$/)
  })
})

const listIn = async (cwd: string, from: number, to: number): Promise<void> => {
  await writeFile(join(cwd, 'deals.ndjson'), Array.from({ length: to - from }, (_, at) =>
    `${JSON.stringify({ pieceCid: cidOf(from + at), dealId: String(from + at), miner: 1000, sector: from + at, offsetPadded: 0, lengthPadded: 2048 })}\n`).join(''))
}
const FROM_FILE = ['migrate', '--from', 'file', 'deals.ndjson']

describe('dagstore migrate --dry-run', () => {
  it('writes nothing into a store that is there, not even while a daemon has it', async () => {
    const cwd = await temporaryFolder()
    await listIn(cwd, 0, 4)
    expect((await dagstore(cwd, FROM_FILE)).code).toBe(0)
    await listIn(cwd, 2, 8)
    const before = await wholeOf(join(cwd, '.dagstore'))
    const dry = await dagstore(cwd, [...FROM_FILE, '--dry-run'])
    expect(dry.stdout, dry.stderr).toMatch(/^6 deals: 4 shards would be registered, 2 there already, 0 merged \(same piece\), 0 skipped \(report: migration-dry-run-[^/]*\.ndjson\)\n$/)
    expect(await wholeOf(join(cwd, '.dagstore'))).toEqual(before)
    const daemon = await startDaemon(bin, [], { cwd })
    const beside = await dagstore(cwd, [...FROM_FILE, '--dry-run'])
    expect(beside.stdout.replace(/\(report.*/, ''), beside.stderr).toBe(dry.stdout.replace(/\(report.*/, ''))
    daemon.child.kill('SIGTERM')
    await daemon.ended
    const run = await dagstore(cwd, FROM_FILE)
    expect(run.stdout).toMatch(/^6 deals: 4 shards registered, 2 there already, /)
  })

  it('puts its report where it is told, which may be anywhere', async () => {
    const [cwd, elsewhere] = [await temporaryFolder(), await temporaryFolder()]
    await listIn(cwd, 0, 2)
    const report = join(elsewhere, 'report.ndjson')
    expect((await dagstore(cwd, [...FROM_FILE, '--dry-run', '--report', report])).stdout).toContain(`(report: ${report})`)
    expect(linesIn(await readFile(report, 'utf8'))).toHaveLength(2)
    expect((await stat(report)).mode & 0o777).toBe(0o600)
  })
})

it('goes on after kill -9 in the middle: what its report says is done, and the next run does the rest', async () => {
  const cwd = await temporaryFolder()
  const DEALS = 20_000
  await listIn(cwd, 0, DEALS)
  const told = new Set<string>()
  let cuts = 0
  for (let run = 0; run < 3; run++) {
    const report = `cut-${run}.ndjson`
    const command = startCommand(bin, [...FROM_FILE, '--report', report], { cwd })
    let over = false
    void command.ended.then(() => { over = true })
    while (!over && await stat(join(cwd, report)).then(({ size }) => size, () => 0) === 0) await after(2)
    await after(run * 20)
    command.child.kill('SIGKILL')
    if ((await command.ended).signal === 'SIGKILL') cuts++
    for (const { piece } of linesIn(await readFile(join(cwd, report), 'utf8'))) told.add(piece)
  }
  expect(cuts, 'runs that were cut off').toBeGreaterThan(0)
  const keys = new Set(await keysIn(cwd))
  for (const piece of told) expect(keys.has(piece)).toBe(true)
  const last = await dagstore(cwd, [...FROM_FILE, '--json'])
  expect(JSON.parse(last.stdout)).toMatchObject({ deals: DEALS, registered: DEALS - keys.size, already: keys.size, merged: 0, failed: 0, complete: true })
  expect(await keysIn(cwd)).toHaveLength(DEALS)
  expect((await dagstore(cwd, ['pieces', 'list-pieces'])).stdout.trimEnd().split('\n')).toHaveLength(DEALS)
})

describe('a driver that is not installed', () => {
  it.each([
    { name: 'pg', args: ['--from', 'curio', '--db', 'postgres://dagstore:s3cr3t@127.0.0.1:1/yugabyte'], says: /ECONNREFUSED.*\(PIECE_STORE_FAILED\)\n$/ },
    { name: 'node-sqlite3-wasm', args: ['--from', 'boost', '--repo', 'nowhere'], says: /\(PIECE_STORE_FAILED\)\n$/ },
  ])('is named with the command that installs it, and found beside the command: $name', async ({ name, args, says }) => {
    const cwd = await temporaryFolder()
    const modules = join(cwd, 'lib', 'node_modules')
    const out = join(modules, '@dagstore', 'cli', 'dist', 'bin.mjs')
    const require = createRequire(fileURLToPath(import.meta.resolve('@dagstore/node')))
    await bundleProgram(new URL('../src/bin.ts', import.meta.url), out, pathToFileURL(require.resolve('classic-level')).href, ['pg', 'node-sqlite3-wasm'])
    await writeFile(join(modules, '@dagstore', 'cli', 'package.json'), '{"version":"1.2.3"}')
    const without = await startCommand(out, ['migrate', ...args], { cwd }).ended
    expect(without).toMatchObject({ code: 1, stdout: '' })
    expect(without.stderr).toContain(`npm install ${name} (npm install --global ${name}`)
    expect(without.stderr).toMatch(/\(PIECE_STORE_NO_DRIVER\)\n$/)
    expect(await readdir(cwd)).toEqual(['lib'])
    const installed = dirname(createRequire(fileURLToPath(import.meta.resolve('@dagstore/piece-store'))).resolve(`${name}/package.json`))
    await symlink(await realpath(installed), join(modules, name))
    const run = await startCommand(out, ['migrate', ...args], { cwd }).ended
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toMatch(says)
    expect(run.stderr).not.toContain('s3cr3t')
  })
})
