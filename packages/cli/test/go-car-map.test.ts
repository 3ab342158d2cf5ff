import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const repository = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8')

/** The last cells of all rows, but of headings and rules. */
const tests = read('docs/go-car-map.md').split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| --- '))
  .map((line) => ({ row: line.split(' | ')[0]!.slice(2), test: line.slice(0, -2).split(' | ').at(-1)!.trim() }))
  .filter(({ test }) => test !== 'test')

describe('docs/go-car-map.md', () => {
  it('has rows', () => {
    expect(tests.length).toBeGreaterThan(50)
  })

  it.each(tests)('names a test that is there: $row', ({ test }) => {
    const [place, ...words] = test.split(' ')
    const [name, file] = place!.split('/')
    const path = `packages/${name}/test/${file}.test.ts`
    expect(existsSync(new URL(path, repository)), path).toBe(true)
    expect(words.length).toBeGreaterThan(0)
    expect(read(path)).toContain(words.join(' '))
  })
})
