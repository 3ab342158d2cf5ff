/** A CARv1 as a client reads it that trusts nobody: nothing behind the last section, and no section that its CID does not fit. */
import { createHashes, type Hashes } from '@dagstore/hashes'
import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'

export interface CarBlock { readonly cid: CID, readonly bytes: Uint8Array }

export interface ReadCar { readonly roots: readonly CID[], readonly blocks: readonly CarBlock[] }

/** What a client holds against a server; `code` says what. */
export class Distrust extends Error {
  readonly code: 'BAD_CAR' | 'BAD_HASH' | 'TRUNCATED' | 'UNEXPECTED_BLOCK' | 'MISSING_BLOCK' | 'SURPLUS_BLOCK' | 'UNCLEAN_END' | 'BAD_ANSWER'

  constructor (code: Distrust['code'], message: string) {
    super(message)
    this.code = code
  }
}

const hashes: Hashes = createHashes()

/** @throws {Distrust} `BAD_HASH` */
export const verifyBytes = (cid: CID, bytes: Uint8Array): void => {
  if (!hashes.matches(cid.multihash.code, cid.multihash.digest, bytes)) throw new Distrust('BAD_HASH', cid.toString())
}

/** The sections one after another, each verified before it is yielded; the header comes first. */
export async function * readCarStream (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CarBlock | { readonly roots: readonly CID[] }> {
  const source = chunks[Symbol.asyncIterator]()
  let have = new Uint8Array(0)
  let atEnd = false
  const more = async (): Promise<boolean> => {
    const { done, value } = await source.next()
    if (done === true) atEnd = true
    else have = Buffer.concat([have, value])
    return !atEnd
  }
  const frame = async (): Promise<Uint8Array | undefined> => {
    let [length, digits] = [0, 0]
    for (;; digits++) {
      while (have.byteLength <= digits) {
        if (await more()) continue
        if (digits === 0) return undefined
        throw new Distrust('TRUNCATED', 'inside a length')
      }
      const byte = have[digits]!
      length += (byte & 0x7f) * 2 ** (7 * digits)
      if (byte < 0x80) break
      if (digits === 7) throw new Distrust('BAD_CAR', 'a length of more than eight bytes')
    }
    while (have.byteLength < digits + 1 + length) if (!await more()) throw new Distrust('TRUNCATED', 'inside a section')
    const body = have.slice(digits + 1, digits + 1 + length)
    have = have.slice(digits + 1 + length)
    return body
  }
  try {
    const header = await frame()
    if (header === undefined) throw new Distrust('TRUNCATED', 'no header')
    const { version, roots } = decoded(() => dagCbor.decode<{ version: number, roots: CID[] }>(header))
    if (version !== 1 || !Array.isArray(roots)) throw new Distrust('BAD_CAR', 'not of version 1')
    yield { roots }
    for (;;) {
      const section = await frame()
      if (section === undefined) return
      const [cid, bytes] = decoded(() => CID.decodeFirst(section))
      verifyBytes(cid, bytes)
      yield { cid, bytes }
    }
  } finally {
    await source.return?.()
  }
}

const decoded = <T>(decode: () => T): T => {
  try {
    return decode()
  } catch (cause) {
    throw new Distrust('BAD_CAR', String(cause))
  }
}

export const readCar = async (chunks: AsyncIterable<Uint8Array>): Promise<ReadCar> => {
  const blocks: CarBlock[] = []
  let roots: readonly CID[] = []
  for await (const part of readCarStream(chunks)) {
    if ('roots' in part) roots = part.roots
    else blocks.push(part)
  }
  return { roots, blocks }
}
