/** Bytes as keys of sets and maps. */

const latin1 = new TextDecoder('latin1')

/** A string that only equal bytes have: one character for each of them. */
export const byteKey = (bytes: Uint8Array): string => latin1.decode(bytes)
