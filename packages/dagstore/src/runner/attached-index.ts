/**
 * The index that lies in a remote CARv2 itself, in use until one of ours takes its place: whoever waits for a block does not
 * wait until all of the CAR is read. It is as foreign as an adopted one: what it finds is compared and hashed, what it does not
 * find is no answer. Local bytes are scanned at once.
 */
import { CarV2Error, readLayout } from '@dagstore/carv2'
import type { ByteSource } from '@dagstore/io'
import { abortable } from '../abortable.ts'
import type { ShardRecord } from '../machine/index.ts'
import type { StoreParts } from './parts.ts'
import { joinParts } from './join-parts.ts'
import { type ShardSession, Spoilage } from './session.ts'

/**
 * @param raw - belongs to the session, if there is one; it stays the caller's otherwise
 * @returns `undefined`: there is none, or none that can be used, or the bytes are near
 * @throws what the mount rejects with; the signal's reason
 */
export const openAttached = async (
  parts: StoreParts, key: string, { record, raw, generation, signal }: { readonly record: ShardRecord, readonly raw: ByteSource, readonly generation: number, readonly signal: AbortSignal }
): Promise<ShardSession | undefined> => {
  if (raw.cost.kind !== 'remote') return undefined
  const spoilage = new Spoilage()
  const source = spoilage.source(raw)
  try {
    const { indexOffset } = await abortable(readLayout(source, { badIndex: 'report', signal }), signal)
    if (indexOffset === undefined) return undefined
    const session = await joinParts(parts, { key, record, spoilage, source, view: undefined, indexGeneration: generation, trust: 'hits', foreign: true, signal })
    return 'unusable' in session ? undefined : session
  } catch (error) {
    if (error instanceof CarV2Error) return undefined // a build finds out, and says it
    throw error
  }
}
