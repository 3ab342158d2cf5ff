import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { carV1 } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { main } from '../src/index.ts'
import { drained, onWriteFailure, readable, StdoutError, type Terminal } from '../src/terminal.ts'
import { temporaryFolder } from './terminal.ts'

const brokenBy = (code: string): Error => Object.assign(new Error(`${code}: no luck, write`), { code, syscall: 'write' })

describe('the streams of the terminal', () => {
  it('tell once that their reader has gone away, and nothing of what follows from it', () => {
    const stream = new PassThrough()
    const told: StdoutError[] = []
    onWriteFailure(stream, (error) => { told.push(error) })
    stream.emit('error', brokenBy('EPIPE'))
    stream.emit('error', brokenBy('EPIPE'))
    stream.emit('error', brokenBy('ERR_STREAM_DESTROYED'))
    expect(told).toMatchObject([{ readerLeft: true }])
  })

  it('tell any other failure as one', () => {
    const stream = new PassThrough()
    const told: StdoutError[] = []
    onWriteFailure(stream, (error) => { told.push(error) })
    stream.emit('error', brokenBy('ENOSPC'))
    expect(told).toMatchObject([{ readerLeft: false, cause: { code: 'IO_FULL' } }])
  })

  it('leave no listeners behind where they were waited for', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    for (let i = 0; i < 20; i++) {
      stream.write('much')
      const waiting = drained(stream)
      stream.read()
      await waiting
    }
    for (const event of ['drain', 'close', 'error']) expect(stream.listenerCount(event), event).toBe(0)
  })

  it('stop waiting for input when interrupted', async () => {
    const controller = new AbortController()
    const stream = new PassThrough()
    const reading = (async () => { for await (const _ of readable(stream, controller.signal)) { /* nothing comes */ } })()
    controller.abort(new Error('enough'))
    await expect(reading).rejects.toMatchObject({ code: 'ABORT_ERR' })
    expect(stream.destroyed).toBe(true)
  })
})

/** Its stdout turns out to have failed when it is flushed. */
const runBroken = async (cause: Error, args: readonly string[], cwd: string): Promise<{ code: number, stderr: string }> => {
  const controller = new AbortController()
  let stderr = ''
  const terminal: Terminal = {
    stdout: () => {},
    flushed: async () => { controller.abort(new StdoutError(cause)) },
    stderr: (text) => { stderr += text },
    interactive: false,
    colors: false,
    cwd,
    env: {},
    signal: controller.signal,
  }
  return { code: await main(args, terminal), stderr }
}

describe('a command whose stdout fails', () => {
  it('has failed, and says so in one sentence', async () => {
    const cwd = await temporaryFolder()
    await writeFile(join(cwd, 'a.car'), carV1([], []))
    for (const args of [['car', 'root', 'a.car'], ['car', 'list', '--json', 'a.car'], ['car', 'wrap', 'a.car']]) {
      expect(await runBroken(brokenBy('ENOSPC'), args, cwd), args.join(' ')).toEqual({ code: 1, stderr: 'dagstore: stdout: write failed: no luck (IO_FULL)\n' })
      expect(await runBroken(brokenBy('EPIPE'), args, cwd), args.join(' ')).toEqual({ code: 0, stderr: '' })
    }
  })
})
