/** How a daemon ends: told once, told twice, at a terminal, and where it cannot begin. */
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { otherUser } from '@dagstore-tooling/testkit/other-user'
import { openDagstore } from '@dagstore/node'
import { fileUrl } from '@dagstore/mounts'
import { describe, expect, it, onTestFinished } from 'vitest'
import { call, commandFile, type RunningDaemon, startCommand, startDaemon } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const isRoot = process.getuid?.() === 0
const user = otherUser()

const bin = await commandFile()

const BLOCKS = makeBlocks(17, 40, { min: 500, max: 1000 })
const CAR = carV1([], BLOCKS)

/** A daemon with a shard whose index takes about so long. */
const slowDaemon = async (cwd: string, seconds: number, config = ''): Promise<RunningDaemon> => {
  await writeFile(join(cwd, 'a.car'), CAR)
  await writeFile(join(cwd, 'd.toml'), `[Indexing]\nBytesPerSecond = ${Math.ceil(CAR.byteLength / (seconds + 1))}\n${config}`)
  const daemon = await startDaemon(bin, ['--config', 'd.toml', '--log-level', 'debug'], { cwd })
  const [added] = (await call(daemon, 'DagstoreAdd', [[{ Key: 'a', MountURL: fileUrl(join(cwd, 'a.car')) }]])).result
  expect(added.Error).toBe('')
  return daemon
}

const stateIn = async (daemon: RunningDaemon): Promise<string> => (await call(daemon, 'DagstoreListShards')).result[0].State as string
const untilIndexing = async (daemon: RunningDaemon): Promise<void> => {
  while (await stateIn(daemon) !== 'ShardStateInitializing') await new Promise((resolve) => { setTimeout(resolve, 10) })
}

describe('a daemon that is told to stop', () => {
  it('lets calls under way end, takes no more, and exits with 0', async () => {
    const daemon = await slowDaemon(await temporaryFolder(), 1)
    const under = call(daemon, 'DagstoreInitializeShard', ['a'])
    await untilIndexing(daemon)
    daemon.child.kill('SIGTERM')
    await daemon.until('stopping')
    expect(await under).not.toHaveProperty('error')
    const { code, stderr } = await daemon.ended
    expect(code, stderr).toBe(0)
    expect(await readdir(daemon.root)).not.toContain('api')
  })

  it('ends them when their time is over, and goes on with their work at the next start', async () => {
    const cwd = await temporaryFolder()
    const daemon = await slowDaemon(cwd, 60, '[Daemon]\nStopTimeout = "100ms"\n')
    const under = call(daemon, 'DagstoreInitializeShard', ['a']).catch((error: unknown) => ({ error }))
    await untilIndexing(daemon)
    daemon.child.kill('SIGINT')
    expect((await daemon.ended).code).toBe(0)
    expect(await under).toHaveProperty('error')
    const second = await startDaemon(bin, [], { cwd })
    while (await stateIn(second) !== 'ShardStateAvailable') await new Promise((resolve) => { setTimeout(resolve, 20) })
  })

  it('ends at once when it is told again, and loses nothing', async () => {
    const cwd = await temporaryFolder()
    const daemon = await slowDaemon(cwd, 60, '[Daemon]\nStopTimeout = "10m"\n')
    call(daemon, 'DagstoreInitializeShard', ['a']).catch(() => {})
    await untilIndexing(daemon)
    daemon.child.kill('SIGTERM')
    await daemon.until('stopping')
    daemon.child.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(130)
    const second = await startDaemon(bin, [], { cwd })
    while (await stateIn(second) !== 'ShardStateAvailable') await new Promise((resolve) => { setTimeout(resolve, 20) })
  })

  it('stops for Filecoin.Shutdown of who may, and answers it', async () => {
    const daemon = await startDaemon(bin, [], { cwd: await temporaryFolder() })
    expect((await call({ url: daemon.url }, 'Shutdown')).error?.message).toBe("missing permission to invoke 'Shutdown' (need 'admin')")
    expect(await call(daemon, 'Shutdown')).not.toHaveProperty('error')
    const { code, stderr } = await daemon.ended
    expect(code).toBe(0)
    expect(stderr).toContain('reason=shutdown')
  })
})

describe('a daemon that cannot begin', () => {
  it.each([
    { why: 'a mistyped key', file: '[DAGStore]\nMaxConcurrentIndx = 1\n', args: [], says: 'd.toml:2: [DAGStore] has no key MaxConcurrentIndx; did you mean MaxConcurrentIndex?' },
    { why: 'a bad value', file: '[Daemon]\nStopTimeout = 30\n', args: [], says: 'd.toml:2: StopTimeout: want a duration' },
    { why: 'a migration from nowhere', file: '[Migration]\nMigrateFrom = "lotus"\n', args: [], says: 'd.toml:2: MigrateFrom = "lotus" wants MigrateSource' },
    { why: 'a bad option', file: '', args: ['--concurrency', '-1'], says: 'want a whole number from 0' },
    { why: 'an argument', file: '', args: ['now'], says: 'too many arguments' },
  ])('exits with 2 for $why', async ({ file, args, says }) => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'd.toml'), file)
    const { code, stderr } = await startCommand(bin, ['daemon', '--config', 'd.toml', ...args], { cwd }).ended
    expect(stderr).toContain(says)
    expect(code).toBe(2)
    expect(await readdir(cwd)).toEqual(['d.toml'])
  })

  it('exits with 1 where its storage is none', async () => {
    const cwd = await temporaryFolder()
    const { code, stderr } = await startCommand(bin, ['daemon', '--listen', '127.0.0.1:0', '--storage', 'nowhere'], { cwd }).ended
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('IO_NOT_FOUND')
    // nor is a store made
    expect(await readdir(cwd)).toEqual([])
  })

  it.skipIf(isRoot && user === undefined)('exits with 1 where its folder may not be written to (not as root, who may, unless another user can run this Node)', async () => {
    const cwd = await temporaryFolder()
    const root = join(cwd, 'root')
    await (await openDagstore(root)).close()
    await chmod(cwd, 0o755)
    await chmod(dirname(dirname(bin)), 0o755)
    for (const folder of [root, ...(await readdir(root)).map((name) => join(root, name))]) await chmod(folder, 0o555)
    onTestFinished(async () => { for (const folder of [root, ...(await readdir(root)).map((name) => join(root, name))]) await chmod(folder, 0o755) })
    const child = spawn(process.execPath, [bin, 'daemon', '--listen', '127.0.0.1:0', '--root', root], { cwd, env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'ignore', 'pipe'], ...user })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
    const [code] = await once(child, 'close') as [number]
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/DAGSTORE_STORAGE_FAILED|IO_FORBIDDEN/)
  })
})

const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

describe.skipIf(!hasTerminals)('a daemon at a terminal (needs script of util-linux)', () => {
  const atTerminal = async (env: Readonly<Record<string, string>>, args: readonly string[] = []): Promise<{ readonly code: number, readonly text: string }> => {
    const cwd = await temporaryFolder()
    const child = spawn('script', ['-qec', ['exec', process.execPath, bin, 'daemon', '--listen', '127.0.0.1:0', ...args].join(' '), '/dev/null'], { cwd, env: { PATH: process.env['PATH'], TERM: 'xterm', ...env } })
    onTestFinished(() => { child.kill('SIGKILL') })
    let text = ''
    let told = false
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part
      if (told || !text.includes('answering')) return
      told = true
      child.stdin.write('\u0003') // Ctrl-C, as a person types it
    })
    const [code] = await once(child, 'close') as [number]
    expect(await readdir(join(cwd, '.dagstore'))).not.toContain('api')
    return { code, text }
  }

  it('paints its log, and stops for Ctrl-C', async () => {
    const { code, text } = await atTerminal({})
    expect(code, text).toBe(0)
    expect(text).toContain('\u001b[32mINFO \u001b[0m daemon  answering')
    expect(text).toContain('stopped')
  })

  it('does not where it is told not to', async () => {
    for (const { text, code } of [await atTerminal({ NO_COLOR: '1' }), await atTerminal({}, ['--no-color']), await atTerminal({}, ['--log-format', 'json'])]) {
      expect(code, text).toBe(0)
      expect(text).not.toContain('\u001b[32m')
    }
  })
})

describe('a folder that a Lotus node keeps its DAG store in', () => {
  it('is left alone', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, 'dagstore', 'datastore'), { recursive: true })
    await writeFile(join(cwd, 'config.toml'), '[Sealing]\nMaxWaitDealsSectors = 2\n[DAGStore]\n  RootDir = "dagstore"\n')
    const { code, stderr } = await startCommand(bin, ['daemon', '--config', 'config.toml'], { cwd }).ended
    expect(code).toBe(1)
    expect(stderr).toContain('`dagstore adopt`')
    expect(await readdir(join(cwd, 'dagstore'))).toEqual(['datastore'])
  })
})
