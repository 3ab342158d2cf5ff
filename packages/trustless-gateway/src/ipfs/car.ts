/** A CAR: the blocks on the way along the path, then those of the scope, depth first. */
import { type DagBlock, DagError, isKnownCodec, locatePath, type ReadOptions, walkPathInBatches } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import type { GatewayAnswer } from '../exchange.ts'
import { CarBody } from './car-body.ts'
import type { CheckDenied } from './denials.ts'
import { headOf } from './head.ts'
import type { Question } from './raw.ts'
import type { Reader } from './reader.ts'
import type { CarForm } from './wanted.ts'

export interface CarParts {
  readonly hashes: Hashes
  readonly verify: 'always' | 'never'
  readonly checkDenied: CheckDenied
  /** The most reads ahead of the block that is sent. */
  readonly lookAhead: number
  /** Blocks that are read ahead, in bytes: of this stream. */
  readonly lookAheadBytes: number
}

/** Links that wait to be followed, of all blocks on the way down; some 500 bytes of memory each. */
const MAX_OPEN_LINKS = 1 << 18
/** Of blocks on the way to the end of a path: longer ones are sent before the end is known. */
const MAX_HELD_BYTES = 8 << 20

/**
 * The answer begins when the end of the path is known, so that what leads nowhere is no 200.
 *
 * @throws as `walkPathInBatches`; {GatewayRefusal} `GATEWAY_DENIED`
 */
export const answerCar = async (reader: Reader, question: Question, form: CarForm, parts: CarParts): Promise<GatewayAnswer> => {
  const { path, wanted, tag, ticket, call, headOnly } = question
  const { limits } = ticket
  const { checkDenied, hashes, verify } = parts
  const reading: ReadOptions = {
    hashes, verify, signal: ticket.signal, maxOpenLinks: MAX_OPEN_LINKS,
    ...(limits.maxBlockBytes > 0 ? { maxBlockBytes: limits.maxBlockBytes } : {}),
    ...(limits.maxDepth > 0 ? { maxDepth: limits.maxDepth } : {}),
  }
  const headers = (): Record<string, string> => headOf(path, wanted, tag, undefined)
  if (headOnly) {
    const { cid, isRead, way } = await locatePath(reader, path.root, path.segments, reading)
    for (const other of [...way, cid]) await checkDenied(other)
    if (form.scope !== 'block' && !isKnownCodec(cid.code)) throw new DagError('DAG_UNKNOWN_CODEC', `no decoder for the codec; codec=0x${cid.code.toString(16)}`, cid)
    if (!isRead) await reader.length(cid, { signal: ticket.signal })
    return { status: 200, headers: headers(), body: undefined }
  }

  let found = false
  const blocks = walkPathInBatches(reader, path.root, {
    ...reading,
    memory: question.request.memory,
    path: path.segments,
    scope: form.scope,
    entityBytes: form.entityBytes,
    outside: 'throw',
    duplicates: form.duplicates,
    lookAhead: form.scope === 'block' ? 0 : parts.lookAhead,
    lookAheadBytes: parts.lookAheadBytes,
    ...(limits.maxBlocks > 0 ? { maxBlocks: limits.maxBlocks } : {}),
    ...(limits.maxCids > 0 ? { maxCids: limits.maxCids } : {}),
    onEnd: () => { found = true },
  })
  const count = (): void => {
    call.blocks++
    if (!form.duplicates) ticket.remember()
  }
  const admit = ({ cid }: DagBlock): void | Promise<void> => {
    const checked = checkDenied(cid)
    return checked === undefined ? count() : checked.then(count)
  }
  const first: DagBlock[] = []
  let heldBytes = 0
  try {
    while (!found && heldBytes < MAX_HELD_BYTES) {
      const { done, value } = await blocks.next()
      if (done === true) break
      for (const block of value) {
        const admitted = admit(block)
        if (admitted !== undefined) await admitted
        first.push(block)
        heldBytes += block.bytes.byteLength
      }
    }
  } catch (error) {
    await blocks.return()
    throw error
  }
  return { status: 200, headers: headers(), body: new CarBody({ root: path.root, first, blocks, admit }) }
}
