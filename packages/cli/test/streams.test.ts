import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { outliveReader } from '../src/terminal.ts'

const brokenBy = (code: string): Error => Object.assign(new Error('write failed'), { code })

describe('the streams of the terminal', () => {
  it('tell once that their reader has gone away', () => {
    const stream = new PassThrough()
    let told = 0
    outliveReader(stream, () => { told++ })
    stream.emit('error', brokenBy('EPIPE'))
    stream.emit('error', brokenBy('EPIPE'))
    expect(told).toBe(1)
  })

  it('do not hide any other failure', () => {
    const stream = new PassThrough()
    outliveReader(stream, () => {})
    expect(() => stream.emit('error', brokenBy('EIO'))).toThrow(expect.objectContaining({ code: 'EIO' }))
  })
})
