/** Back out of the shard into a CARv2 file, and held against the input. */
import { openIndexMount } from '@dagstore/carv2-index-mount'
import type { ShardLease } from '@dagstore/dagstore'
import type { Retrieval } from '@dagstore/deal-client'
import { promote } from '@dagstore/promote-blockstore'
import type { CID } from 'multiformats/cid'
import { OWN_PROVIDER } from '../client/own-provider.ts'
import { codeOf } from '../failure.ts'
import { count, showBytes } from '../text.ts'
import { compareTrees } from './compare.ts'
import { DealStoppedError } from './follow.ts'
import type { DemoInput } from './input.ts'
import { openInputTree } from './input-tree.ts'
import type { ItemParts } from './item-parts.ts'
import type { InputRecord } from './journal.ts'
import type { CarPayload } from './payload.ts'
import { compareSections } from './sections.ts'
import type { StepContext } from './steps.ts'

export interface RetrievedResult {
  /** Name below `retrievals/`. */
  readonly name: string
  readonly blocks: number
  readonly bytes: number
  readonly missing: readonly CID[]
}

/** The DAG under the root comes back in a retrieval deal, is exported, and compared with the input file by file, byte by byte. */
export const retrieveTree = async (input: DemoInput, root: CID, record: InputRecord, lease: ShardLease, parts: ItemParts): Promise<RetrievedResult> => {
  const { retrievals } = parts.sides.client
  const before = record.retrieval === undefined ? undefined : await retrievals.retrieval(record.retrieval)
  try {
    return await retrieveAndCompare(input, root, record, parts)
  } catch (error) {
    parts.signal.throwIfAborted()
    // what an earlier run has fetched may have been damaged since; it is fetched once more
    if (before === undefined || !isWhole(before) || !DAMAGE.test(codeOf(error) ?? '')) throw error
    await retrievals.remove(before.id)
    return retrieveAndCompare(input, root, record, parts)
  }
}

/** What is said of a file of our own that cannot be read as it was written. */
const DAMAGE = /^(?:BLOCKSTORE|CARV2|INDEX)_/

const retrieveAndCompare = async (input: DemoInput, root: CID, record: InputRecord, parts: ItemParts): Promise<RetrievedResult> => {
  const { sides: { client: { files } }, steps, signal } = parts
  const retrieved = await steps.run('retrieve', (step) => retrieve(input, root, record, parts, step))
  await steps.run('compare', async (step) => {
    let done = 0
    const exported = await files.export(retrieved.name, root)
    try {
      await compareTrees(await openInputTree(input), exported.tree, { signal, onBytes: (bytes) => { done += bytes; step.progress(done, input.sizeBytes) } })
    } finally {
      await exported.close()
    }
    step.say(`${showBytes(done)} identical`)
  })
  return { ...retrieved, missing: [] }
}

const retrieve = async (input: DemoInput, root: CID, record: InputRecord, { store, sides, journal, signal }: ItemParts, step: StepContext): Promise<Omit<RetrievedResult, 'missing'>> => {
  const { retrievals } = sides.client
  const { pieceCid } = record.piece
  let before = record.retrieval === undefined ? undefined : await retrievals.retrieval(record.retrieval)
  if (before !== undefined && !(before.root.equals(root) && before.pieceCid?.equals(pieceCid) === true)) before = undefined
  // its file was taken away
  if (before !== undefined && isWhole(before) && await store.files.stat(`retrievals/${before.file}`) === undefined) {
    await retrievals.remove(before.id)
    before = undefined
  }
  const id = before?.id ?? await newId(retrievals, record.retrieval)
  if (id !== record.retrieval) await journal.record(input.absolutePath, input.fingerprint, { ...record, retrieval: id })
  if (before !== undefined && isWhole(before)) step.reused()
  const after = await retrievals.retrieve({ id, root, pieceCid, providers: [OWN_PROVIDER], localFirst: false }, { signal, onUpdate: ({ receivedBytes }) => { step.progress(receivedBytes, record.piece.payloadBytes) } })
  if (!isWhole(after)) throw new DealStoppedError({ code: after.code ?? 'DEAL_CLIENT_REFUSED', message: after.message })
  const [name, bytes] = [after.file, after.totalBytes ?? after.receivedBytes]
  const blocks = await countBlocks(name, { store, signal })
  step.say(`${count(blocks, 'block')}, ${showBytes(bytes)}`)
  return { name, blocks, bytes }
}

const isWhole = (retrieval: Retrieval): retrieval is Retrieval & { readonly file: string } => retrieval.state === 'DealStatusCompleted' && retrieval.file !== undefined

/** Written down before it is begun; an id of time, as all are. */
const newId = async (retrievals: ItemParts['sides']['client']['retrievals'], noted: bigint | undefined): Promise<bigint> => {
  if (noted !== undefined && await retrievals.retrieval(noted) === undefined) return noted
  let id = BigInt(Date.now()) * 1_000_000n
  while (await retrievals.retrieval(id) !== undefined) id++
  return id
}

const countBlocks = async (name: string, { store, signal }: Pick<ItemParts, 'store' | 'signal'>): Promise<number> => {
  const data = await store.files.openSource(`retrievals/${name}`, { signal })
  const car = await openIndexMount({ data }, { hashes: store.hashes, signal }).catch(async (error: unknown) => {
    await data.close()
    throw error
  })
  try {
    return car.index.facts.entryCount
  } finally {
    await car.close()
  }
}

/** A CAR may hold blocks that no root leads to, so every section is fetched from the shard by CID, through the promoted store, compared with the input's, and kept. */
export const retrieveSections = async (payload: CarPayload, lease: ShardLease, { sides: { client: { files } }, steps, signal }: ItemParts): Promise<RetrievedResult> => {
  const kept = await steps.run('retrieve', async (step) => {
    const copy = await files.copySections({ id: lease.key, roots: lease.roots, from: lease, signal, onProgress: ({ doneBytes }) => { step.progress(doneBytes, payload.sizeBytes) } })
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
