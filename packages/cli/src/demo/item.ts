/** One PATH through the whole loop: import, piece, deal, transfer, sector, shard, acquire, retrieve, compare. */
import { join } from 'node:path'
import { scanSections } from '@dagstore/carv2'
import { type ShardLease, toLotusState } from '@dagstore/dagstore'
import type { WholeImport } from '@dagstore/imports'
import { IoError } from '@dagstore/io'
import { parsePieceCid, pieceBytes, pieceCidV2 } from '@dagstore/piece'
import { commpOf } from '@dagstore/piece/node'
import type { CID } from 'multiformats/cid'
import { hashThreads } from '../hash-threads.ts'
import { count, showBytes } from '../text.ts'
import { type DemoInput, hasChanged } from './input.ts'
import { openInputTree } from './input-tree.ts'
import type { ItemParts } from './item-parts.ts'
import type { InputRecord, PieceRecord } from './journal.ts'
import { makeDeal } from './make-deal.ts'
import { type CarPayload, carPayload } from './payload.ts'
import { type RetrievedResult, retrieveSections, retrieveTree } from './retrieve.ts'
import { describeSector, placePiece, registerShard, transferData } from './run-deal.ts'
import type { StepContext, StepResult } from './steps.ts'

/** One entry of `items` in the JSON document; sizes in bytes. */
export interface ItemResult {
  readonly input: { readonly path: string, readonly kind: DemoInput['kind'], readonly sizeBytes: number }
  readonly payloadCid: string | null
  readonly roots: readonly string[]
  readonly missing: readonly string[]
  readonly pieceCid: string
  readonly pieceCidV2: string
  readonly pieceSizePadded: number
  readonly carSizeBytes: number
  readonly deal: { readonly proposalCid: string, readonly transferType: string }
  readonly sector: { readonly path: string, readonly offsetPadded: number, readonly lengthPadded: number, readonly sizeBytes: number, readonly allocatedBytes: number }
  readonly shard: { readonly key: string, readonly state: string }
  readonly index: { readonly path: string, readonly codec: string, readonly entries: number }
  readonly retrieved: { readonly path: string, readonly blocks: number, readonly bytes: number }
  readonly identical: true
  readonly steps: readonly StepResult[]
}

/** @throws {IoError} `IO_SOURCE_CHANGED`: whatever has failed, the input is not any more what it was */
export const runItem = async (input: DemoInput, parts: ItemParts): Promise<ItemResult> => {
  const { signal } = parts
  try {
    return await (input.kind === 'car' ? runCar(input, parts) : runTree(input, parts))
  } catch (cause) {
    signal.throwIfAborted()
    if (await hasChanged(input, signal)) throw new IoError('IO_SOURCE_CHANGED', 'it changed meanwhile; run the same command again', { cause, retry: 'later' })
    throw cause
  }
}

/** Taken as it is: its bytes are the piece, and the provider is given the file. */
const runCar = async (input: DemoInput, parts: ItemParts): Promise<ItemResult> => {
  const { steps, signal } = parts
  const car = await carPayload(input.absolutePath)
  try {
    await steps.run('import', (step) => checkCar(input, car, parts, step))
    const compute = async (step: StepContext): Promise<PieceRecord> => {
      pieceBytes(car.sizeBytes) // refuses what no sector holds before anything is read
      const { cidV1, cidV2, ...sizes } = await commpOf(car.stream(signal), { signal, workers: hashThreads(), onProgress: ({ doneBytes }) => { step.progress(doneBytes, car.sizeBytes) } })
      return { ...sizes, pieceCid: cidV1, pieceCidV2: cidV2 }
    }
    return await throughDeal(input, { compute, root: car.layout.roots[0], transferType: 'manual' }, parts, (lease) => retrieveSections(car, lease, parts))
  } finally {
    await car.close()
  }
}

/** Imported by reference, and sent in its payload form. */
const runTree = async (input: DemoInput, parts: ItemParts): Promise<ItemResult> => {
  const { sides: { client }, steps, signal } = parts
  const { root, id } = await steps.run('import', (step) => importInput(input, parts, step))
  client.readFrom(root, id)
  const compute = async (step: StepContext): Promise<PieceRecord> => {
    const piece = await client.deals.commP(root, { signal, onProgress: ({ doneBytes }) => { step.progress(doneBytes, undefined) } })
    return { ...piece, pieceCidV2: pieceCidV2(parsePieceCid(piece.pieceCid).commitment, piece.payloadBytes) }
  }
  return throughDeal(input, { compute, root, transferType: 'http-push' }, parts, (lease, record) => retrieveTree(input, root, record, lease, parts))
}

interface Wanted {
  readonly compute: (step: StepContext) => Promise<PieceRecord>
  readonly root: CID | undefined
  readonly transferType: 'http-push' | 'manual'
}

const throughDeal = async (input: DemoInput, { compute, ...wanted }: Wanted, parts: ItemParts, retrieve: (lease: ShardLease, record: InputRecord) => Promise<RetrievedResult>): Promise<ItemResult> => {
  const { store, steps, signal } = parts
  const record = await steps.run('piece', (step) => findPiece(input, compute, parts, step))
  const { piece } = record
  const deal = await steps.run('deal', (step) => makeDeal(input, record, wanted, parts, step))
  await steps.run('transfer', (step) => transferData(input, deal, piece.payloadBytes, parts, step))
  const place = await steps.run('sector', (step) => placePiece(deal, parts, step))
  const key = piece.pieceCid.toString()
  const shard = await steps.run('shard', (step) => registerShard(key, deal, parts, step))
  const lease = await steps.run('acquire', async (step) => {
    const acquired = await store.dagstore.acquire(key, { signal })
    step.say(`${count(acquired.index.facts.entryCount, 'section')} readable in place`)
    return acquired
  })
  try {
    const back = await retrieve(lease, { ...record, deal: deal.proposalCid })
    return {
      input: { path: input.path, kind: input.kind, sizeBytes: input.sizeBytes },
      payloadCid: lease.roots[0]?.toString() ?? null,
      roots: lease.roots.map(String),
      missing: back.missing.map(String),
      pieceCid: key,
      pieceCidV2: piece.pieceCidV2.toString(),
      pieceSizePadded: piece.paddedBytes,
      carSizeBytes: piece.payloadBytes,
      deal: { proposalCid: deal.proposalCid.toString(), transferType: wanted.transferType },
      sector: await describeSector(store, place),
      shard: { key, state: toLotusState(shard) },
      index: { path: join(store.root.label, 'index', store.indices.name(key, lease.indexGeneration)), codec: `0x${lease.index.facts.codec.toString(16).padStart(4, '0')}`, entries: lease.index.facts.entryCount },
      retrieved: { path: join(store.root.label, 'retrievals', back.name), blocks: back.blocks, bytes: back.bytes },
      identical: true,
      steps: steps.results,
    }
  } finally {
    await lease.close()
  }
}

const importInput = async (input: DemoInput, { sides: { client: { imports } }, signal }: ItemParts, step: StepContext): Promise<WholeImport> => {
  const { absolutePath, fingerprint } = input
  const source = { sourceLabel: absolutePath, fingerprint, links: 'keep', form: 'ref' } as const
  const known = await imports.find(source)
  const record = known ?? await imports.importTree(await openInputTree(input), {
    ...source,
    path: absolutePath,
    signal,
    onProgress: ({ doneBytes }) => { step.progress(doneBytes, input.sizeBytes) },
  })
  if (known !== undefined) step.reused()
  step.say(`${record.root.toString()}, ${count(record.blocks, 'block')}, ${showBytes(record.carBytes)}`)
  return record
}

/** A CAR is taken as it is, but not if it is torn or malformed: the zeros behind a piece would hide where it ends. */
const checkCar = async (input: DemoInput, { source, layout }: CarPayload, { journal, signal }: ItemParts, step: StepContext): Promise<void> => {
  if (await journal.find(input.absolutePath, input.fingerprint) !== undefined) {
    step.reused()
    return step.say('taken as it is')
  }
  let sections = 0
  for await (const _ of scanSections(source, layout, { signal, onProgress: ({ doneBytes, totalBytes }) => { step.progress(doneBytes, totalBytes) } })) sections++
  step.say(`taken as it is, ${count(sections, 'section')}`)
}

const findPiece = async (input: DemoInput, compute: Wanted['compute'], { journal }: ItemParts, step: StepContext): Promise<InputRecord> => {
  const { absolutePath, fingerprint } = input
  const known = await journal.find(absolutePath, fingerprint)
  const record = known ?? { piece: await compute(step), deal: undefined, retrieval: undefined }
  if (known === undefined) await journal.record(absolutePath, fingerprint, record)
  else step.reused()
  const { pieceCid, payloadBytes, paddedBytes } = record.piece
  step.say(`${pieceCid.toString()}, ${showBytes(payloadBytes)} in a piece of ${showBytes(paddedBytes)}`)
  return record
}
