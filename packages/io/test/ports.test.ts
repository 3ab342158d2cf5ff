import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { compareIdentity, IoError, type SourceIdentity, splitName, systemClock, systemRandom } from '../src/index.ts'
import { compareNames, isTemporaryName, temporaryName } from '../src/names.ts'
import { classifyNodeError } from '../src/node.ts'
import { systemError } from './temporary-folder.ts'

describe('compareIdentity', () => {
  const content: SourceIdentity = { kind: 'content', cid: 'bafk', sizeBytes: 5 }
  const version: SourceIdentity = { kind: 'version', tag: '"a"', sizeBytes: 5 }
  const file: SourceIdentity = { kind: 'file', sizeBytes: 5, mtimeNs: 1n, inode: 2n }
  it.each<{ known: SourceIdentity, found: SourceIdentity, verdict: string }>([
    { known: content, found: { ...content }, verdict: 'same' },
    { known: content, found: { ...content, cid: 'bafy' }, verdict: 'different' },
    { known: version, found: { ...version }, verdict: 'same' },
    { known: version, found: { ...version, tag: '"b"' }, verdict: 'different' },
    { known: file, found: { ...file }, verdict: 'same' },
    { known: file, found: { ...file, mtimeNs: 9n }, verdict: 'unknown' },
    { known: file, found: { ...file, inode: 9n }, verdict: 'unknown' },
    { known: content, found: version, verdict: 'unknown' },
    { known: version, found: file, verdict: 'unknown' },
    { known: file, found: content, verdict: 'unknown' },
    { known: file, found: { ...content, sizeBytes: 6 }, verdict: 'different' },
    { known: content, found: { ...content, sizeBytes: 6 }, verdict: 'different' },
  ])('says $verdict of $known.kind and $found.kind', ({ known, found, verdict }) => {
    expect(compareIdentity(known, found)).toBe(verdict)
  })
})

describe('names', () => {
  it('are split into parts', () => {
    expect(splitName('a')).toEqual(['a'])
    expect(splitName('a/b c/.d')).toEqual(['a', 'b c', '.d'])
  })

  it('compare as their UTF-8 bytes do', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(compareNames(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }), { seed: 1, numRuns: 1000 })
  })

  it('have temporary ones beside them, that are told and not too long', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.uint8Array({ minLength: 8, maxLength: 8 }), (name, random) => {
      const temporary = temporaryName(name, random)
      expect(isTemporaryName(temporary)).toBe(true)
      expect(isTemporaryName(`${temporary}x`)).toBe(false)
      expect(Buffer.byteLength(temporary)).toBeLessThanOrEqual(255)
    }), { seed: 1 })
    expect(Buffer.byteLength(temporaryName('\u{1f600}'.repeat(63), new Uint8Array(8)))).toBe(222)
  })
})

describe('classifyNodeError', () => {
  it.each([
    ['ENOENT', 'IO_NOT_FOUND', 'never'],
    ['ENOTDIR', 'IO_NOT_FOUND', 'never'],
    ['EACCES', 'IO_FORBIDDEN', 'never'],
    ['EPERM', 'IO_FORBIDDEN', 'never'],
    ['EROFS', 'IO_FORBIDDEN', 'never'],
    ['ENOSPC', 'IO_FULL', 'later'],
    ['EDQUOT', 'IO_FULL', 'later'],
    ['EEXIST', 'IO_EXISTS', 'never'],
    ['EIO', 'IO_FAILED', 'later'],
    ['EMFILE', 'IO_FAILED', 'later'],
    ['EISDIR', 'IO_FAILED', 'never'],
  ])('says what %s means', (code, expected, retry) => {
    const cause = systemError(code)
    expect(classifyNodeError(cause, 'open failed; path=a')).toMatchObject({ name: 'IoError', code: expected, retry, cause, message: `open failed; path=a; reason=${code}` })
  })

  it('takes anything, and gives an IoError back', () => {
    const known = new IoError('IO_CLOSED', 'closed')
    expect(classifyNodeError(known, 'what')).toBe(known)
    for (const error of [new TypeError('bad'), 'text', undefined, { code: 5 }]) expect(classifyNodeError(error, 'what')).toMatchObject({ code: 'IO_FAILED', cause: error })
  })
})

describe('systemClock', () => {
  it('tells the time, and goes on', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000)
    const first = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })

  it('sleeps, and wakes with the reason of a signal', async () => {
    const start = systemClock.monotonic()
    await Promise.all([systemClock.sleep(5), new Promise((resolve) => { setTimeout(resolve, 20) })])
    expect(systemClock.monotonic() - start).toBeGreaterThan(4)
    const reason = new Error('enough')
    await expect(systemClock.sleep(1e6, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const asleep = systemClock.sleep(1e6, { signal: controller.signal })
    controller.abort(reason)
    await expect(asleep).rejects.toBe(reason)
  })

  it('sleeps longer than one timer of the system can', async () => {
    vi.useFakeTimers()
    try {
      for (const ms of [2 ** 31, 100 * 86_400_000]) {
        let awake = false
        const asleep = systemClock.sleep(ms).then(() => { awake = true })
        await vi.advanceTimersByTimeAsync(ms - 1)
        expect(awake).toBe(false)
        await vi.advanceTimersByTimeAsync(1)
        await asleep
      }
      const reason = new Error('enough')
      const controller = new AbortController()
      const asleep = systemClock.sleep(Infinity, { signal: controller.signal })
      const rejected = expect(asleep).rejects.toBe(reason)
      await vi.advanceTimersByTimeAsync(100 * 86_400_000)
      controller.abort(reason)
      await rejected
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('systemRandom', () => {
  it('gives as many bytes as asked, never the same', () => {
    expect(systemRandom.bytes(0)).toEqual(new Uint8Array(0))
    const large = systemRandom.bytes(200_000)
    expect(large.byteLength).toBe(200_000)
    expect(large.subarray(199_000).some((byte) => byte !== 0)).toBe(true)
    expect(systemRandom.bytes(16)).not.toEqual(systemRandom.bytes(16))
  })
})
