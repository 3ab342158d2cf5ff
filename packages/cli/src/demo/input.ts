/** What a PATH of the demo is: a file, a directory, or a CAR, and by which fingerprint it is known again. */
import { createHash } from 'node:crypto'
import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { PRAGMA } from '@dagstore/carv2'
import { classifyNodeError } from '@dagstore/io/node'

export interface DemoInput {
  /** As the user gave it. */
  readonly path: string
  readonly absolutePath: string
  readonly kind: 'file' | 'directory' | 'car'
  /** Bytes of the file, or of all files below the directory. */
  readonly sizeBytes: number
  /** Changes when size, times or names change; equal ones are taken for the same content. */
  readonly fingerprint: string
}

/** @throws {IoError} missing, unreadable, or neither file nor directory */
export const readInput = async (path: string, cwd: string, signal: AbortSignal): Promise<DemoInput> => {
  const absolutePath = resolve(cwd, path)
  try {
    const facts = await stat(absolutePath, { bigint: true })
    if (facts.isDirectory()) return { path, absolutePath, kind: 'directory', ...await directoryFacts(absolutePath, signal) }
    if (!facts.isFile()) throw new TypeError('neither a file nor a directory')
    const kind = await looksLikeCar(absolutePath) ? 'car' : 'file'
    return { path, absolutePath, kind, sizeBytes: Number(facts.size), fingerprint: `${facts.size}:${facts.mtimeNs}:${facts.ino}` }
  } catch (error) {
    if (error instanceof TypeError || signal.aborted) throw error
    throw classifyNodeError(error, 'cannot be read')
  }
}

/** By its name, or by the first bytes of a CARv2 file; any other CARv1 file has to be named `.car`. */
const looksLikeCar = async (path: string): Promise<boolean> => {
  const file = await open(path, 'r')
  try {
    if (/\.car$/i.test(path)) return true
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PRAGMA.byteLength), 0, PRAGMA.byteLength, 0)
    return bytesRead === PRAGMA.byteLength && buffer.equals(PRAGMA)
  } finally {
    await file.close()
  }
}

/** One hash over path, size and time of everything below. */
const directoryFacts = async (folder: string, signal: AbortSignal): Promise<{ sizeBytes: number, fingerprint: string }> => {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const walk = async (dir: string, prefix: string): Promise<void> => {
    signal.throwIfAborted()
    const entries = (await readdir(dir, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const entry of entries) {
      const at = join(dir, entry.name)
      hash.update(`${prefix}${entry.name}\0`)
      if (entry.isDirectory()) {
        await walk(at, `${prefix}${entry.name}/`)
      } else {
        const facts = await lstat(at, { bigint: true })
        hash.update(`${facts.size}:${facts.mtimeNs}:${facts.ino}\0`)
        sizeBytes += Number(facts.size)
      }
    }
  }
  await walk(folder, '')
  return { sizeBytes, fingerprint: hash.digest('hex') }
}
