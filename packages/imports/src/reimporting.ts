/** Where an import came from, and how it is to be imported again. */
import { readLayout } from '@dagstore/carv2'
import type { CallOptions, TreeEntry } from '@dagstore/io'
import { DEFAULT_PROFILE, type Profile } from '@dagstore/unixfs-builder'
import { ImportError } from './errors.ts'
import type { ImportRecord, LinkPolicy } from './record.ts'
import type { SourceFiles } from './sources.ts'

export type ReimportPlan =
  | { readonly kind: 'car', readonly path: string, readonly fingerprint: string }
  | {
    readonly kind: 'tree', readonly path: string, readonly fingerprint: string, readonly entry: TreeEntry
    readonly profile: Profile, readonly links: LinkPolicy, readonly form: 'ref' | 'dense'
  }

/**
 * As the record says it was done; of a record of Lotus, which says little, as Lotus does it.
 *
 * @throws {ImportError} `IMPORT_NO_SOURCE`
 * @throws what `sources` throw
 */
export const planReimport = async (record: ImportRecord, sources: SourceFiles, options: CallOptions): Promise<ReimportPlan> => {
  const { id, filename: path, source, profile = DEFAULT_PROFILE, links = 'keep', form } = record
  if (source === 'import-local') throw new ImportError('IMPORT_NO_SOURCE', `it was streamed here; id=${id}`, { id })
  if (path === '') throw new ImportError('IMPORT_NO_SOURCE', `nothing says where it came from; id=${id}`, { id })
  // before it is read: what changes meanwhile is another one
  const fingerprint = await sources.fingerprint(path, options)
  if (record.carPath === path || await isOldCar(record, sources, options)) return { kind: 'car', path, fingerprint }
  return { kind: 'tree', path, fingerprint, entry: await sources.openTree(path, options), profile, links, form: form === 'dense' ? 'dense' : 'ref' }
}

/** A CAR was unpacked into Lotus's store before 1.11.2, and nothing says so but its root. */
const isOldCar = async ({ carPath, root, filename }: ImportRecord, sources: SourceFiles, options: CallOptions): Promise<boolean> => {
  if (carPath !== undefined || root === undefined || (await sources.stat(filename, options))?.kind !== 'file') return false
  const source = await sources.open(filename, options)
  try {
    const { roots } = await readLayout(source, { ...options, badIndex: 'report' })
    return roots.length === 1 && roots[0]!.equals(root)
  } catch {
    options.signal?.throwIfAborted()
    return false // no CAR, then: whether it can be read is found when it is
  } finally {
    await source.close()
  }
}
