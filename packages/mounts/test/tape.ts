/** A sequential mount whose behaviour a test changes. */
import type { Directory, SourceIdentity } from '@dagstore/io'
import type { Mount } from '../src/index.ts'

export const bytesOf = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 31 + (at >>> 8) + salt) & 0xff)

export interface Tape {
  readonly mount: Mount
  bytes: Uint8Array
  identity: SourceIdentity | undefined
  resumable: boolean
  /** What `stat` says. */
  sizeBytes: number | undefined
  opens: number
  /** Where each stream began. */
  readonly starts: number[]
  /** Called before each chunk, with where it begins. */
  before: (at: number, signal: AbortSignal | undefined) => Promise<void> | void
  openFails: unknown
}

export const createTape = (bytes: Uint8Array, name = 'x', chunkBytes = 1000): Tape => {
  const tape: Tape = {
    bytes,
    identity: { kind: 'version', tag: `"${name}"`, sizeBytes: bytes.byteLength },
    resumable: true,
    sizeBytes: bytes.byteLength,
    opens: 0,
    starts: [],
    before: () => {},
    openFails: undefined,
    mount: {
      url: `tape:${name}`,
      stat: async () => ({ exists: true, sizeBytes: tape.sizeBytes, ready: true, access: 'sequential' }),
      open: async () => {
        tape.opens++
        if (tape.openFails !== undefined) throw tape.openFails
        const { bytes: content, identity, resumable } = tape
        return {
          access: 'sequential',
          identity,
          resumable,
          stream: async function * (from, { signal } = {}) {
            tape.starts.push(from)
            for (let at = from; at < content.byteLength; at += chunkBytes) {
              await tape.before(at, signal)
              signal?.throwIfAborted()
              yield content.slice(at, at + chunkBytes)
            }
          },
        }
      },
    },
  }
  return tape
}

export const filesIn = async (directory: Directory, folder = ''): Promise<string[]> => {
  const names: string[] = []
  for (const entry of await directory.list(folder)) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    names.push(...(entry.kind === 'directory' ? await filesIn(directory, name) : [name]))
  }
  return names
}

/** A promise that a test settles. */
export const gate = (): { readonly passed: Promise<void>, readonly open: () => void } => {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => { open = resolve })
  return { passed, open: () => { open() } }
}

/** All that is ready to go on has gone on. */
export const settle = async (): Promise<void> => { for (let i = 0; i < 5; i++) await new Promise((resolve) => { setImmediate(resolve) }) }
