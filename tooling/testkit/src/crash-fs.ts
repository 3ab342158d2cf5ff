/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A `Directory` in memory that can be cut off at any operation and looked at as the next process would find it.
 *
 * What survives: everything that a `Directory` promises as durable once its call resolved, every synced byte of a writable
 * file, any subset of its unsynced sectors of 512 bytes, any length between the synced and the current one. An operation
 * that was cut may have happened or not. `freeBytes` and `IO_FULL` follow `capacityBytes`.
 */
import { type ByteSource, type Directory, type FileStat, IoError, splitName, type WritableFile } from '@dagstore/io'
import { Inode } from './crash-inode.ts'
import { CrashError, Faults } from './faults.ts'
import { seededRandom, type SeededRandom } from './random.ts'

export interface CrashFsOptions {
  readonly seed: number | string
  readonly label?: string
  /** Shared with other crashable parts of one world. @default its own */
  readonly faults?: Faults
  /** Writes that would need more are refused with `IO_FULL`. @default unlimited */
  readonly capacityBytes?: number
}

export interface CrashFs {
  readonly faults: Faults
  readonly directory: Directory
  /** Operations written down so far; `faults.log`. */
  readonly log: readonly string[]
  /** A file of its own by this name, created when missing. */
  writableFile(name: string): Promise<WritableFile>
  /** Names of all files, sorted. */
  names(): string[]
  /** Current bytes of a file, for looking at. */
  content(name: string): Uint8Array | undefined
  /** Put bytes, which nobody changes any more, under a name, synced, without counting an operation. */
  plant(name: string, bytes: Uint8Array): void
  /** What the next process finds; may be asked for several times, each seed another chance. */
  recover(seed: number | string): CrashFs
}

export const createCrashFs = (options: CrashFsOptions): CrashFs => openOn(new Map(), options)

type Files = Map<string, Inode>

const openOn = (files: Files, options: CrashFsOptions): CrashFs => {
  const faults = options.faults ?? new Faults()
  const random: SeededRandom = seededRandom(`${options.seed}/cut`)
  const capacity = options.capacityBytes ?? Number.POSITIVE_INFINITY
  const usedBytes = (): number => { let sum = 0; for (const inode of files.values()) sum += inode.length; return sum }

  /** Run a change as one operation: done, or at a cut by chance done, then the crash. */
  const change = (kind: 'write' | 'truncate' | 'sync' | 'create' | 'commit' | 'rename' | 'remove', name: string, detail: string, effect: () => void): void => {
    if (faults.step(kind, name, detail) === 'done') return effect()
    if (random.chance(0.5)) effect()
    throw new CrashError(`cut at ${kind} ${name}`)
  }
  const inodeOf = (name: string): Inode => {
    const inode = files.get(name)
    if (inode === undefined) throw new IoError('IO_NOT_FOUND', `no such file; name=${name}`)
    return inode
  }

  const writable = (name: string, inode: Inode): WritableFile => {
    let closed = false
    const check = (): void => { if (closed) throw new IoError('IO_CLOSED', 'file is closed') }
    const close = async (): Promise<void> => { closed = true }
    const grow = (to: number): void => {
      const more = to - inode.length
      if (more > 0 && usedBytes() + more > capacity) throw new IoError('IO_FULL', `no space left; name=${name}`, { retry: 'later' })
    }
    return {
      get sizeBytes () { return inode.length },
      read: async (at, length) => {
        check()
        faults.step('read', name, `${at}+${length}`)
        if (at < 0 || at + length > inode.length) throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${at} length=${length} size=${inode.length}`, { offset: at })
        return inode.read(at, length)
      },
      write: async (at, bytes) => {
        check()
        const copy = bytes.slice()
        grow(at + copy.byteLength)
        change('write', name, `${at}+${copy.byteLength}`, () => { inode.write(at, copy) })
      },
      truncate: async (size) => {
        check()
        grow(size)
        change('truncate', name, String(size), () => { inode.truncate(size) })
      },
      sync: async () => {
        check()
        change('sync', name, '', () => { inode.sync() })
      },
      close,
      [Symbol.asyncDispose]: close,
    }
  }

  const source = (name: string, inode: Inode): ByteSource => {
    const sizeBytes = inode.length
    const { version } = inode
    let closed = false
    const close = async (): Promise<void> => { closed = true }
    return {
      sizeBytes,
      identity: { kind: 'file', sizeBytes, mtimeNs: version, inode: inode.number },
      cost: { kind: 'local', seekBytes: 4096 },
      read: async (at, length, call) => {
        call?.signal?.throwIfAborted()
        if (closed) throw new IoError('IO_CLOSED', 'source is closed')
        faults.step('read', name, `${at}+${length}`)
        if (at < 0 || length < 0 || at + length > sizeBytes) throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${at} length=${length} size=${sizeBytes}`, { offset: at })
        if (inode.length < at + length) throw new IoError('IO_TRUNCATED', 'file became shorter', { offset: inode.length })
        return inode.read(at, length)
      },
      peek: () => undefined,
      close,
      [Symbol.asyncDispose]: close,
    }
  }

  const directoryAt = (prefix: string, label: string): Directory => {
    const full = (name: string): string => prefix + splitName(name).join('/')
    return {
      label,
      openSource: async (name, call) => {
        call?.signal?.throwIfAborted()
        faults.step('read', full(name), 'open')
        return source(full(name), inodeOf(full(name)))
      },
      openWritable: async (name, mode) => {
        const at = full(name)
        const known = files.get(at)
        if (known !== undefined) {
          if (mode === 'new') throw new IoError('IO_EXISTS', `file exists; name=${at}`)
          faults.step('read', at, 'open')
          return writable(at, known)
        }
        if (mode === 'open') throw new IoError('IO_NOT_FOUND', `no such file; name=${at}`)
        const inode = new Inode()
        change('create', at, '', () => { files.set(at, inode) })
        return writable(at, inode)
      },
      writeAtomic: async (name, content, { signal } = {}) => {
        const at = full(name)
        signal?.throwIfAborted()
        const chunks: Uint8Array[] = []
        let length = 0
        for await (const chunk of content) {
          signal?.throwIfAborted()
          length += chunk.byteLength
          if (usedBytes() + length > capacity) throw new IoError('IO_FULL', `no space left; name=${at}`, { retry: 'later' })
          change('write', `${at} (temporary)`, String(chunk.byteLength), () => {})
          chunks.push(chunk.slice())
        }
        signal?.throwIfAborted()
        const whole = new Uint8Array(length)
        let end = 0
        for (const chunk of chunks) { whole.set(chunk, end); end += chunk.byteLength }
        change('commit', at, String(length), () => { files.set(at, new Inode(whole)) })
        return { sizeBytes: length }
      },
      stat: async (name) => {
        const at = full(name)
        faults.step('read', at, 'stat')
        const inode = files.get(at)
        if (inode !== undefined) return { kind: 'file', sizeBytes: inode.length, allocatedBytes: inode.length }
        for (const other of files.keys()) if (other.startsWith(`${at}/`)) return { kind: 'directory', sizeBytes: 0, allocatedBytes: 0 }
        return undefined
      },
      list: async (name) => {
        const at = name === '' ? prefix : `${full(name)}/`
        faults.step('read', at === '' ? '.' : at, 'list')
        const found = new Map<string, FileStat['kind']>()
        for (const other of files.keys()) {
          if (!other.startsWith(at)) continue
          const [head = '', ...rest] = other.slice(at.length).split('/')
          found.set(head, rest.length > 0 ? 'directory' : 'file')
        }
        return [...found].sort(([x], [y]) => (x < y ? -1 : 1)).map(([entry, kind]) => ({ name: entry, kind }))
      },
      rename: async (from, to) => {
        const inode = inodeOf(full(from))
        change('rename', full(from), full(to), () => {
          files.delete(full(from))
          files.set(full(to), inode)
        })
      },
      remove: async (name) => { change('remove', full(name), '', () => { files.delete(full(name)) }) },
      freeBytes: async () => (capacity === Number.POSITIVE_INFINITY ? undefined : Math.max(0, capacity - usedBytes())),
      child: (name) => directoryAt(`${full(name)}/`, `${label}/${name}`),
    }
  }

  const directory = directoryAt('', options.label ?? 'crash-fs')
  return {
    faults,
    directory,
    log: faults.log,
    writableFile: (name) => directory.openWritable(name, 'any'),
    names: () => [...files.keys()].sort(),
    content: (name) => { const inode = files.get(name); return inode?.read(0, inode.length) },
    plant: (name, bytes) => { files.set(name, new Inode(bytes)) },
    recover: (seed) => {
      const chance = seededRandom(`${options.seed}/${seed}/recover`)
      const left: Files = new Map([...files].map(([name, inode]) => [name, inode.survivor(chance.fork(name))]))
      const { faults: _, ...rest } = options
      return openOn(left, { ...rest, seed: `${options.seed}/${seed}` })
    },
  }
}
