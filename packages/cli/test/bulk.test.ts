import { describe, expect, it } from 'vitest'
import { mapAhead } from '../src/add/ahead.ts'
import { inParallel } from '../src/bulk.ts'
import { createStatusLine } from '../src/status-line.ts'
import type { Terminal } from '../src/terminal.ts'

const terminalOf = (write: (text: string) => void, columns?: number): Terminal =>
  ({ stdout: () => {}, stderr: write, interactive: true, colors: false, columns, cwd: '/', env: {}, signal: new AbortController().signal })

describe('createStatusLine', () => {
  it('draws ten times a second at most, and makes no text in between', () => {
    let text = ''
    let now = 0
    let made = 0
    const line = createStatusLine(terminalOf((more) => { text += more }), () => now)
    for (now = 0; now < 1000; now += 10) line.show(() => `${++made}`)
    expect(made).toBe(10)
    line.clear()
    line.clear()
    expect(text.endsWith('10\r\u001b[2K')).toBe(true)
  })

  it('never wraps, and shows no control characters', () => {
    let text = ''
    createStatusLine(terminalOf((more) => { text += more }, 20)).show(() => `\u001b[31m${'x'.repeat(50)}`)
    expect(text).toBe(`\r\u001b[2K\\x1b[31m${'x'.repeat(10)}…`)
  })
})

const from = async function * (length: number): AsyncGenerator<number, void, undefined> { for (let i = 0; i < length; i++) yield i }

describe('mapAhead', () => {
  it('keeps the order, and a number of them under way', async () => {
    let running = 0
    let most = 0
    const got: number[] = []
    const work = async (n: number): Promise<number> => {
      most = Math.max(most, ++running)
      for (let turns = 0; turns <= (n * 7) % 3; turns++) await new Promise((resolve) => { setImmediate(resolve) })
      running--
      return n
    }
    for await (const n of mapAhead(from(50), 4, work)) got.push(n)
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(most).toBe(4)
  })

  it('waits for what is under way when it is left, or something fails', async () => {
    let running = 0
    const work = async (n: number): Promise<number> => {
      running++
      await new Promise((resolve) => { setImmediate(resolve) })
      running--
      if (n === 5) throw new RangeError('five')
      return n
    }
    for await (const n of mapAhead(from(50), 4, work)) if (n === 1) break
    expect(running).toBe(0)
    const all = async (): Promise<void> => { for await (const n of mapAhead(from(50), 4, work)) expect(n).toBeLessThan(5) }
    await expect(all()).rejects.toBeInstanceOf(RangeError)
    expect(running).toBe(0)
  })
})

describe('inParallel', () => {
  it('works on so many at a time, and begins none after a failure', async () => {
    let running = 0
    let most = 0
    const begun: number[] = []
    const work = async (n: number): Promise<void> => {
      begun.push(n)
      most = Math.max(most, ++running)
      await new Promise((resolve) => { setImmediate(resolve) })
      running--
      if (n === 7) throw new RangeError('seven')
    }
    await expect(inParallel(from(50), 3, work)).rejects.toBeInstanceOf(RangeError)
    expect(most).toBe(3)
    expect(running).toBe(0)
    expect(begun.length).toBeLessThan(12)
  })
})
