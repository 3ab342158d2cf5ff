/** What changes when a file, or anything in a folder, does: lengths, times, inodes and names. Nothing is read. */
import { createHash } from 'node:crypto'
import { lstat, readdir } from 'node:fs/promises'
import { sep } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'

/** Spelt out: declarations that name Node's types ask for `@types/node`. */
export interface FileFacts { readonly size: bigint, readonly mtimeNs: bigint, readonly ino: bigint }

export const fileFingerprint = ({ size, mtimeNs, ino }: FileFacts): string => `${size}:${mtimeNs}:${ino}`

/**
 * One hash over the path and the facts of everything below. Names are taken as bytes: what may not be in one, the import says.
 *
 * @param leftOut - names below the folder, `/` between parts
 * @throws {IoError}
 */
export const folderFingerprint = async (folder: string, leftOut: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<string> => {
  const hash = createHash('sha256')
  const skipped = [...leftOut].map((name) => Buffer.from(name))
  const walk = async (at: Buffer, prefix: Buffer): Promise<void> => {
    const names = await guard(at, () => readdir(at, { encoding: 'buffer' }))
    for (const name of names.sort((a, b) => Buffer.compare(a, b))) {
      signal?.throwIfAborted()
      const path = Buffer.concat([prefix, name])
      if (skipped.some((other) => other.equals(path))) continue
      const place = Buffer.concat([at, Buffer.from(sep), name])
      const facts = await guard(place, () => lstat(place, { bigint: true }))
      hash.update(path).update('\0')
      if (facts.isDirectory()) await walk(place, Buffer.concat([path, Buffer.from('/')]))
      else hash.update(`${fileFingerprint(facts)}\0`)
    }
  }
  await walk(Buffer.from(folder), Buffer.alloc(0))
  return hash.digest('hex')
}

const guard = async <T>(path: Buffer, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    throw classifyNodeError(error, `cannot be read; path=${path.toString()}`)
  }
}
