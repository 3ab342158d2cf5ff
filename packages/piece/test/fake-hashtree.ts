/** The interface of `@chainsafe/hashtree` by node:crypto; as that one, it masks nothing. */
import { createHash } from 'node:crypto'
import type { NativeHashtree } from '../src/native-pair-hasher.ts'

export const fakeHashtree: NativeHashtree = {
  hashInto (input, output) {
    if (input.byteLength % 64 !== 0 || output.byteLength !== input.byteLength / 2) throw new Error(`lengths ${input.byteLength} and ${output.byteLength}`)
    for (let at = 0; at < output.byteLength; at += 32) output.set(createHash('sha256').update(input.subarray(2 * at, 2 * at + 64)).digest(), at)
  },
}
