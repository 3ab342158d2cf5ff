/** A whole file or nothing. */
import * as fs from 'node:fs'
import { rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { CallOptions } from '../calls.ts'
import { temporaryName } from '../names.ts'
import { systemRandom } from '../random.ts'
import { type Descriptor, openDescriptor } from './descriptor.ts'
import { classifyNodeError } from './errors.ts'
import { syncFolder } from './folders.ts'

const { O_CREAT, O_EXCL, O_WRONLY } = fs.constants
const sync = promisify(fs.fsync)

/** Shorter chunks are gathered to this length before they are written. */
const GATHER_BYTES = 256 * 1024
/** Taken at first: most files are short. */
const FIRST_GATHER_BYTES = 32 * 1024

/** A file under a temporary name, and what it is to become. */
export interface Draft {
  readonly file: Descriptor
  readonly temporary: string
  readonly path: string
}

/** The empty file in `folder`, of the same file system as `path`. @throws {IoError} `IO_NOT_FOUND`: no such folder; as `openDescriptor` */
export const openDraft = async (path: string, folder: string, label: string): Promise<Draft> => {
  const temporary = join(folder, temporaryName(basename(path), systemRandom.bytes(8)))
  const { file } = await openDescriptor(temporary, label, O_WRONLY | O_CREAT | O_EXCL, { createMode: 0o666 })
  return { file, temporary, path }
}

/** Write `content`, sync, rename, sync the folder; on failure the draft goes. */
export const completeDraft = async ({ file, temporary, path }: Draft, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, { signal }: CallOptions): Promise<{ sizeBytes: number }> => {
  const label = file.label
  const failed = (error: unknown): never => { throw classifyNodeError(error, `write failed; path=${label}`) }
  let sizeBytes: number
  try {
    sizeBytes = await writeAll(file, content, failed, signal)
    await file.use(sync).catch(failed)
    await file.close()
    signal?.throwIfAborted()
    await rename(temporary, path).catch(failed)
  } catch (error) {
    await file.close().catch(() => {}) // the first failure is the one to tell
    await unlink(temporary).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path), label)
  return { sizeBytes }
}

const writeAll = async (file: Descriptor, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, failed: (error: unknown) => never, signal: AbortSignal | undefined): Promise<number> => {
  // chunks are copied, since their maker may use the memory again
  let gathered = new Uint8Array(FIRST_GATHER_BYTES)
  let waiting = 0
  let at = 0
  const put = async (bytes: Uint8Array): Promise<void> => {
    await file.write(at, bytes).catch(failed)
    at += bytes.byteLength
  }
  const flush = async (): Promise<void> => {
    if (waiting > 0) await put(gathered.subarray(0, waiting))
    waiting = 0
  }
  signal?.throwIfAborted()
  for await (const chunk of content) {
    signal?.throwIfAborted()
    if (waiting + chunk.byteLength > GATHER_BYTES) await flush()
    if (chunk.byteLength >= GATHER_BYTES) {
      await put(chunk)
    } else {
      if (waiting + chunk.byteLength > gathered.byteLength) {
        const longer = new Uint8Array(GATHER_BYTES)
        longer.set(gathered.subarray(0, waiting))
        gathered = longer
      }
      gathered.set(chunk, waiting)
      waiting += chunk.byteLength
    }
  }
  await flush()
  signal?.throwIfAborted()
  return at
}
