import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const repository = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8')

/** First and last cells of all rows, but of headings and rules. */
const rowsOf = (page: string): readonly { row: string, here: string, test: string }[] => read(page).split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| --- '))
  .map((line) => line.slice(2, -2).split(' | '))
  .map((cells) => ({ row: cells[0]!, here: cells[1]!, test: cells.at(-1)!.trim() }))
  .filter(({ test }) => test !== 'test')

/** The sources of all packages. */
const sources = readdirSync(new URL('packages', repository))
  .flatMap((name) => readdirSync(new URL(`packages/${name}/src`, repository), { recursive: true, encoding: 'utf8' }).map((file) => `packages/${name}/src/${file}`))
  .filter((path) => path.endsWith('.ts'))
  .map(read).join('\n')

describe.each([['docs/go-car-map.md', 80], ['docs/js-libraries-map.md', 25]])('%s', (page, count) => {
  const rows = rowsOf(page)

  it('has rows', () => {
    expect(rows.length).toBeGreaterThanOrEqual(count)
  })

  it.each(rows)('names a test that is there: $row', ({ test }) => {
    const [place, ...words] = test.split(' ')
    const [name, file] = place!.split('/')
    const path = ['packages', 'tooling'].map((folder) => `${folder}/${name}/test/${file}.test.ts`).find((path) => existsSync(new URL(path, repository)))
    expect(path, test).toBeDefined()
    expect(words.length).toBeGreaterThan(0)
    expect(read(path!)).toContain(words.join(' '))
  })

  it('names functions that there are', () => {
    const named = rows.flatMap(({ here }) => [...here.matchAll(/`((?:create|open|resume|extend|build|scan|read|wrap|extract|attach|detach|replace|encode|decode|verify|walk|pad|unpad|payload|inspect|parse|to|aggregate|commp|resolve)[A-Z0-9][A-Za-z0-9]*)`/g)].map((match) => match[1]!))
    expect(named.length).toBeGreaterThan(15)
    expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(sources))).toEqual([])
  })
})
