import { describe, expect, it } from 'vitest'
import { CarV2Error } from '@dagstore/carv2'
import { IoError } from '@dagstore/io'
import { inputOf, minimize, must, runBytes, runInput } from '../src/engine.mjs'
import { countedSource, Meter, SOURCE_FORMS } from '../src/meter.mjs'
import { MAX_INPUT_BYTES, mutate } from '../src/mutate.mjs'
import { crc32 } from '../src/seal.mjs'
import { seededRandom } from '@dagstore-tooling/testkit'

type Run = (bytes: Uint8Array, tools: { meter: Meter }) => unknown
const targetOf = (run: Run): never => ({ name: 'made up', corpus: [{ name: 'text', bytes: new TextEncoder().encode('some text of a few bytes') }], run }) as never
const faultOf = async (run: Run): Promise<string | undefined> => (await runInput(targetOf(run), 'engine', 0)).fault

describe('a run', () => {
  it('takes results and errors with a code of ours', async () => {
    expect(await faultOf(() => 1)).toBeUndefined()
    expect(await faultOf(() => { throw new CarV2Error('CARV2_BAD_CID', 'no CID') })).toBeUndefined()
  })

  it.each([
    ['an error without code', () => { throw new RangeError('index') }, 'RangeError'],
    ['a code of somebody else', () => { throw Object.assign(new Error('no file'), { code: 'ENOENT' }) }, 'ENOENT'],
    ['an I/O error, since the bytes never fail', () => { throw new IoError('IO_OUT_OF_RANGE', 'read') }, 'IO_OUT_OF_RANGE'],
    ['something thrown that is no error', () => { throw 'text' }, 'text'],
    ['a wrong result', () => must(false, 'three blocks'), 'three blocks'],
    ['too large an allocation', () => new Uint8Array(2 ** 26).byteLength, 'allocatedBytes'],
    ['an allocation that no machine would grant', () => new Float64Array(2 ** 31).byteLength, 'allocation of'],
    ['reads without end', async (bytes: Uint8Array, { meter }: { meter: Meter }) => {
      const source = countedSource(bytes, 'local', meter)
      for (;;) await source.read(0, 1)
    }, 'reads without end'],
  ])('finds fault with %s', async (_, run, expected) => {
    expect(await faultOf(run as Run)).toContain(expected)
  })

  it('leaves the typed arrays as they were', async () => {
    const before = globalThis.Uint8Array
    await faultOf(() => { throw new Error('anything') })
    expect(globalThis.Uint8Array).toBe(before)
  })

  it('repeats itself', async () => {
    const target = targetOf(() => {})
    expect(Buffer.from(inputOf(target, 'x', 77).bytes).toString('hex')).toBe(Buffer.from(inputOf(target, 'x', 77).bytes).toString('hex'))
    expect((await runBytes(target, new Uint8Array(3), seededRandom('y'), undefined)).outcome).toBe('result')
  })

  it('makes an input shorter that has a fault', async () => {
    const target = targetOf((bytes) => { must(!bytes.includes(0x78), 'an x') })
    expect([...await minimize(target, 'engine', 0)]).toEqual([0x78])
  })
})

describe('counted sources', () => {
  it.each(SOURCE_FORMS)('of the form %s give the bytes asked for, and count them', async (form) => {
    const meter = new Meter()
    const source = countedSource(Uint8Array.of(1, 2, 3, 4), form, meter)
    expect([...await source.read(1, 2)]).toEqual([2, 3])
    await expect(source.read(3, 2)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    expect(meter).toMatchObject({ reads: 1, readBytes: 2 })
    expect(source.peek(0, 1) === undefined).toBe(form !== 'memory')
  })
})

describe('mutate', () => {
  it('changes most inputs, and keeps them below the longest', () => {
    const bytes = new Uint8Array(300).map((_, i) => i)
    const made = Array.from({ length: 500 }, (_, i) => mutate(seededRandom(`mutate/${i}`), bytes, [0, 8], bytes))
    expect(made.filter((one) => Buffer.compare(one, bytes) !== 0).length).toBeGreaterThan(400)
    expect(made.every((one) => one.byteLength <= MAX_INPUT_BYTES)).toBe(true)
    expect(new Set(made.map((one) => Buffer.from(one).toString('hex'))).size).toBeGreaterThan(350)
  })
})

describe('crc32', () => {
  it('is the one of the zip format', () => expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926))
})
