/** Varints of protobuf, for whole numbers from 0 to 2^53 - 1. */

export const varintLength = (value: number): number => {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

/** Write `value` at `at`. @returns where it ends */
export const putVarint = (out: Uint8Array, at: number, value: number): number => {
  let rest = value
  let end = at
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[end++] = rest % 0x80 + 0x80
  out[end++] = rest
  return end
}
