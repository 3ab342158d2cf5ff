/** Pieces of bytes as one. */

/** A copy of all parts, one behind the other. @param length - of all of them @default their sum */
export const joinBytes = (parts: readonly Uint8Array[], length: number = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
