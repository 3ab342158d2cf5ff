import { IoError } from '@dagstore/io'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLogs, type Logs, type LogsOptions } from '../src/log/logs.ts'
import { parseLevels } from '../src/log/levels.ts'
import { redacted } from '../src/log/redact.ts'

const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJBbGxvdyI6WyJyZWFkIl19.c2lnbmF0dXJl'

const logsTo = (lines: string[], options: Partial<LogsOptions> = {}): Logs =>
  createLogs({ write: (line) => { lines.push(line) }, clock: { now: () => 1_700_000_000_000 }, level: 'info', format: 'text', colors: false, ...options })

describe('the log', () => {
  it('is a line a message, with time, level and subsystem', () => {
    const lines: string[] = []
    logsTo(lines).of('shards').warn('a shard failed', { shard: 'a b', error: new IoError('IO_FAILED', 'no answer'), tries: 3, id: 2n ** 60n, nothing: undefined })
    expect(lines).toEqual(['2023-11-14T22:13:20.000Z WARN  shards  a shard failed shard="a b" error="no answer (IO_FAILED)" tries=3 id=1152921504606846976\n'])
  })

  it('is an object a line, named as in Lotus', () => {
    const lines: string[] = []
    logsTo(lines, { format: 'json' }).of('rpc').info('called', { method: 'X', error: new IoError('IO_FAILED', 'no answer'), id: 2n ** 60n })
    expect(JSON.parse(lines[0] ?? '')).toEqual({ level: 'info', ts: '2023-11-14T22:13:20.000Z', logger: 'rpc', msg: 'called', method: 'X', code: 'IO_FAILED', error: 'no answer (IO_FAILED)', id: '1152921504606846976' })
  })

  it('says what its levels let through, which can be set while it runs', () => {
    const lines: string[] = []
    const logs = logsTo(lines, { level: 'warn,gc=debug' })
    const speak = (): void => { for (const name of ['gc', 'rpc'] as const) for (const level of ['debug', 'info', 'warn', 'error'] as const) logs.of(name)[level](level) }
    speak()
    expect(lines).toHaveLength(6)
    logs.setLevel('rpc', 'ERROR')
    logs.setLevel('gc', 'error')
    lines.length = 0
    speak()
    expect(lines).toHaveLength(2)
    logs.setLevel('*', 'debug')
    expect(logs.of('doctor').isOn('debug')).toBe(true)
    expect(() => logs.setLevel('rpc', 'loud')).toThrow(RangeError)
    expect(() => logs.setLevel('nobody', 'info')).toThrow(RangeError)
    expect(logs.list()).toContain('rpc')
    expect(() => logsTo([], { level: 'loud' })).toThrow(RangeError)
  })

  it('reads levels of all and of each', () => {
    expect(parseLevels('debug,gc=error')?.get('gc')).toBe('error')
    expect(parseLevels('gc=error,debug')?.get('gc')).toBe('error')
    expect(parseLevels('gc=error')?.get('rpc')).toBe('info')
    for (const text of ['', 'x', 'gc=', 'gc=x', 'x=info', 'info,,']) expect(parseLevels(text), text).toBeUndefined()
  })

  it('L3: 17 says no token, in no field and no message, in both formats', () => {
    for (const format of ['text', 'json'] as const) {
      const lines: string[] = []
      const log = logsTo(lines, { format }).of('rpc')
      const cause = new Error(`GET http://h/remote/x?token=${JWT}&a=1 Authorization: Bearer opaque-secret`)
      log.error(`called ws://h/rpc/v0?token=opaque-secret with ${JWT}`, { header: 'Bearer opaque-secret', url: 'postgres://me:opaque-secret@db/x', error: new Error('failed', { cause }), list: [{ deep: JWT }], 'api-info': `${JWT}:/ip4/127.0.0.1/tcp/1/http` })
      expect(lines).toHaveLength(1)
      expect(lines[0]).not.toContain('opaque-secret')
      expect(lines[0]).not.toContain('c2lnbmF0dXJl')
      expect(lines[0]).toContain('postgres://***@db/x')
    }
  })

  it('is one line of valid JSON and one of text without control characters, whatever is said', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (message, value) => {
      for (const format of ['text', 'json'] as const) {
        const lines: string[] = []
        logsTo(lines, { format }).of('deals').info(message, { value, token: `token=${value}` })
        const line = lines[0] ?? ''
        expect(line.endsWith('\n')).toBe(true)
        // oxlint-disable-next-line no-control-regex
        expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f]/)
        if (format === 'json') JSON.parse(line)
      }
    }))
  })

  it('leaves alone what is no secret', () => {
    for (const text of ['lotus://baga6ea4seaq', 'https://host/path?cid=bafy', '12 tokens', 'https://h/@scope/x', 'at 10:00:00']) expect(redacted(text)).toBe(text)
  })
})
