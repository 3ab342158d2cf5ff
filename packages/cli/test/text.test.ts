import { describe, expect, it } from 'vitest'
import { explain } from '../src/failure.ts'
import { progressText } from '../src/progress.ts'
import { count, showBytes, showMs, table, toJson } from '../src/text.ts'

describe('progressText', () => {
  it('draws a bar where the end is known, and says what is done where it is not', () => {
    expect(progressText('piece', 0, 100)).toBe(`  piece     ${'·'.repeat(30)}   0%  0 B of 100 B`)
    expect(progressText('piece', 50, 100)).toBe(`  piece     ${'■'.repeat(15)}${'·'.repeat(15)}  50%  50 B of 100 B`)
    expect(progressText('piece', 150, 100)).toContain(`${'■'.repeat(30)} 100%`)
    expect(progressText('piece', 2048, undefined)).toBe('  piece     2 KiB …')
    expect(progressText('piece', 0, 0)).toBe('  piece     0 B …')
  })
})

describe('text', () => {
  it('shows sizes in binary units without trailing zeros', () => {
    expect([0, 1023, 1024, 1536, 8 * 2 ** 20 + 7, 2 ** 30, 65 * 2 ** 30].map(showBytes)).toEqual(['0 B', '1023 B', '1 KiB', '1.5 KiB', '8 MiB', '1 GiB', '65 GiB'])
  })

  it('shows times in the unit that fits', () => {
    expect([0.4, 999, 1500, 125_000].map(showMs)).toEqual(['0 ms', '999 ms', '1.5 s', '2 min 5 s'])
  })

  it('counts', () => {
    expect([count(0, 'block'), count(1, 'block'), count(1234, 'block')]).toEqual(['0 blocks', '1 block', '1,234 blocks'])
  })

  it('aligns columns by the plain text of painted cells', () => {
    expect(table(['Key', 'State'], [[{ text: 'a' }, { text: 'New', color: 'yellow' }], [{ text: 'bcdef' }, { text: '' }]], false)).toBe('Key    State\na      New\nbcdef\n')
    expect(table(['Key'], [], true)).toBe('')
  })

  it('keeps every digit of an id above 2^53', () => {
    expect(toJson({ id: 1_786_000_000_000_000_001n })).toBe('{"id":"1786000000000000001"}')
  })
})

describe('explain', () => {
  it('joins the causes into one sentence with place and code', () => {
    const cause = Object.assign(new Error('section runs past the end'), { code: 'CARV2_TRUNCATED', offset: 4711 })
    expect(explain(new Error('shard is errored', { cause }), 'a.car')).toBe('a.car: shard is errored: section runs past the end at byte 4711 (CARV2_TRUNCATED)')
  })

  it('leaves codes, calls and paths of the system out', () => {
    const system = Object.assign(new Error("ENOENT: no such file or directory, stat '/x/y'"), { code: 'ENOENT', syscall: 'stat' })
    const error = Object.assign(new Error('cannot be read; reason=ENOENT', { cause: system }), { code: 'IO_NOT_FOUND' })
    expect(explain(error, 'y')).toBe('y: cannot be read: no such file or directory (IO_NOT_FOUND)')
  })

  it('names its subject once', () => {
    const errored = new Error('shard is errored; key=a; cause=MOUNT_MISSING', { cause: new Error('nothing is there; path=/x/y status=404') })
    expect(explain(errored, 'a', ['/x/y'])).toBe('a: shard is errored; cause=MOUNT_MISSING: nothing is there; status=404')
    expect(explain(new Error('no such shard; key=a'), 'a')).toBe('a: no such shard')
    expect(explain(new Error('no such shard; key=ab'), 'a')).toBe('a: no such shard; key=ab')
  })

  it('tells every one of several causes', () => {
    expect(explain(new Error('no source', { cause: new AggregateError([new Error('disk gone'), new Error('host down')], 'all failed') }))).toBe('no source: all failed: disk gone: host down')
    const gone = (): Error => Object.assign(new Error('is its disk there? path=/mnt/a'), { code: 'IO_FAILED' })
    expect(explain(new Error('no copy: is its disk there? path=/mnt/a', { cause: new AggregateError([gone(), gone()], 'all failed') }))).toBe('no copy: is its disk there? path=/mnt/a: all failed')
  })
})
