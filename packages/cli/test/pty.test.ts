/** The command on a real terminal: colours of tables, lines that are drawn again, Ctrl-C. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const blocks = makeBlocks(51, 6, { min: 20, max: 300 })

/** `script` of util-linux runs a command on a terminal of its own. */
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

/** What the terminal shows. */
const onTerminal = async (cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<{ readonly code: number | null, readonly shown: string }> => {
  const line = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, TERM: 'xterm', ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => { parts.push(part) })
  const [code] = await once(child, 'close') as [number | null]
  return { code, shown: Buffer.concat(parts).toString('utf8') }
}

const twoShards = async (): Promise<string> => {
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, 'cars'))
  for (const [at, name] of ['a.car', 'longer-name.car'].entries()) await writeFile(join(cwd, 'cars', name), carV1([], blocks.slice(at * 3, at * 3 + 3)))
  await dagstore(cwd, ['add', 'cars'])
  await dagstore(cwd, ['initialize-shard', 'a.car'])
  await dagstore(cwd, ['register-shard', '--eager', 'broken', 'file:///no/such.car'])
  return cwd
}

describe.runIf(hasScript).each([{ way: 'the store itself', remote: false }, { way: 'a daemon', remote: true }])('on a terminal, asking $way', ({ remote }) => {
  it('states have the colours of Lotus, and columns stay in line', async () => {
    const cwd = await twoShards()
    if (remote) await startDaemon(bin, [], { cwd })
    const { code, shown } = await onTerminal(cwd, ['list-shards'])
    expect(code, shown).toBe(0)
    const lines = shown.trimEnd().split('\r\n')
    expect(lines[0]).toBe('Key              State      Error')
    expect(lines[1]).toBe('a.car            \u001b[32mAvailable\u001b[0m')
    expect(lines[2]?.startsWith('broken           \u001b[31mErrored\u001b[0m    MOUNT_MISSING: ')).toBe(true)
    expect(lines[3]).toBe('longer-name.car  \u001b[33mNew\u001b[0m')
    expect((await onTerminal(cwd, ['list-shards', '--no-color'])).shown).not.toContain('\u001b')
    expect((await onTerminal(cwd, ['list-shards'], { NO_COLOR: '1' })).shown).not.toContain('\u001b')
    expect((await dagstore(cwd, ['list-shards', '--color'])).stdout).toContain('\u001b[32mAvailable\u001b[0m')
  })

  it('progress is drawn on one line, and taken away', async () => {
    const cwd = await twoShards()
    if (remote) await startDaemon(bin, [], { cwd })
    const { code, shown } = await onTerminal(cwd, ['add', 'cars'])
    expect(code).toBe(0)
    expect(shown).toContain('\r\u001b[2K  add       1 file …')
    expect(shown.endsWith('\r\u001b[2K2 ok, 0 failed\r\n') || shown.includes('\r\u001b[2Kcars: 2 there already\r\n')).toBe(true)
    const all = await onTerminal(cwd, ['initialize-all'])
    expect(all.shown).toContain('(1/1) longer-name.car \u001b[2mSTARTING\u001b[0m\r\n')
    expect(all.shown).toContain('(1/1) longer-name.car \u001b[32mSUCCESS\u001b[0m\r\n')
  })
})
