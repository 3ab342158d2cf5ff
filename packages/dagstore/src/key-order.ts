/** The order of the catalogue: by the UTF-8 of the keys, which is not that of JavaScript strings. */

const encoder = new TextEncoder()

export const compareKeys = (a: string, b: string): number => {
  const [left, right] = [encoder.encode(a), encoder.encode(b)]
  for (let at = 0; at < Math.min(left.byteLength, right.byteLength); at++) if (left[at] !== right[at]) return (left[at] as number) - (right[at] as number)
  return left.byteLength - right.byteLength
}
