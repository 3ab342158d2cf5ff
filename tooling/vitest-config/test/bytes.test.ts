import { expect, it } from 'vitest'

it('bytes are equal when all of them are, and their type', () => {
  const bytes = new Uint8Array([1, 2, 3])
  expect(bytes).toEqual(new Uint8Array([0, 1, 2, 3]).subarray(1))
  expect({ deep: [bytes] }).toStrictEqual({ deep: [bytes.slice()] })
  expect(bytes).not.toEqual(new Uint8Array([1, 2, 4]))
  expect(bytes).not.toEqual(new Uint8Array([1, 2]))
  expect(bytes).not.toEqual([1, 2, 3])
  expect(bytes).not.toStrictEqual(Buffer.from([1, 2, 3]))
  expect({ deep: [bytes] }).not.toEqual({ deep: [new Uint8Array(3)] })
})
