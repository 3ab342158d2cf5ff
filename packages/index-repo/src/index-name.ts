/**
 * Names of index files: `<fan-out>/<encoded key>.<generation>.full.idx`, as in
 * `5e/baga6ea4seaq….3.full.idx`. The fan-out is the low byte of the FNV-1a hash (32 bits) of the encoded key, in hex.
 */
import { DRAFTS } from '@dagstore/io'
import { decodeKey, encodeKey } from './key-name.ts'

const NAME = /^(?<encoded>.+)\.(?<generation>0|[1-9][0-9]{0,15})\.full\.idx$/su

/**
 * @param generation - a whole number from 0
 * @throws {IndexRepoError} `INDEX_BAD_KEY`
 * @throws {RangeError} another generation
 */
export const indexName = (key: string, generation: number): string => {
  if (!Number.isSafeInteger(generation) || generation < 0) throw new RangeError(`generation out of range; got=${generation}`)
  const encoded = encodeKey(key)
  return `${fanOut(encoded)}/${encoded}.${generation}.full.idx`
}

/**
 * Where work on that file may keep what memory does not hold: a temporary name of `@dagstore/io`, as in
 * `.drafts/5e/.baga6ea4seaq….0000000000000003.tmp`, so that what a crash leaves goes with other temporary files.
 *
 * @throws as {@link indexName}
 */
export const scratchName = (key: string, generation: number): string => {
  const name = indexName(key, generation)
  const at = name.lastIndexOf('/') + 1
  return `${DRAFTS}/${name.slice(0, at)}.${name.slice(at, -`.${generation}.full.idx`.length)}.${generation.toString(16).padStart(16, '0')}.tmp`
}

/** What {@link indexName} made `name` of; `undefined` for a name that is not one of ours. */
export const parseIndexName = (name: string): { readonly key: string, readonly generation: number } | undefined => {
  const groups = NAME.exec(name.slice(3))?.groups
  const key = decodeKey(groups?.['encoded'] ?? '')
  const generation = Number(groups?.['generation'])
  if (key === undefined || !Number.isSafeInteger(generation)) return undefined
  return indexName(key, generation) === name ? { key, generation } : undefined
}

const fanOut = (encoded: string): string => {
  let hash = 0x811c9dc5
  for (let at = 0; at < encoded.length; at++) hash = Math.imul(hash ^ encoded.charCodeAt(at), 0x01000193)
  return (hash & 0xff).toString(16).padStart(2, '0')
}
