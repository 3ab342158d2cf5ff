/** The body of a request, as far as there is room for it. */
import type { IncomingMessage } from 'node:http'

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
  | { readonly refusal: 'too big' | 'no room' | 'not UTF-8' }

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Rejects when the peer leaves. Slow ones are the server's own affair: `requestTimeout`. */
export const readBody = async (request: IncomingMessage, most: number, room: Room): Promise<Body> => {
  if (Number(request.headers['content-length'] ?? 0) > most) return { refusal: 'too big' }
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    // whoever sent too much is still told so
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      if (size + chunk.byteLength > most) return { refusal: 'too big' }
      if (!room.take(chunk.byteLength)) return { refusal: 'no room' }
      size += chunk.byteLength
      chunks.push(chunk)
    }
    return { text: utf8.decode(Buffer.concat(chunks)) }
  } catch (error) {
    if (error instanceof TypeError && request.complete) return { refusal: 'not UTF-8' }
    throw error
  } finally {
    room.give(size)
  }
}
