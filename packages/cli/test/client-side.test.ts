/** The client's side of a store, by its commands, without a daemon. */
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { ClassicLevel } from 'classic-level'
import { describe, expect, it, vi } from 'vitest'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

const run = async (cwd: string, ...args: readonly string[]): Promise<Run> => {
  const result = await dagstore(cwd, ['client', ...args])
  if (result.code !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`)
  return result
}

/** Its root and id. */
const imported = async (cwd: string, ...args: readonly string[]): Promise<{ readonly id: string, readonly root: string }> => {
  const [, id = '', root = ''] = /^Import (\d+), Root (\S+)\n$/.exec((await run(cwd, 'import', ...args)).stdout) ?? []
  return { id, root }
}

const carOf = (cwd: string, id: string): string => join(cwd, '.dagstore', 'imports', `${id}.car`)

/** A repository whose imports are these: what a Lotus node has written. */
const lotusRepository = async (labels: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<string> => {
  const folder = await temporaryFolder()
  await mkdir(join(folder, 'datastore', 'metadata'), { recursive: true })
  const db = new ClassicLevel(join(folder, 'datastore', 'metadata'))
  await db.open()
  for (const [id, Labels] of Object.entries(labels)) await db.put(`/client/stores/${id}`, JSON.stringify({ Labels }))
  await db.close()
  return folder
}

/** As Lotus 1.11.1 and older wrote them: into a store of its own, so without a CAR. */
const LEGACY = { source: 'import', root: 'bafykbzaceda6wcxnvzhofxzwfmtzcrryy4jgw7ii7hvgpdcqlz7kwhhzdh3ew', filename: '/data/old.iso', mtime: '2021-06-01T10:00:00Z' }

describe('the check of imports at a start', () => {
  it('says nothing of imports that can be read but how many there are, at each command that uses the store', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'a'), 'a')
    expect((await run(cwd, 'import', 'a')).stderr).toBe('made a DAG store at .dagstore\nINFO importmgr sanity check completed {"broken":0,"total":0}\n')
    expect((await run(cwd, 'local')).stderr).toBe('INFO importmgr sanity check completed {"broken":0,"total":1}\n')
  })

  it('names those that lack a CAR, whose CAR is gone, and whose CAR is cut, in the words of Lotus', async () => {
    const cwd = await temporaryFolder()
    for (const name of ['gone', 'cut', 'whole']) await writeFile(join(cwd, name), seededBytes(name.length, 2_500_000))
    const [gone, cut] = [await imported(cwd, 'gone'), await imported(cwd, 'cut'), await imported(cwd, 'whole')]
    // taken over as it is, and said to be of no use
    expect((await dagstore(cwd, ['client', 'adopt', await lotusRepository({ 1622541600000000000: LEGACY })])).stderr).toContain('1622541600000000000')
    await rm(carOf(cwd, gone.id))
    await truncate(carOf(cwd, cut.id), 100)
    const { stderr, stdout } = await run(cwd, 'local')
    expect(stderr.split('\n')).toEqual([
      `WARN importmgr import lacks carv2 path; import will not work; please reimport {"id":1622541600000000000,"source":"import","root":"${LEGACY.root}","original":"/data/old.iso"}`,
      expect.stringContaining(`WARN importmgr import has missing/broken carv2; please reimport {"id":${gone.id},"source":"import","root":"${gone.root}","original":"${join(cwd, 'gone')}"`),
      expect.stringContaining(`WARN importmgr import has missing/broken carv2; please reimport {"id":${cut.id},"source":"import","root":"${cut.root}"`),
      'INFO importmgr sanity check completed {"broken":3,"total":4}',
      '',
    ])
    expect(stdout.match(/broken: /g)).toHaveLength(3)
    // and each can be put right, or go; the id stays
    expect((await run(cwd, 'reimport', gone.id)).stdout).toContain(gone.id)
    await run(cwd, 'drop', '1622541600000000000')
    expect((await run(cwd, 'local')).stderr).toContain('{"broken":1,"total":3}')
  })

  it('is JSON where the configuration wants that, and silent where it wants no more than errors', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'a'), seededBytes(1, 200))
    const { id, root } = await imported(cwd, 'a')
    await rm(carOf(cwd, id))
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Daemon]\nLogFormat = "json"\n')
    const lines = (await run(cwd, 'local')).stderr.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line.replace(id, `"${id}"`)) as unknown)).toEqual([
      { level: 'warn', logger: 'importmgr', msg: 'import has missing/broken carv2; please reimport', id, source: 'import', root, original: join(cwd, 'a'), error: expect.any(String) },
      { level: 'info', logger: 'importmgr', msg: 'sanity check completed', broken: 1, total: 1 },
    ])
    expect((await run(cwd, 'local', '--log-format', 'text')).stderr).toMatch(/^WARN importmgr .*\nINFO importmgr /)
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Daemon]\nLogLevel = "info,importmgr=error"\n')
    expect((await run(cwd, 'local')).stderr).toBe('')
    expect((await dagstore(cwd, ['client', 'local'], { env: { DAGSTORE_LOGLEVEL: 'info' } })).stderr).toMatch(/^WARN importmgr .*\nINFO importmgr /)
  })

  it.each([['client', 'local', '--log-format', 'json'], ['--log-format=json', 'client', 'stat', 'ROOT'], ['client', 'verify', '--log-format=json'], ['client', 'cat', '--log-format', 'json', 'ROOT']])('is JSON with --log-format json, or where the environment wants that: %s %s %s %s', async (...args) => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'a'), seededBytes(1, 200))
    const { root } = await imported(cwd, 'a')
    const line = '{"level":"info","logger":"importmgr","msg":"sanity check completed","broken":0,"total":1}\n'
    expect((await dagstore(cwd, args.map((arg) => arg === 'ROOT' ? root : arg))).stderr).toContain(line)
    const plain = args.filter((arg) => !arg.startsWith('--log') && arg !== 'json').map((arg) => arg === 'ROOT' ? root : arg)
    expect((await dagstore(cwd, plain, { env: { DAGSTORE_LOGFORMAT: 'json' } })).stderr).toContain(line)
    expect((await dagstore(cwd, plain, { env: { DAGSTORE_LOGFORMAT: 'xml' } })).code).toBe(2)
  })
})

describe('what was imported', () => {
  it.each([0, 1, 126, 127, (1 << 20) + 5, (2 << 20) + 3])('L11: is read and exported again: a file of %i bytes, also where its root is an identity CID', async (bytes) => {
    const cwd = await temporaryFolder()
    const content = seededBytes(7, bytes)
    await writeFile(join(cwd, 'in'), content)
    const piped = await dagstore(cwd, ['client', 'import', '-q', '-'], { stdin: content })
    const { root } = await imported(cwd, 'in')
    expect(piped.stdout).toBe(`${root}\n`)
    expect(Buffer.compare((await run(cwd, 'cat', root)).bytes, content)).toBe(0)
    await run(cwd, 'export', root, 'out')
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
    expect((await run(cwd, 'stat', root)).stdout).toMatch(/Payload Size: \d+/)
  })

  it('L13: goes into a CAR with its bytes, from references too; a CAR that was imported in place likewise', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in'), seededBytes(8, 3_000_000))
    const { root } = await imported(cwd, 'in')
    await run(cwd, 'export', '--car', root, 'a.car')
    await run(cwd, 'generate-car', 'in', 'payload.car')
    const payload = await readFile(join(cwd, 'payload.car'))
    expect(payload.byteLength).toBeGreaterThan(3_000_000)
    expect(Buffer.compare(await readFile(join(cwd, 'a.car')), payload)).toBe(0)
    expect((await dagstore(cwd, ['car', 'verify', 'a.car'])).code).toBe(0)
    await run(cwd, 'export', '--car', '--car-version', '2', root, 'b.car')
    expect((await dagstore(cwd, ['car', 'verify', 'b.car'])).code).toBe(0)
    // a store of its own, which has nothing but the CAR
    const other = await temporaryFolder()
    for (const car of ['payload.car', 'b.car']) {
      expect((await imported(other, '--car', join(cwd, car))).root).toBe(root)
      await run(other, 'export', '--car', root, `again-${car}`)
      expect(Buffer.compare(await readFile(join(other, `again-${car}`)), payload)).toBe(0)
    }
  })

  it('goes into a CAR also where temporary files lie among the data, which are no part of it', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'in', 'tmp'), { recursive: true })
    await writeFile(join(cwd, 'in', 'a'), seededBytes(8, 3000))
    const { root } = await imported(cwd, 'in')
    await run(cwd, 'export', '--car', root, 'a.car')
    vi.stubEnv('TMPDIR', join(cwd, 'in', 'tmp'))
    try {
      await run(cwd, 'generate-car', 'in', 'b.car')
    } finally {
      vi.unstubAllEnvs()
    }
    expect(Buffer.compare(await readFile(join(cwd, 'b.car')), await readFile(join(cwd, 'a.car')))).toBe(0)
    expect(await readdir(join(cwd, 'in', 'tmp'))).toEqual([])
  })

  it('L16: is retrieved from the import, which is told, and is there under the name that the command was given', async () => {
    const cwd = await temporaryFolder()
    const content = seededBytes(9, 2_100_000)
    await writeFile(join(cwd, 'in'), content)
    const { root } = await imported(cwd, 'in')
    const { stdout, stderr } = await run(cwd, 'retrieve', root, 'out')
    expect(stdout).toBe('Success\n')
    expect(stderr).toContain('from an import')
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
    // a copy of ours, where one is wanted
    await run(cwd, 'retrieve', '--into', 'file', root)
    expect((await run(cwd, 'list-retrievals')).stdout).toContain('DealStatusCompleted')
  })

  it('is never half there: an export that cannot be whole leaves nothing, and what was there stays', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'in'), seededBytes(10, 3_000_000))
    const { root } = await imported(cwd, 'in')
    await writeFile(join(cwd, 'there'), 'mine')
    expect((await dagstore(cwd, ['client', 'export', root, 'there'])).code).toBe(1)
    await writeFile(join(cwd, 'in'), seededBytes(11, 3_000_000)) // its references are not what they were
    const before = (await readdir(cwd)).sort()
    for (const args of [['export', root, 'new'], ['export', '--car', root, 'new'], ['export', '--force', root, 'there']]) {
      const { code, stderr } = await dagstore(cwd, ['client', ...args])
      expect([code, stderr]).toEqual([1, expect.stringContaining('REF_CAR_FILE_CHANGED')])
    }
    expect((await readdir(cwd)).sort()).toEqual(before)
    expect(await readFile(join(cwd, 'there'), 'utf8')).toBe('mine')
    expect((await dagstore(cwd, ['client', 'verify'])).stderr).toContain('REF_CAR_FILE_CHANGED')
  })

  it('is of folders that may be referenced, where the configuration names them', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'data'))
    await writeFile(join(cwd, 'data', 'a'), 'a')
    await writeFile(join(cwd, 'b'), 'b')
    const { root } = await imported(cwd, 'b')
    await writeFile(join(cwd, '.dagstore', 'config.toml'), `[Client]\nReferencedFolders = [${JSON.stringify(join(cwd, 'data'))}]\n`)
    await imported(cwd, 'data/a')
    for (const args of [['import', 'b'], ['generate-car', 'b', 'b.car']]) {
      expect((await dagstore(cwd, ['client', ...args])).stderr).toContain('REF_CAR_FORBIDDEN')
    }
    // one that was imported before: its one block is in its CAR, which nobody forbids
    expect((await dagstore(cwd, ['client', 'cat', root])).stdout).toBe('b')
  })

  it('is listed, folder by folder', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'in', 'sub'), { recursive: true })
    await writeFile(join(cwd, 'in', 'a'), 'hello')
    await writeFile(join(cwd, 'in', 'sub', 'b'), seededBytes(12, 2_000_000))
    const { root } = await imported(cwd, 'in')
    expect((await run(cwd, 'ls', root)).stdout.split('\n').map((line) => line.split(/\s+/).slice(1).join(' '))).toEqual(['5 a', '- sub/', ''])
    expect((await run(cwd, 'ls', `${root}/sub`)).stdout).toMatch(/^\S+ +2000000 +b\n$/)
    await run(cwd, 'export', root, 'out')
    expect(Buffer.compare(await readFile(join(cwd, 'out', 'sub', 'b')), seededBytes(12, 2_000_000))).toBe(0)
    expect((await dagstore(cwd, ['client', 'cat', `${root}/none`])).code).toBe(1)
  })
})
