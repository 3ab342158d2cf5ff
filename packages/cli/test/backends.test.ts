/** Every command on shards, once on the store itself and once against a daemon that has it: the same output, the same exit code. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { fileUrl } from '@dagstore/mounts'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { call, commandFile, type RunningDaemon, startDaemon } from './daemon-process.ts'
import { dagstore, documentOf, type Run, temporaryFolder } from './terminal.ts'

const blocks = makeBlocks(51, 12, { min: 20, max: 300 })
const cidOf = (n: number): string => CID.decode(blocks[n]!.cid).toString()
const carOf = (n: number): Uint8Array => carV1([blocks[3 * n]!.cid], blocks.slice(3 * n, 3 * n + 3))
const PIECE = 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'

const bin = await commandFile()

const files = async (): Promise<string> => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars'))
  for (const [n, name] of ['a.car', 'b.car', 'c.car'].entries()) await writeFile(join(cwd, 'cars', name), carOf(n))
  return cwd
}

type Step = { readonly args: readonly string[], readonly stdin?: string } | { readonly change: (cwd: string) => Promise<unknown> }

/** A day with a store, each command in the states that it knows. */
const DAY: readonly Step[] = [
  { args: ['list-shards'] },
  { args: ['list-shards', '--json'] },
  { args: ['add', 'cars'] },
  { args: ['add', '--json', 'cars', 'nope'] },
  { args: ['list-shards'] },
  { args: ['lookup-pieces', cidOf(4)] },
  { args: ['why', cidOf(4)] },
  { args: ['initialize-shard', 'a.car', 'zz'] },
  { args: ['initialize-shard', '--json', 'a.car', 'zz'] },
  { args: ['list-shards', '--state', 'new', '--json'] },
  { args: ['initialize-all', '--concurrency', '1'] },
  { args: ['initialize-all', '--json'] },
  { args: ['lookup-pieces', cidOf(4)] },
  { args: ['lookup-pieces', '--json', cidOf(11)] },
  { args: ['why', cidOf(4)] },
  { args: ['why', '--json', cidOf(11)] },
  { args: ['list-multihashes', 'a.car'] },
  { args: ['list-multihashes', '--json', 'b.car'] },
  { args: ['list-multihashes', 'zz'] },
  { args: ['verify-shard', '--mode', 'full', 'a.car', 'zz'] },
  { args: ['verify-shard', '--mode', 'full', '--json', 'a.car'] },
  { args: ['export-shards', 'all.ndjson'] },
  { args: ['export-indices', 'indices'] },
  { args: ['export-indices', '--json', 'indices'] },
  { args: ['register-shard', PIECE] },
  { args: ['register-shard', PIECE] },
  { args: ['register-shard', '--json', 'k'] },
  { args: ['register-shard', 'a.car', 'file:///elsewhere.car'] },
  { args: ['register-shard', '--eager', 'no', 'file:///no/such.car'] },
  { args: ['refresh', 'a.car', 'zz'] },
  { change: (cwd) => writeFile(join(cwd, 'cars', 'a.car'), carOf(3)) },
  { args: ['add', 'cars'] },
  { args: ['refresh', 'a.car'] },
  { change: (cwd) => rename(join(cwd, 'cars'), join(cwd, 'away')) },
  { args: ['verify-shard', 'b.car'] },
  { args: ['recover-shard', 'a.car'] },
  { args: ['recover-shard', '--all', '--code', 'IO_FULL'] },
  { change: (cwd) => rename(join(cwd, 'away'), join(cwd, 'cars')) },
  { args: ['recover-shard', '--json', 'zz'] },
  { args: ['list-shards', '--findings'] },
  { args: ['list-shards', '--unregistered'] },
  { args: ['list-shards', '--unregistered', '--json'] },
  { args: ['storage-deals', 'list', '--json'] },
  { args: ['pieces', 'list-pieces', '--json'] },
  { args: ['pieces', 'cid-info', cidOf(0)] },
  { args: ['destroy-shard', 'no', 'c.car', 'zz', PIECE] },
  { args: ['gc', '--dry-run'] },
  { args: ['gc'] },
  { args: ['gc', '--json'] },
  { args: ['import-shards', 'all.ndjson', '--indices', 'indices'] },
  { args: ['import-shards', '--json', 'all.ndjson'] },
  { change: async (cwd) => writeFile(join(cwd, 'short.ndjson'), (await readFile(join(cwd, 'all.ndjson'), 'utf8')).replace(/\{"end".*\n$/, '')) },
  { args: ['import-shards', '--json', 'short.ndjson'] },
  { change: (cwd) => writeFile(join(cwd, 'bad.ndjson'), '{"dagstore-shards":1}\n{"key":7}\n{"end":1}\n') },
  { args: ['import-shards', '--json', 'bad.ndjson'] },
  { args: ['initialize-all', '--rebuild', '--concurrency', '1'] },
  { args: ['list-shards', '--json'] },
]

/** Without what differs from one folder, and one moment, to the next, as how often a shard was tried again by itself; lines of things that end together in one order. */
const plain = ({ code, stdout, stderr }: Run, cwd: string): object => {
  const tidy = (text: string): readonly string[] => text.replaceAll(cwd, 'CWD').replaceAll(/"At":"[^"]*"/g, '"At":""').replaceAll(/"(NextRetryAt)":"[^"]*"/g, '"$1":""')
    .replaceAll(/^would remove entries of an old index, number \d+$/gm, 'would remove entries of an old index')
    .replaceAll('made a DAG store at .dagstore\n', '').replaceAll('ShardStateServing', 'ShardStateAvailable').replaceAll(/\bServing {2}/g, 'Available')
    .replaceAll(/"Leases":\d+/g, '"Leases":0').replaceAll(/\bServing\b/g, 'Available').split('\n').map((line) => line.trimEnd().replace(/^,/, '')).sort()
  return { code, stdout: tidy(stdout), codes: [...new Set(stderr.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [])].sort(), last: tidy(stderr).filter((line) => !line.startsWith('dagstore: ')) }
}

describe('commands on shards', () => {
  it('print the same and end the same, whether the store is asked or a daemon that has it', async () => {
    const [local, remote] = [await files(), await files()]
    await dagstore(local, ['import-shards', '-'], { stdin: Buffer.from('{"dagstore-shards":1}\n{"end":0}\n') })
    const daemon = await startDaemon(bin, [], { cwd: remote })
    for (const step of DAY) {
      if ('change' in step) {
        await step.change(local)
        await step.change(remote)
        continue
      }
      const stdin = step.stdin === undefined ? {} : { stdin: Buffer.from(step.stdin) }
      const [here, there] = await Promise.all([local, remote].map((cwd) => dagstore(cwd, step.args, stdin))) as [Run, Run]
      expect(plain(there, remote), `${step.args.join(' ')}\n${here.stderr}\n${there.stderr}`).toEqual(plain(here, local))
    }
    expect(daemon.child.exitCode).toBeNull()
  })
})

describe('--json', () => {
  const daemonOf = async (): Promise<{ readonly cwd: string, readonly daemon: RunningDaemon }> => {
    const cwd = await files()
    // a shard that is tried again by itself is another one from one answer to the next
    const daemon = await startDaemon(bin, [], { cwd, env: { DAGSTORE_RETRYATTEMPTS: '0' } })
    expect((await dagstore(cwd, ['add', '--eager', 'cars'])).code).toBe(0)
    await rm(join(cwd, 'cars', 'b.car'))
    await dagstore(cwd, ['verify-shard', 'b.car'])
    return { cwd, daemon }
  }

  it.each<{ readonly args: readonly string[], readonly method: string, readonly params?: (cwd: string) => readonly unknown[], readonly of?: (document: any) => unknown, readonly answer?: (result: any) => unknown }>([
    { args: ['list-shards'], method: 'DagstoreListShards' },
    { args: ['list-shards', '--findings'], method: 'DagstoreListFindings', answer: ({ Shards }) => Shards },
    { args: ['list-shards', '--unregistered'], method: 'DagstoreListUnregistered', answer: ({ Deals }) => Deals },
    { args: ['lookup-pieces', cidOf(1)], method: 'DagstoreLookupPieces', params: () => [{ '/': cidOf(1) }] },
    { args: ['why', cidOf(1)], method: 'DagstoreWhy', params: () => [{ '/': cidOf(1) }] },
    { args: ['why', cidOf(4)], method: 'DagstoreWhy', params: () => [{ '/': cidOf(4) }] },
    { args: ['initialize-shard', 'a.car'], method: 'DagstoreEnsureShard', params: () => ['a.car'], of: ({ items }) => items[0].result },
    { args: ['refresh', 'c.car'], method: 'DagstoreRefreshShard', params: () => ['c.car'], of: ({ items }) => items[0].result },
    { args: ['verify-shard', 'a.car', '--mode', 'full'], method: 'DagstoreVerifyShard', params: () => ['a.car', { Mode: 'full' }], of: ({ items }) => items[0].result },
    { args: ['register-shard', 'a.car', 'file:cars/a.car'], method: 'DagstoreAdd', params: (cwd) => [[{ Key: 'a.car', MountURL: fileUrl(join(cwd, 'cars', 'a.car')) }]] },
    { args: ['gc', '--dry-run'], method: 'DagstoreCollectGarbage', params: () => [true] },
    { args: ['gc'], method: 'DagstoreGC' },
    { args: ['destroy-shard', 'c.car'], method: 'DagstoreDestroyShard', params: () => ['a.car'], of: ({ items }) => items[0].result },
  ])('of $args.0 is the answer of $method', async ({ args, method, params = () => [], of = (document) => document, answer = (result) => result }) => {
    const { cwd, daemon } = await daemonOf()
    const words = args.map((word) => word === 'file:cars/a.car' ? fileUrl(join(cwd, 'cars', 'a.car')) : word)
    const run = await dagstore(cwd, [...words, '--json'])
    const { result, error } = await call(daemon, method, params(cwd))
    expect(error).toBeUndefined()
    expect(of(JSON.parse(run.stdout)), run.stderr).toEqual(answer(result))
  })

  it('of initialize-all is its events, one a line', async () => {
    const { cwd } = await daemonOf()
    await dagstore(cwd, ['register-shard', 'late', fileUrl(join(cwd, 'cars', 'c.car'))])
    const run = await dagstore(cwd, ['initialize-all', '--json'])
    expect(run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(['start', 'end'].map((Event) => ({ Key: 'late', Event, Success: Event === 'end', Error: '', Total: 1, Current: 1 })))
  })
})

describe('a command', () => {
  it('asks the daemon of --api-info, then that of DAGSTORE_API_INFO, then that of the root, then the store', async () => {
    const [one, two] = [await files(), await files()]
    const [first, second] = [await startDaemon(bin, [], { cwd: one }), await startDaemon(bin, [], { cwd: two })]
    for (const [cwd, key] of [[one, 'one'], [two, 'two']] as const) await dagstore(cwd, ['register-shard', key, fileUrl(join(cwd, 'cars', 'a.car'))])
    const keys = async (cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<unknown> => {
      const run = await dagstore(cwd, ['list-shards', '--json', ...args], { env })
      expect(run.stderr).toBe('')
      return (JSON.parse(run.stdout) as { readonly Key: string }[]).map(({ Key }) => Key)
    }
    const info = ({ url, token }: RunningDaemon): string => `${token}:/ip4/127.0.0.1/tcp/${new URL(url).port}/http`
    const nowhere = await temporaryFolder()
    expect(await keys(nowhere, ['--api-info', info(first)], { DAGSTORE_API_INFO: info(second) })).toEqual(['one'])
    expect(await keys(one, [], { DAGSTORE_API_INFO: info(second) })).toEqual(['two'])
    expect(await keys(one, [])).toEqual(['one'])
    expect(await keys(nowhere, ['--api-info', second.url]), 'who reads needs no token here').toEqual(['two'])
    const denied = await dagstore(nowhere, ['destroy-shard', '--api-info', second.url, 'two'])
    expect(denied).toMatchObject({ code: 1, stdout: '' })
    expect(denied.stderr).toContain("missing permission to invoke 'DagstoreDestroyShard' (need 'admin')")
    first.child.kill('SIGTERM')
    await first.ended
    expect(await keys(one, [])).toEqual(['one'])
  })

  it('goes on with the store itself, and says so, when the daemon was killed, and with the next one', async () => {
    const cwd = await files()
    const first = await startDaemon(bin, [], { cwd })
    expect((await dagstore(cwd, ['add', '--eager', 'cars'])).code).toBe(0)
    first.child.kill('SIGKILL')
    await first.ended
    const run = await dagstore(cwd, ['list-shards'])
    expect(run).toMatchObject({ code: 0, stderr: 'the daemon of .dagstore is gone; using the store itself\n' })
    expect(run.stdout.split('\n')).toHaveLength(5)
    await startDaemon(bin, [], { cwd })
    expect(await dagstore(cwd, ['list-shards'])).toMatchObject({ code: 0, stdout: run.stdout, stderr: '' })
  })

  it('says that the daemon has gone where that ends in the middle of its work, and the next one goes on', async () => {
    const cwd = await files()
    await mkdir(join(cwd, 'many'))
    for (let at = 0; at < 200; at++) await writeFile(join(cwd, 'many', `${at}.car`), carOf(at % 4))
    const daemon = await startDaemon(bin, [], { cwd })
    await dagstore(cwd, ['add', 'many'])
    const cut = await dagstore(cwd, ['initialize-all', '--concurrency', '1'], { onResult: () => { daemon.child.kill('SIGKILL') } })
    expect(cut.code).toBe(1)
    expect(cut.stderr).toMatch(/\d+ ok, 0 failed\ndagstore: .*\(RPC_CONNECTION_LOST\)\n$/)
    const refused = await dagstore(cwd, ['destroy-shard', '1.car', '2.car', '--api-info', `${daemon.token}:${daemon.url}`])
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^dagstore: .*\(RPC_UNREACHABLE\)\n$/)
    await startDaemon(bin, [], { cwd })
    expect((await dagstore(cwd, ['initialize-all'])).code).toBe(0)
    expect((await dagstore(cwd, ['list-shards', '--state', 'new'])).stdout).toBe('')
  })

  it('fails in one sentence, without the token, where the daemon that was named is not there', async () => {
    const cwd = await files()
    const token = 'aaaa.bbbb.cccc'
    for (const [info, code, exit] of [[`${token}:http://127.0.0.1:1`, 'RPC_UNREACHABLE', 1], [`${token}:nonsense`, '--api-info', 2]] as const) {
      const run = await dagstore(cwd, ['list-shards', '--api-info', info])
      expect(run).toMatchObject({ code: exit, stdout: '' })
      expect(run.stderr).toContain(code)
      expect(run.stderr).not.toContain(token)
      expect(run.stderr.trimEnd().split('\n')).toHaveLength(1)
    }
  })

  it('L16: resolves paths where the user is, not where the daemon was started', async () => {
    const cwd = await files()
    const elsewhere = await temporaryFolder()
    const daemon = await startDaemon(bin, ['--root', join(cwd, '.dagstore')], { cwd: elsewhere, root: join(cwd, '.dagstore') })
    expect(documentOf(await dagstore(cwd, ['add', '--json', '--eager', 'cars/a.car', '--api-info', `${daemon.token}:${daemon.url}`])).items).toMatchObject([{ status: 'indexed' }])
    expect((await dagstore(cwd, ['export-indices', 'out'])).code).toBe(0)
    expect((await readFile(join(cwd, 'out', 'a.car.full.idx'))).byteLength).toBeGreaterThan(0)
  })
})
