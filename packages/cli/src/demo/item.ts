/** One PATH through the whole loop: import, piece, sector, shard, acquire, retrieve, compare. */
import { join } from 'node:path'
import { scanSections } from '@dagstore/carv2'
import { type ShardInfo, type ShardLease, toLotusState } from '@dagstore/dagstore'
import { createUnsealedSealing, type UnsealedPlace } from '@dagstore/deal-provider'
import type { WholeImport } from '@dagstore/imports'
import { pieceBytes } from '@dagstore/piece'
import { commpOf, createPieceEngine } from '@dagstore/piece/node'
import type { Store } from '../compose.ts'
import { count, showBytes } from '../text.ts'
import type { DemoInput } from './input.ts'
import { openInputTree } from './input-tree.ts'
import type { ItemParts } from './item-parts.ts'
import type { PieceRecord } from './journal.ts'
import { type CarPayload, carPayload, importedPayload, type Payload } from './payload.ts'
import { type RetrievedResult, retrieveSections, retrieveTree } from './retrieve.ts'
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
  readonly sector: { readonly path: string, readonly offsetPadded: number, readonly lengthPadded: number, readonly sizeBytes: number, readonly allocatedBytes: number }
  readonly shard: { readonly key: string, readonly state: string }
  readonly index: { readonly path: string, readonly codec: string, readonly entries: number }
  readonly retrieved: { readonly path: string, readonly blocks: number, readonly bytes: number }
  readonly identical: true
  readonly steps: readonly StepResult[]
}

export const runItem = async (input: DemoInput, parts: ItemParts): Promise<ItemResult> => {
  const { store, steps } = parts
  if (input.kind === 'car') {
    const car = await carPayload(input.absolutePath)
    try {
      await steps.run('import', (step) => checkCar(input, car, parts, step))
      return await fromPayload(input, car, parts, (lease) => retrieveSections(car, lease, parts))
    } finally {
      await car.close()
    }
  }
  const imported = await steps.run('import', (step) => importInput(input, parts, step))
  const data = await store.files.openSource(`imports/${imported.carPath}`)
  const payload = await importedPayload(data, imported.root, store.hashes)
  try {
    return await fromPayload(input, payload, parts, (lease) => retrieveTree(input, imported, lease, parts))
  } finally {
    await payload.close()
  }
}

const fromPayload = async (input: DemoInput, payload: Payload, parts: ItemParts, retrieve: (lease: ShardLease) => Promise<RetrievedResult>): Promise<ItemResult> => {
  const { store, steps, miner, signal } = parts
  const piece = await steps.run('piece', (step) => findPiece(input, payload, parts, step))
  const sealed = await steps.run('sector', async (step) => {
    // the stand-in for sealing: it proves nothing
    const sealing = createUnsealedSealing({ db: store.dagstore.db, files: store.files, pieces: store.pieces, miner, engine: createPieceEngine() })
    const place = await sealing.addPiece({
      pieceCid: piece.pieceCid, pieceBytes: piece.paddedBytes, payloadBytes: piece.payloadBytes, payload: () => payload.stream(signal), signal,
      onProgress: ({ doneBytes, totalBytes }) => { step.progress(doneBytes, totalBytes) },
    })
    if (place.reused) step.reused()
    step.say(`${place.fileName} of ${showBytes(place.sectorBytes)}, at ${place.offsetPadded}`)
    return place
  })
  const key = piece.pieceCid.toString()
  const shard = await steps.run('shard', (step) => registerShard(key, parts, step))
  const lease = await steps.run('acquire', async (step) => {
    const acquired = await store.dagstore.acquire(key, { signal })
    step.say(`${count(acquired.index.facts.entryCount, 'section')} readable in place`)
    return acquired
  })
  try {
    const back = await retrieve(lease)
    return {
      input: { path: input.path, kind: input.kind, sizeBytes: input.sizeBytes },
      payloadCid: lease.roots[0]?.toString() ?? null,
      roots: lease.roots.map(String),
      missing: back.missing.map(String),
      pieceCid: key,
      pieceCidV2: piece.pieceCidV2.toString(),
      pieceSizePadded: piece.paddedBytes,
      carSizeBytes: piece.payloadBytes,
      sector: await describeSector(store, sealed),
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

const importInput = async (input: DemoInput, { store, signal }: ItemParts, step: StepContext): Promise<WholeImport> => {
  const source = { sourceLabel: input.absolutePath, fingerprint: input.fingerprint, links: 'keep' } as const
  const known = await store.imports.find(source)
  const record = known ?? await store.imports.importTree(await openInputTree(input), {
    ...source,
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

const findPiece = async (input: DemoInput, payload: Payload, { journal, signal }: ItemParts, step: StepContext): Promise<PieceRecord> => {
  const known = await journal.find(input.absolutePath, input.fingerprint)
  if (known === undefined && payload.sizeBytes !== undefined) pieceBytes(payload.sizeBytes) // refuses what no sector holds before anything is read
  const piece = known ?? await computePiece(payload, signal, step)
  if (known === undefined) await journal.record(input.absolutePath, input.fingerprint, piece)
  else step.reused()
  step.say(`${piece.pieceCid.toString()}, ${showBytes(piece.payloadBytes)} in a piece of ${showBytes(piece.paddedBytes)}`)
  return piece
}

const computePiece = async (payload: Payload, signal: AbortSignal, step: StepContext): Promise<PieceRecord> => {
  const { cidV1, cidV2, payloadBytes, paddedBytes } = await commpOf(payload.stream(signal), { signal, onProgress: ({ doneBytes }) => { step.progress(doneBytes, payload.sizeBytes) } })
  return { pieceCid: cidV1, pieceCidV2: cidV2, payloadBytes, paddedBytes }
}

/** Registered and indexed; a shard that an earlier run left errored is recovered, since its piece is at its place now. */
const registerShard = async (key: string, { store, signal }: ItemParts, step: StepContext): Promise<ShardInfo> => {
  const before = await store.dagstore.shard(key)
  if (before?.health === 'available') step.reused()
  const info = before?.health === 'errored'
    ? await store.dagstore.recover(key, { signal })
    : await store.dagstore.register(key, `lotus://${key}`, { indexing: 'eager', signal })
  step.say(`lotus://${key}`)
  return info
}

const describeSector = async (store: Store, sealed: UnsealedPlace): Promise<ItemResult['sector']> => {
  const stat = await store.files.stat(sealed.fileName)
  return {
    path: join(store.root.label, sealed.fileName),
    offsetPadded: sealed.offsetPadded,
    lengthPadded: sealed.lengthPadded,
    sizeBytes: stat?.sizeBytes ?? sealed.sectorBytes,
    allocatedBytes: stat?.allocatedBytes ?? 0,
  }
}
