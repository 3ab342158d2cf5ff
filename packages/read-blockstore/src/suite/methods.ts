/** The methods of a read blockstore in one form, so that a test can be asked of each. */
import type { AnyCid } from '../any-cid.ts'
import { type BlockBytes, type BlockRanges, type BlockSizes, hasBytes, hasRanges, hasSizes, type StoreCallOptions } from '../read-blockstore.ts'
import type { Capability, SuiteBlock, SuiteStore } from './subject.ts'

export interface Method {
  readonly name: string
  /** Needed to have the method at all. */
  readonly needs: Capability | undefined
  /** Whether it is asked for one block, so that absence is an error. */
  readonly finds: boolean
  /** Call it for one block and take all that it gives; a text that two right answers share. */
  call(store: SuiteStore, cid: AnyCid, options?: StoreCallOptions): Promise<string>
  /** The right answer when the store holds `block` and nothing else. */
  answer(block: SuiteBlock): string
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Short, and different for different bytes in all likelihood. */
export const show = (bytes: Uint8Array): string => {
  let sum = 0
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) + 1 | 0
  return `${bytes.byteLength} bytes ${hex(bytes.subarray(0, 8))}… sum ${sum >>> 0}`
}

export const join = async (chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

export const multihashOf = (cid: Exclude<AnyCid, Uint8Array>): string => hex(cid.multihash.bytes)

const lacking = (power: Capability): Error => new Error(`the store has no such method; say lacks: { ${power}: 'why' } or add it`)
const withBytes = (store: SuiteStore): BlockBytes => { if (hasBytes(store)) return store; throw lacking('bytes') }
const withSizes = (store: SuiteStore): BlockSizes => { if (hasSizes(store)) return store; throw lacking('sizes') }
const withRanges = (store: SuiteStore): BlockRanges => { if (hasRanges(store)) return store; throw lacking('ranges') }

const has: Method = {
  name: 'has',
  needs: undefined,
  finds: false,
  call: async (store, cid, options) => String(await store.has(cid, options)),
  answer: () => 'true',
}
const get: Method = {
  name: 'get',
  needs: undefined,
  finds: true,
  call: async (store, cid, options) => show(await join(store.get(cid, options))),
  answer: ({ bytes }) => show(bytes),
}
const getMany: Method = {
  name: 'getMany',
  needs: undefined,
  finds: true,
  call: async (store, cid, options) => {
    const shown: string[] = []
    for await (const pair of store.getMany([cid], options)) shown.push(`${multihashOf(pair.cid)} ${show(await join(pair.bytes))}`)
    return shown.join()
  },
  answer: ({ cid, bytes }) => `${multihashOf(cid)} ${show(bytes)}`,
}
const getAll: Method = {
  name: 'getAll',
  needs: undefined,
  finds: false,
  call: async (store, _cid, options) => {
    const shown: string[] = []
    for await (const pair of store.getAll(options)) shown.push(`${multihashOf(pair.cid)} ${show(await join(pair.bytes))}`)
    return shown.join()
  },
  answer: getMany.answer,
}
const bytes: Method = {
  name: 'bytes',
  needs: 'bytes',
  finds: true,
  call: async (store, cid, options) => show(await withBytes(store).bytes(cid, options)),
  answer: get.answer,
}
const size: Method = {
  name: 'size',
  needs: 'sizes',
  finds: true,
  call: async (store, cid, options) => String(await withSizes(store).size(cid, options)),
  answer: (block) => String(block.bytes.byteLength),
}
/** The first byte, of a block that has one. */
const bytesAt: Method = {
  name: 'bytesAt',
  needs: 'ranges',
  finds: true,
  call: async (store, cid, options) => show(await withRanges(store).bytesAt(cid, 0, 1, options)),
  answer: (block) => show(block.bytes.subarray(0, 1)),
}

export const METHODS: readonly Method[] = [has, get, getMany, getAll, bytes, size, bytesAt]
export { withBytes, withRanges, withSizes }
