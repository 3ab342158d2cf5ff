/** The commands of a client as processes: what a terminal shows meanwhile, and what Ctrl-C ends. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onAbort } from '@dagstore/io'
import type { ClientImportProgress, Import } from '@dagstore/lotus-api'
import { describe, expect, it } from 'vitest'
import { commandFile, startCommand } from './daemon-process.ts'
import { fakeNode, root, streamOf } from './fake-node.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()
// what draws bars is loaded where there is a terminal
await symlink(join(dirname(fileURLToPath(import.meta.url)), '..', 'node_modules'), join(dirname(dirname(bin)), 'node_modules'))

/** `script` of util-linux runs a command on a terminal of its own. */
const hasScript = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0

const imported: Import = { Key: 7n, Err: '', Root: root, Source: 'import', FilePath: '/a', CARPath: '7.car' }

describe.runIf(hasScript)('on a terminal', () => {
  const onTerminal = async (cwd: string, env: Readonly<Record<string, string>>, args: readonly string[]): Promise<{ readonly code: number | null, readonly shown: string }> => {
    const line = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, TERM: 'xterm', ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
    const parts: Buffer[] = []
    child.stdout.on('data', (part: Buffer) => { parts.push(part) })
    const [code] = await once(child, 'close') as [number | null]
    return { code, shown: Buffer.concat(parts).toString('utf8') }
  }

  it('an import draws how far it is, and takes that away', async () => {
    const cwd = await temporaryFolder()
    const { env } = await fakeNode({ ClientImportWithEvents: () => streamOf<ClientImportProgress>({ DoneBytes: 1 << 19, TotalBytes: 1 << 20, Import: null }, { DoneBytes: 1 << 20, TotalBytes: 1 << 20, Import: imported }) })
    const { code, shown } = await onTerminal(cwd, env, ['client', 'import', 'big.iso'])
    expect(code, shown).toBe(0)
    expect(shown).toContain('import    ■■■■■■■■■■■■■■■···············  50%  512 KiB of 1 MiB')
    expect(shown.endsWith(`Import 7, Root ${root.toString()}\r\n`)).toBe(true)
  })

  it('what is broken is red', async () => {
    const cwd = await temporaryFolder()
    const { env } = await fakeNode({ ClientListImports: async () => [{ ...imported, Err: 'no CAR' }] })
    expect((await onTerminal(cwd, env, ['client', 'local'])).shown).toContain('\t\u001b[31mbroken: no CAR\u001b[0m\r\n')
    expect((await onTerminal(cwd, { ...env, NO_COLOR: '1' }, ['client', 'local'])).shown).not.toContain('\u001b')
  })
})

/** A stream that begins, and goes on until its caller leaves. */
const endless = <T>(value: T): { readonly stream: (signal: AbortSignal) => AsyncIterable<T>, readonly left: Promise<void> } => {
  let leave = (): void => {}
  const left = new Promise<void>((resolve) => { leave = resolve })
  return {
    left,
    stream: async function * (signal) {
      try {
        yield value
        await new Promise<void>((_resolve, reject) => { onAbort(signal, () => { reject(signal.reason as Error) }) })
      } finally {
        leave()
      }
    },
  }
}

describe('Ctrl-C', () => {
  it('withdraws what the node does, and leaves nothing', async () => {
    const cwd = await temporaryFolder()
    const work = endless<ClientImportProgress>({ DoneBytes: 1, TotalBytes: 2, Import: null })
    let begun = (): void => {}
    const started = new Promise<void>((resolve) => { begun = resolve })
    const { env } = await fakeNode({
      ClientImportWithEvents: (_ref, _how, { signal = new AbortController().signal } = {}) => {
        begun()
        return work.stream(signal)
      },
    })
    const command = startCommand(bin, ['client', 'import', 'big.iso'], { cwd, env })
    await started
    command.child.kill('SIGINT')
    await work.left
    expect(await command.ended).toMatchObject({ code: 130, stdout: '', stderr: 'dagstore: interrupted; the import was given up\n' })
    expect(await readdir(cwd)).toEqual([])
  })
})
