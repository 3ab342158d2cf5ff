/// <reference lib="esnext.disposable" preserve="true" />
/** The parts of an opened shard, as one lease hands them out: the same objects behind the lease's gate. */
import type { IndexView } from '@dagstore/carv2'
import { type ByteSource, canFill, hasCallbacks } from '@dagstore/io'
import type { BlockStretches, ShardBlockstore } from '@dagstore/read-blockstore'
import type { Gate } from './gate.ts'
import { withPowers } from './runner/watched-source.ts'

export const gatedBlockstore = (store: ShardBlockstore & BlockStretches, gate: Gate): ShardBlockstore & BlockStretches => ({
  has: (cid, options) => gate.run(() => store.has(cid, options)),
  get: (cid, options) => gate.iterate(() => store.get(cid, options)),
  bytes: async (cid, options) => gate.run(() => store.bytes(cid, options)),
  size: (cid, options) => gate.run(() => store.size(cid, options)),
  bytesAt: async (cid, from, length, options) => gate.run(() => store.bytesAt(cid, from, length, options)),
  // what it gives is memory, and needs the lease no more
  stretch: async (cid, maxBytes, options) => gate.run(() => store.stretch(cid, maxBytes, options)),
  getMany: async function * (cids, options) {
    for await (const { cid, bytes } of gate.iterate(() => store.getMany(cids, options))) yield { cid, bytes: gate.iterate(() => bytes) }
  },
  getAll: async function * (options) {
    for await (const { cid, bytes } of gate.iterate(() => store.getAll(options))) yield { cid, bytes: gate.iterate(() => bytes) }
  },
})

/** Closing it closes nothing: the index belongs to the session. */
export const gatedIndex = (index: IndexView, gate: Gate): IndexView => ({
  facts: index.facts,
  find: (multihash, options) => gate.run(() => index.find(multihash, options)),
  peek: (multihash) => {
    gate.check()
    return index.peek?.(multihash)
  },
  entries: (options) => gate.iterate(() => index.entries(options)),
  digests: (options) => gate.iterate(() => index.digests(options)),
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
})

/** Closing it closes nothing: the source belongs to the session. It reads in every way that one does. */
export const gatedSource = (source: ByteSource, gate: Gate): ByteSource => withPowers({
  sizeBytes: source.sizeBytes,
  identity: source.identity,
  cost: source.cost,
  read: async (at, length, options) => gate.run(() => source.read(at, length, options)),
  peek: (at, length) => {
    gate.check()
    return source.peek(at, length)
  },
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
}, {
  readInto: canFill(source) ? async (at, into, options) => gate.run(() => source.readInto(at, into, options)) : undefined,
  readThen: hasCallbacks(source) ? (at, length, done) => { gate.runThen((end) => { source.readThen(at, length, end) }, done) } : undefined,
})
