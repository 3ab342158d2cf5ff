/** The command as a process of its own: a daemon that is started, asked, and ended as a user does it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleProgram } from '@dagstore-tooling/testkit/bundle'
import { afterAll, onTestFinished } from 'vitest'

/** The command as one file, made once for all tests of a file; called where the file begins, not in a hook, or it stays behind. */
export const commandFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'dagstore-daemon-'))
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const bin = join(folder, 'dist', 'bin.mjs')
  await writeFile(join(folder, 'package.json'), '{"version":"1.2.3"}') // where the command reads its version
  const classicLevel = pathToFileURL(createRequire(fileURLToPath(import.meta.resolve('@dagstore/node'))).resolve('classic-level')).href
  await bundleProgram(new URL('../src/bin.ts', import.meta.url), bin, classicLevel).catch(async (error: unknown) => {
    await rm(folder, { recursive: true, force: true }) // of a file that does not load, no hook runs
    throw error
  })
  return bin
}

export interface Ended { readonly code: number | null, readonly signal: NodeJS.Signals | null, readonly stdout: string, readonly stderr: string }

export interface RunningCommand {
  readonly child: ChildProcessWithoutNullStreams
  /** What it has said so far. */
  readonly said: () => { readonly stdout: string, readonly stderr: string }
  /** Resolves when stderr has this. Rejects when the process ends before. */
  until (text: string | RegExp): Promise<void>
  readonly ended: Promise<Ended>
}

export interface StartOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export const startCommand = (bin: string, args: readonly string[], { cwd, env = {} }: StartOptions): RunningCommand => {
  const child = spawn(process.execPath, [bin, ...args], { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env } })
  let stdout = ''
  let stderr = ''
  const listeners = new Set<() => void>()
  const told = (): void => { for (const listener of listeners) listener() }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    told()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    told()
  })
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr }))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    said: () => ({ stdout, stderr }),
    ended,
    until: (text) => new Promise((resolve, reject) => {
      const look = (): void => {
        if (typeof text === 'string' ? !stderr.includes(text) : !text.test(stderr)) return
        listeners.delete(look)
        resolve()
      }
      listeners.add(look)
      look()
      void ended.then(({ code, signal }) => { reject(new Error(`ended before it said ${String(text)}; code=${code} signal=${signal}\n${stderr}`)) })
    }),
  }
}

export interface RunningDaemon extends RunningCommand {
  readonly url: string
  readonly token: string
  readonly root: string
}

/** A daemon at a port that is free, and has answered. */
export const startDaemon = async (bin: string, args: readonly string[], options: StartOptions & { readonly root?: string }): Promise<RunningDaemon> => {
  const running = startCommand(bin, ['daemon', '--listen', '127.0.0.1:0', ...args], options)
  await running.until(/ answering |"msg":"answering"/)
  const url = /(?:url=|"url":")(http:[^\s"]+)/.exec(running.said().stderr)?.[1] ?? ''
  const root = options.root ?? join(options.cwd, '.dagstore')
  return { ...running, url, root, token: await readFile(join(root, 'token'), 'utf8') }
}

/** One call by POST; gives the result, or the error as it came. */
export const call = async ({ url, token }: Pick<RunningDaemon, 'url'> & { readonly token?: string | undefined }, method: string, params: readonly unknown[] = []): Promise<{ readonly result?: any, readonly error?: { readonly code: number, readonly message: string, readonly data?: unknown } }> => {
  const response = await fetch(`${url}/rpc/v0`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: `Filecoin.${method}`, params }),
  })
  return await response.json() as Awaited<ReturnType<typeof call>>
}
