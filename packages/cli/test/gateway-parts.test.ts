/** The parts of a gateway that need no process. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DagstoreEvent } from '@dagstore/dagstore'
import { PieceLoaderError } from '@dagstore/lotus-mount'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gatewayLimits } from '../src/config/apply.ts'
import type { Config } from '../src/config/config.ts'
import { FIELDS, KEYS } from '../src/config/keys.ts'
import { watchIndexed } from '../src/gateway/changes.ts'
import { openLineFile } from '../src/gateway/line-file.ts'
import { gatewayPieces } from '../src/gateway/pieces.ts'
import { createSum } from '../src/gateway/words.ts'

const DEFAULTS = Object.fromEntries(FIELDS.map((field) => [field, KEYS[field].default])) as unknown as Config

describe('keys of the gateway', () => {
  it('are its limits', () => {
    expect(gatewayLimits({ ...DEFAULTS, gatewayRequests: 1, gatewayClientRequests: 2, gatewayBytesPerSecond: 3, gatewayClientBytesPerSecond: 4, gatewayMaxBytes: 5, gatewayMaxMs: 6, gatewayWaitMs: 7 })).toEqual({
      request: { maxBytes: 5, maxMs: 6 }, client: { requests: 2, bytesPerSecond: 4 }, total: { requests: 1, bytesPerSecond: 3 }, waitMs: 7,
    })
  })
})

const temporaryFile = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-lines-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return join(folder, 'access.log')
}

describe('a file of lines', () => {
  const told: { readonly lost: unknown[], readonly found: number[] } = { lost: [], found: [] }
  const open = (place: string) => openLineFile(place, { onLost: (error) => { told.lost.push(error) }, onFound: (lost) => { told.found.push(lost) } })

  it('has all lines in order, behind those that were there, and goes on in a new file', async () => {
    const path = await temporaryFile()
    await writeFile(path, 'before\n')
    const file = await open(path)
    for (let at = 0; at < 5000; at++) file.add(`${at}\n`)
    await rename(path, `${path}.1`)
    await file.reopen()
    file.add('behind\n')
    await file.close()
    expect(await readFile(`${path}.1`, 'utf8')).toBe(`before\n${Array.from({ length: 5000 }, (_, at) => `${at}\n`).join('')}`)
    expect(await readFile(path, 'utf8')).toBe('behind\n')
    expect(told.lost).toEqual([])
  })

  it('is not opened where it cannot be', async () => {
    await expect(open('/no/such/folder/access.log')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it.runIf(existsSync('/dev/full'))('tells once that lines are lost, and goes on', async () => {
    const file = await open('/dev/full')
    for (let at = 0; at < 3; at++) {
      file.add('x\n')
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    }
    await file.close()
    expect(told.lost).toEqual([expect.objectContaining({ code: 'ENOSPC' })])
    expect(told.found).toEqual([])
  })

  it('keeps few lines in memory where they come faster than they are written', async () => {
    const path = await temporaryFile()
    told.lost.length = 0
    const file = await open(path)
    const line = `${'x'.repeat(1023)}\n`
    for (let at = 0; at < 10_000; at++) file.add(line)
    await file.close()
    expect((await readFile(path)).byteLength).toBeLessThan(5 << 20)
    expect(told.lost).toHaveLength(1)
    expect(told.found).toEqual([10_000 - 4096])
  })
})

describe('waiting for an index', () => {
  it('ends when a shard has become available, or the one who waits has left', async () => {
    let give = (_event: DagstoreEvent | undefined): void => {}
    const events = async function * (): AsyncGenerator<DagstoreEvent, void, undefined> {
      for (;;) {
        const event = await new Promise<DagstoreEvent | undefined>((resolve) => { give = resolve })
        if (event === undefined) return
        yield event
      }
    }
    const { changed } = watchIndexed({ events })
    let done = 0
    const leaves = new AbortController()
    const waits = [changed({}).then(() => { done++ }), changed({ signal: leaves.signal }).then(() => { done++ })]
    const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve) })
    await settle()
    give({ type: 'health', key: 'a', from: 'new', to: 'errored', failure: undefined })
    await settle()
    expect(done).toBe(0)
    leaves.abort()
    await settle()
    expect(done).toBe(1)
    give({ type: 'health', key: 'a', from: 'new', to: 'available', failure: undefined })
    await Promise.all(waits)
    expect(done).toBe(2)
    await changed({ signal: AbortSignal.abort() })
    give(undefined)
  })
})

describe('pieces', () => {
  const piece = CID.parse('baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq')
  const failing = (error: Error) => gatewayPieces({ stat: async () => { throw error }, open: async () => { throw error } })

  it('are there where they can be read without unsealing', async () => {
    let closed = 0
    const source = { ...createBytesSource(new Uint8Array(127)), close: async () => { closed++ } }
    const asked: unknown[] = []
    const pieces = gatewayPieces({
      stat: async () => ({ unsealed: 'yes', pieceBytes: 127, payloadBytes: 100 }),
      open: async (_piece, options) => {
        asked.push(options?.sealed)
        return source
      },
    })
    expect(await pieces.stat(piece, {})).toEqual({ pieceBytes: 127, rawBytes: 100 })
    const opened = await pieces.open(piece, {})
    expect(opened).toMatchObject({ pieceBytes: 127, rawBytes: 100, source })
    await opened?.close()
    expect([closed, asked]).toEqual([1, ['reject']])
    expect(await gatewayPieces({ stat: async () => ({ unsealed: 'sealed', pieceBytes: 127 }), open: async () => source }).open(piece, {})).toBeUndefined()
  })

  it('are absent only where everybody says so', async () => {
    for (const code of ['PIECE_UNKNOWN', 'PIECE_SEALED', 'PIECE_LOST'] as const) expect(await failing(new PieceLoaderError(code, 'x', undefined)).stat(piece, {}), code).toBeUndefined()
    await expect(failing(new PieceLoaderError('PIECE_UNKNOWN', 'x', undefined, { retry: 'later' })).stat(piece, {})).rejects.toMatchObject({ code: 'PIECE_UNKNOWN' })
    await expect(failing(new PieceLoaderError('PIECE_NO_SOURCE', 'x', undefined)).open(piece, {})).rejects.toMatchObject({ code: 'PIECE_NO_SOURCE' })
  })
})

it('sums up what was served', () => {
  const sum = createSum({ monotonic: () => 0 })
  const request = { at: 0, address: '', method: 'GET', target: '/', version: '1.1', ms: 1, bytes: 1024, agent: undefined }
  for (const [status, code] of [[200, undefined], [404, 'GATEWAY_NOT_FOUND'], [200, 'CLIENT_LEFT'], [200, 'BLOCKSTORE_UNREADABLE'], [503, 'GATEWAY_BUSY']] as const) sum.note({ ...request, status, code })
  expect(sum.text()).toBe('served 5 requests, 5 KiB, in 0 ms; 2 failed\n')
})
