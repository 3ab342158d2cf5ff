/** The body of a request, as far as there is room for it. */
import type { IncomingMessage } from 'node:http'
import { withdrawable } from '@dagstore/io'

/** Bytes that may be held at a time, by all. */
export interface Room {
  /** Whoever is alone gets what he wants. */
  take (bytes: number): boolean
  give (bytes: number): void
}

export const createRoom = (most: number): Room => {
  let free = most
  return {
    take: (bytes) => {
      if (bytes > free && free < most) return false
      free -= bytes
      return true
    },
    give: (bytes) => { free += bytes },
  }
}

export type Body =
  | { readonly text: string }
  | { readonly refusal: 'too big' | 'no room' | 'too slow' | 'not UTF-8' }

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether something follows the headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Rejects when the peer leaves. @param late - aborted when it has taken too long */
export const readBody = async (request: IncomingMessage, most: number, room: Room, late: AbortSignal): Promise<Body> => {
  if (Number(request.headers['content-length'] ?? 0) > most) return { refusal: 'too big' }
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    // whoever sent too much is still told so
    const body = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>
    for (;;) {
      const { done, value: chunk } = await withdrawable(body.next(), late)
      if (done === true) break
      if (size + chunk.byteLength > most) return { refusal: 'too big' }
      if (!room.take(chunk.byteLength)) return { refusal: 'no room' }
      size += chunk.byteLength
      chunks.push(chunk)
    }
    return { text: utf8.decode(Buffer.concat(chunks)) }
  } catch (error) {
    if (late.aborted && error === late.reason) return { refusal: 'too slow' }
    if (error instanceof TypeError && request.complete) return { refusal: 'not UTF-8' }
    throw error
  } finally {
    room.give(size)
  }
}
