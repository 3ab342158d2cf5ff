/**
 * `/piece/{cid}`: pieces by their CID of either version.
 *
 * The payload without its zero padding; `?padding=zero` asks for the whole piece.
 *
 * Source: piece gateway specification; curio market/retrieval, which sends the payload; boost cmd/booster-http, which sends the
 * whole piece as `application/piece`.
 */
import { type Awaitable, withdrawable } from '@dagstore/io'
import { type PieceCidFacts, parsePieceCid, pieceCidV1, pieceCidV2 } from '@dagstore/piece'
import type { CID } from 'multiformats/cid'
import { begun } from '../begun-body.ts'
import type { Call } from '../call.ts'
import type { GatewayAnswer, GatewayRequest } from '../exchange.ts'
import { IMMUTABLE, notModified, OPEN_TO_ALL, refusal } from '../http/answers.ts'
import { allowsPart, namesTag } from '../http/conditional.ts'
import { partOf } from '../http/range.ts'
import { cidOf } from '../ipfs/cid-text.ts'
import type { CheckDenied } from '../ipfs/denials.ts'
import type { Admission } from '../limits/admission.ts'
import { GatewayRefusal } from '../refusal.ts'
import type { GatewayPieces, GatewayPieceStat } from './gateway-pieces.ts'
import { pieceBody, unreadable } from './piece-body.ts'
import { type PieceSizes, sizesOf } from './piece-sizes.ts'

export const PIECE = '/piece/'

export interface PieceParts {
  readonly pieces: GatewayPieces
  readonly admission: Admission
  readonly checkDenied: CheckDenied
}

interface Wanted {
  /** As it was named. */
  readonly cid: CID
  readonly facts: PieceCidFacts
  readonly v1: CID
  readonly whole: boolean
}

/** @throws {GatewayRefusal} */
export const answerPiece = async ({ pieces, admission, checkDenied }: PieceParts, request: GatewayRequest, call: Call): Promise<GatewayAnswer> => {
  const wanted = wantedOf(request.target)
  const { cid, v1 } = wanted
  call.route = 'piece'
  await checkDenied(cid)
  if (!cid.equals(v1)) await checkDenied(v1)
  const ticket = call.ticket = await admission.enter({ client: request.client, signal: request.signal })
  const { signal, limits: { maxBytes } } = ticket
  /** Waits no longer than the asker does. @param late - ends what comes when nobody waits for it any more */
  const told = async <T>(working: Promise<T>, late: (value: T) => unknown = () => {}): Promise<T> => {
    try {
      return await withdrawable(working, signal)
    } catch (cause) {
      if (!signal.aborted) throw unreadable(cause)
      working.then(late).catch(() => {}) // nobody is left to be told
      throw signal.reason
    }
  }
  /** A list may name the piece by its other CID. */
  const checkLongName = (sizes: PieceSizes, { rawBytes = sizes.raw }: GatewayPieceStat): Awaitable<void> => checkDenied(pieceCidV2(wanted.facts.commitment, rawBytes))
  const describe = (sizes: PieceSizes, { carVersion }: GatewayPieceStat): { readonly size: number, readonly tag: string, readonly headers: Record<string, string> } => {
    const size = wanted.whole ? sizes.whole : sizes.raw
    // zeros behind a CAR belong to none
    const isCar = carVersion !== undefined && size === sizes.raw
    const tag = `"${v1.toString()}.${size}"`
    return {
      size, tag,
      headers: {
        'content-type': isCar ? `application/vnd.ipld.car; version=${carVersion}` : 'application/piece', 'content-length': `${size}`, etag: tag,
        'cache-control': IMMUTABLE, 'content-disposition': `attachment; filename="${cid.toString()}${isCar ? '.car' : ''}"`,
        'x-content-type-options': 'nosniff', 'accept-ranges': 'bytes', ...OPEN_TO_ALL,
      },
    }
  }

  const ifNoneMatch = request.header('if-none-match')
  const isKnown = (tag: string): boolean => ifNoneMatch !== undefined && namesTag(ifNoneMatch, tag)
  if (request.method === 'HEAD' || ifNoneMatch !== undefined) {
    const asking = told(pieces.stat(v1, { signal }))
    // what is not known without the data may be known with it
    const stat = await (request.method === 'HEAD' ? asking : asking.catch(() => 'unknown' as const))
    signal.throwIfAborted()
    if (stat !== 'unknown') {
      const sizes = stat === undefined ? undefined : sizesOf(stat, wanted.facts)
      if (stat === undefined || sizes === undefined) throw absent()
      await checkLongName(sizes, stat)
      const { tag, headers } = describe(sizes, stat)
      if (isKnown(tag)) return notModified(tag)
      if (request.method === 'HEAD') return { status: 200, headers, body: undefined }
    }
  }

  const piece = await told(pieces.open(v1, { signal }), (late) => late?.close())
  if (piece === undefined) throw absent()
  let handed = false
  try {
    const sizes = sizesOf(piece, wanted.facts)
    if (sizes === undefined) throw absent()
    await checkLongName(sizes, piece)
    const { size, tag, headers } = describe(sizes, piece)
    if (isKnown(tag)) return notModified(tag)
    if (piece.rawBytes !== undefined && piece.source.sizeBytes < piece.rawBytes) throw unreadable(new Error(`the source ends before the payload; want=${piece.rawBytes} got=${piece.source.sizeBytes}`))
    const range = request.header('range')
    const part = range === undefined || !allowsPart(request.header('if-range'), tag) ? undefined : partOf(range, size)
    if (part === 'outside') return refusal(416, 'GATEWAY_OUTSIDE', 'The piece has no byte of the range.', { 'content-range': `bytes */${size}` })
    const { from, to } = part ?? { from: 0, to: size - 1 }
    if (maxBytes > 0 && to - from >= maxBytes) throw new GatewayRefusal('GATEWAY_TOO_LARGE', 413, `An answer may have ${maxBytes} bytes; ask for parts of the piece.`)
    if (part !== undefined) {
      headers['content-length'] = `${to - from + 1}`
      headers['content-range'] = `bytes ${from}-${to}/${size}`
    }
    handed = true
    // read before the status says that all is well
    const body = await told(begun(pieceBody(piece, from, to + 1, signal)), (late) => late.return())
    return { status: part === undefined ? 200 : 206, headers, body }
  } finally {
    if (!handed) await piece.close()
  }
}

const absent = (): GatewayRefusal => new GatewayRefusal('GATEWAY_NO_PIECE', 404, 'The piece is not here.')

/** @throws {GatewayRefusal} `GATEWAY_BAD_CID`, `GATEWAY_BAD_PARAMETER` */
const wantedOf = (target: string): Wanted => {
  const [name = '', query = ''] = target.slice(PIECE.length).split('?')
  const padding = new URLSearchParams(query).get('padding')
  if (padding !== null && padding !== 'zero') throw new GatewayRefusal('GATEWAY_BAD_PARAMETER', 400, 'The padding may be zero; without it the payload alone is sent.')
  try {
    const cid = cidOf(name)
    const facts = parsePieceCid(cid)
    return { cid, facts, v1: pieceCidV1(facts.commitment), whole: padding === 'zero' }
  } catch (cause) {
    throw new GatewayRefusal('GATEWAY_BAD_CID', 400, 'There is no CID of a piece behind /piece/.', { cause })
  }
}
