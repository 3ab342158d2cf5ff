/** The page about the format says what is written. */
import { readFileSync } from 'node:fs'
import { makeBlock } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { type CreateCarOptions, createWritableCar } from '../src/index.ts'
import { memoryFile, testBlock } from './blocks.ts'

const page = readFileSync(new URL('../../../docs/formats/writable-carv2.md', import.meta.url), 'utf8')
const { cid, bytes } = testBlock(makeBlock(new TextEncoder().encode('hello')))

/** The bytes of the page's nth example; what it leaves out is zero. */
const example = (number: number, length: number): string => {
  const text = [...page.matchAll(/```hex\n([\s\S]*?)```/g)][number]?.[1] ?? ''
  const given = new Uint8Array(length)
  for (const line of text.trim().split('\n')) {
    const [, at, hex] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ?)+)/.exec(line) ?? []
    given.set(Buffer.from(hex!.replaceAll(' ', ''), 'hex'), Number.parseInt(at!, 16))
  }
  return Buffer.from(given).toString('hex')
}

describe('the page about the format', () => {
  it.each([
    { what: 'a file after a checkpoint', options: {}, number: 0, finalize: false },
    { what: 'a finalized file', options: {}, number: 1, finalize: true },
    { what: 'the layout of go-car', options: { layout: 'go-car' }, number: 2, finalize: false },
  ] satisfies { what: string, options: CreateCarOptions, number: number, finalize: boolean }[])('shows every byte of $what', async ({ options, number, finalize }) => {
    const { file, content } = await memoryFile()
    const car = await createWritableCar(file, { ...options, roots: [cid] })
    await car.put(cid, bytes)
    if (finalize) await car.finalize({ index: 'multihash-index-sorted' })
    else await car.checkpoint()
    expect(page).toContain(cid.toString())
    expect(Buffer.from(content()).toString('hex')).toBe(example(number, content().byteLength))
  })
})
