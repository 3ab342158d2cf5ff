/** Files of this computer that may be imported, referred to, or used in place. */
import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import { IoError } from '@dagstore/io'
import { classifyNodeError, openTree } from '@dagstore/io/node'
import { RefCarError } from '@dagstore/ref-carv2'
import { allowedPaths, nodeReferencedFiles } from '@dagstore/ref-carv2/node'
import type { SourceFiles } from '../sources.ts'
import { fileFingerprint, folderFingerprint } from './fingerprints.ts'
import { without } from './left-out.ts'

export interface NodeSourceFilesOptions {
  /** Files, and folders with all that is below them. @default 'all' whatever this process may read */
  readonly allow?: readonly string[] | 'all' | undefined
  /**
   * Folders that are no part of any import, such as that of the store: an import that took in itself would never end, and the
   * secrets of a store are nobody's content. CARs in them may be used in place. @default none
   */
  readonly leftOut?: readonly string[] | undefined
}

/**
 * What may be read is asked of the place that a path leads to, symbolic links resolved, each time. Links below a folder are
 * entries of their own and not followed. Relative paths are a `TypeError`.
 */
export const nodeSourceFiles = ({ allow = 'all', leftOut = [] }: NodeSourceFilesOptions = {}): SourceFiles => {
  const files = nodeReferencedFiles({ allow })
  const allowed = allowedPaths(allow)
  const resolve = async (path: string, signal: AbortSignal | undefined): Promise<string> => {
    signal?.throwIfAborted()
    return allowed.resolve(absolute(path))
  }
  /** What in a folder is left out: names below it, `/` between parts. @throws {RefCarError} it is left out itself */
  const leftOutOf = async (real: string, path: string): Promise<ReadonlySet<string>> => {
    const inside = new Set<string>()
    for (const folder of leftOut) {
      const other = await realpath(folder).catch(() => undefined)
      if (other === undefined) continue
      if (isBelow(relative(other, real))) throw new RefCarError('REF_CAR_FORBIDDEN', `in a folder that is no part of any import; path=${JSON.stringify(path)}`)
      const name = relative(real, other)
      if (isBelow(name)) inside.add(name.split(sep).join('/'))
    }
    return inside
  }
  return {
    open: async (path, options) => files.open(absolute(path), options),
    openTree: async (path, { signal } = {}) => {
      const real = await resolve(path, signal)
      const inside = await leftOutOf(real, path)
      const tree = await openTree(path)
      return tree.kind === 'directory' ? without(tree, inside) : tree
    },
    stat: async (path, { signal } = {}) => {
      try {
        const found = await stat(await resolve(path, signal))
        return { kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other', sizeBytes: found.isFile() ? found.size : 0 }
      } catch (error) {
        if (error instanceof RefCarError || error instanceof TypeError || signal?.aborted === true) throw error
        const known = classifyNodeError(error, `stat; path=${path}`)
        if (known.code === 'IO_NOT_FOUND') return undefined
        throw known
      }
    },
    fingerprint: async (path, { signal } = {}) => {
      const real = await resolve(path, signal)
      let facts
      try {
        facts = await stat(real, { bigint: true })
      } catch (error) {
        throw classifyNodeError(error, `stat; path=${path}`)
      }
      if (facts.isDirectory()) return folderFingerprint(real, await leftOutOf(real, path), signal)
      if (!facts.isFile()) throw new IoError('IO_FAILED', `neither file nor folder; path=${path}`)
      return fileFingerprint(facts)
    },
  }
}

const absolute = (path: string): string => {
  if (isAbsolute(path)) return path
  throw new TypeError(`path of a source; want=absolute got=${JSON.stringify(path)}`)
}

/** Of what `relative` gives: the folder itself counts. */
const isBelow = (path: string): boolean => path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
