/**
 * What takes a name when it is whole, made beside it: `.<name>.dagstore-<random>.<machine><process>.tmp`, in a folder that is not ours. Which
 * process makes it is in the name, so that the next one that makes something there can tell what was left by one that was killed.
 */
import { createHash } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { CallOptions } from '../calls.ts'
import { type Clock, systemClock } from '../clock.ts'
import { IoError } from '../errors.ts'
import { systemRandom } from '../random.ts'
import { classifyNodeError, systemCode } from './errors.ts'
import { syncFolder } from './folders.ts'

export interface BesideOptions extends CallOptions {
  /** A file that is there is replaced; nothing else ever is. @default false */
  readonly replaceFile?: boolean | undefined
  /** What it fails with where there is something. @default an {@link IoError} `IO_EXISTS` */
  readonly taken?: ((isFile: boolean) => Error) | undefined
  /** @default systemClock */
  readonly clock?: Pick<Clock, 'now'> | undefined
}

const DRAFT = /^\..*\.dagstore-[0-9a-f]{8}\.([0-9a-f]{8})([0-9a-f]{8})\.tmp$/su
/** Clocks of file systems differ by less. */
const SKEW_MS = 10_000

/** Where numbers of processes mean the same: containers of one host, and of one name, have numbers of their own. */
const numbering = (): string => {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

const MACHINE = createHash('sha256').update(`${hostname()} ${numbering()}`).digest('hex').slice(0, 8)

/** Being made by this process. */
const live = new Set<string>()

/**
 * Make a file or folder: whole or not there. On any failure or abort nothing stays, and what was at `path` is as it was; durable on return
 * if `make` has synced what it made. What processes of this machine and user that were killed in the middle have left in the folder goes.
 *
 * @param make - makes it at the path that it is given
 * @throws {IoError} `IO_EXISTS`: there is something. `IO_NOT_FOUND`: no such folder. `IO_FORBIDDEN`, `IO_FAILED`; what `make` throws
 */
export const makeBeside = async <T>(path: string, options: BesideOptions, make: (draft: string) => Promise<T>): Promise<T> => {
  const { signal, clock = systemClock } = options
  const target = resolve(path)
  const folder = dirname(target)
  signal?.throwIfAborted()
  await checkTarget(target, path, options)
  await removeDead(folder, clock)
  const draft = join(folder, draftName(basename(target)))
  live.add(draft)
  try {
    const made = await make(draft)
    signal?.throwIfAborted()
    // a rename replaces an empty folder, or a file, that came meanwhile
    await checkTarget(target, path, options)
    await rename(draft, target).catch((error: unknown) => { throw classifyNodeError(error, `rename failed; path=${path}`) })
    // where a folder cannot be synced, a rename is as durable as it gets
    await syncFolder(folder, path).catch(() => {})
    return made
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  } finally {
    live.delete(draft)
  }
}

const checkTarget = async (target: string, path: string, { replaceFile = false, taken }: BesideOptions): Promise<void> => {
  const found = await lstat(target).catch((error: unknown) => {
    const known = classifyNodeError(error, `the target cannot be looked at; path=${path}`)
    if (known.code === 'IO_NOT_FOUND') return undefined
    throw known
  })
  if (found === undefined || (replaceFile && found.isFile())) return
  throw taken?.(found.isFile()) ?? new IoError('IO_EXISTS', found.isFile() ? `there is a file of that name; path=${path}` : `there is something of that name that is no file; path=${path}`)
}

const draftName = (name: string): string => {
  const random = Array.from(systemRandom.bytes(4), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `.${Array.from(name).slice(0, 40).join('')}.dagstore-${random}.${MACHINE}${process.pid.toString(16).padStart(8, '0')}.tmp`
}

/** Best effort. */
const removeDead = async (folder: string, clock: Pick<Clock, 'now'>): Promise<void> => {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, machine, pid] = DRAFT.exec(name) ?? []
    const path = join(folder, name)
    if (machine !== MACHINE || pid === undefined || live.has(path)) continue
    if (await isDead(Number.parseInt(pid, 16), path, clock)) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

/** Whether the one who made it is gone, and it is ours. One with our own number may be from before this process, as in a container. */
const isDead = async (pid: number, path: string, clock: Pick<Clock, 'now'>): Promise<boolean> => {
  if (pid !== process.pid && isRunning(pid)) return false
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || (process.getuid !== undefined && found.uid !== process.getuid())) return false
  return pid !== process.pid || found.mtimeMs < clock.now() - process.uptime() * 1000 - SKEW_MS
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) !== 'ESRCH'
  }
}
