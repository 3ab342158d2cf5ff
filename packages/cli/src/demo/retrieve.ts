/** Back out of the shard into a CARv2 file, and held against the input. */
import type { ShardLease } from '@dagstore/dagstore'
import type { WholeImport } from '@dagstore/imports'
import { IoError } from '@dagstore/io'
import { promote } from '@dagstore/promote-blockstore'
import type { CID } from 'multiformats/cid'
import { count, showBytes } from '../text.ts'
import { compareTrees } from './compare.ts'
import { type DemoInput, hasChanged } from './input.ts'
import { openInputTree } from './input-tree.ts'
import type { ItemParts } from './item-parts.ts'
import type { CarPayload } from './payload.ts'
import { compareSections } from './sections.ts'

export interface RetrievedResult {
  /** Name below `retrievals/`. */
  readonly name: string
  readonly blocks: number
  readonly bytes: number
  readonly missing: readonly CID[]
}

/** The DAG under the root is copied, then exported and compared with the input file by file, byte by byte. */
export const retrieveTree = async (input: DemoInput, imported: WholeImport, lease: ShardLease, { store, steps, signal }: ItemParts): Promise<RetrievedResult> => {
  const root = imported.root
  const retrieved = await steps.run('retrieve', async (step) => {
    const result = await store.retrievals.retrieve({ id: lease.key, root, from: lease.blockstore, signal, onProgress: ({ doneBytes }) => { step.progress(doneBytes, undefined) } })
    if (result.reused) step.reused()
    step.say(`${count(result.blocks, 'block')}, ${showBytes(result.bytes)}`)
    return result
  })
  await steps.run('compare', async (step) => {
    let done = 0
    const exported = await store.retrievals.export(retrieved.name, root)
    try {
      await compareTrees(await openInputTree(input), exported.tree, { signal, onBytes: (bytes) => { done += bytes; step.progress(done, input.sizeBytes) } })
    } catch (cause) {
      signal.throwIfAborted()
      if (await hasChanged(input, signal)) throw new IoError('IO_SOURCE_CHANGED', 'it changed meanwhile; run the same command again', { cause, retry: 'later' })
      throw cause
    } finally {
      await exported.close()
    }
    step.say(`${showBytes(done)} identical`)
  })
  return { ...retrieved, missing: [] }
}

/** Every section is fetched by CID through the promoted store, compared with the input's, and kept. */
export const retrieveSections = async (payload: CarPayload, lease: ShardLease, { store, steps, signal }: ItemParts): Promise<RetrievedResult> => {
  const kept = await steps.run('retrieve', async (step) => {
    const copy = await store.retrievals.copySections({ id: lease.key, roots: lease.roots, from: lease, signal, onProgress: ({ doneBytes }) => { step.progress(doneBytes, payload.sizeBytes) } })
    if (copy.reused) step.reused()
    step.say(`${count(copy.blocks, 'block')}, ${showBytes(copy.bytes)}`)
    return copy
  })
  const compared = await steps.run('compare', async (step) => {
    const promoted = promote(lease.blockstore, { [Symbol.asyncDispose]: async () => {} })
    try {
      const result = await compareSections(payload.source, payload.layout, promoted, { signal, onProgress: step.progress })
      step.say(`${count(result.sections, 'section')} identical${result.missing.length === 0 ? '' : `, ${count(result.missing.length, 'block')} missing in the input`}`)
      return result
    } finally {
      await promoted.close()
    }
  })
  return { ...kept, missing: compared.missing }
}
