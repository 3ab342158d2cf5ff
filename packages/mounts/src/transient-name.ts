/** Names of transient copies: safe on every file system, the same for the same shard, still telling a person which it is. */
import { createHashes } from '@dagstore/hashes'

const SHA2_256 = 0x12

/**
 * What stands under a base name, by its end. `transient`: a whole copy. `partial`, `progress`: a copy that has begun, and how
 * far it is. `adopted`, `adoption`: a file that was given, and the record of it.
 */
export const TRANSIENT_ENDINGS = ['transient', 'partial', 'progress', 'adopted', 'adoption'] as const
export type TransientEnding = typeof TRANSIENT_ENDINGS[number]

const OURS = /^([0-9a-f]{2})\/((\1[0-9a-f]{30})-[a-z0-9_-]{0,64}\.(0|[1-9][0-9]{0,15}))\.([a-z]+)$/u

/**
 * Where the copy of one data generation of a shard stands in its directory:
 *
 *     3f/3f0c…(32 hex digits)-bafk…(at most 64 characters of the key).7.transient
 *
 * The digits are the first half of the sha2-256 of the key, so that no two keys meet, whatever a file system does to letters.
 *
 * @param generation - a whole number from 0
 * @throws {RangeError} another generation
 */
export const transientName = (key: string, generation: number): string => nameWith(transientBase(key, generation), 'transient')

/** The name without its ending. @throws {RangeError} generation out of range */
export const transientBase = (key: string, generation: number): string => {
  if (!Number.isSafeInteger(generation) || generation < 0) throw new RangeError(`generation out of range; got=${generation}`)
  const hex = keyDigits(key)
  const readable = key.slice(0, 64).replaceAll(/[^a-z0-9-]/gu, '_')
  return `${hex.slice(0, 2)}/${hex}-${readable}.${generation}`
}

export const nameWith = (base: string, ending: TransientEnding): string => `${base}.${ending}`

/** 32 hex digits that stand for a key in names. */
export const keyDigits = (key: string): string => {
  const digest = createHashes().digest(SHA2_256, new TextEncoder().encode(key))
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export interface TransientParts {
  readonly base: string
  readonly digits: string
  readonly generation: number
  readonly ending: TransientEnding
}

/** `undefined`: no name that is given out here. */
export const parseTransientName = (name: string): TransientParts | undefined => {
  const [, folder, rest, digits, generation, end] = OURS.exec(name) ?? []
  const ending = TRANSIENT_ENDINGS.find((known) => known === end)
  if (ending === undefined || digits === undefined || !Number.isSafeInteger(Number(generation))) return undefined
  return { base: `${folder}/${rest}`, digits, generation: Number(generation), ending }
}
