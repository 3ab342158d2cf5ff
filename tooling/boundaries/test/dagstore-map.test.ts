/** The table of scenarios names tests that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')

it('docs/dagstore-map.md names tests that there are', () => {
  const page = readFileSync(join(ROOT, 'docs', 'dagstore-map.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ')).slice(2)
  expect(rows.length).toBeGreaterThan(35)
  const broken = rows.filter((row) => {
    const [, file = '', title = ''] = /\| ([\w/.-]+\.test\.ts): ([^|]+) \|$/u.exec(row) ?? []
    const path = join(ROOT, file.startsWith('tooling/') ? '' : 'packages', file)
    return file === '' || !existsSync(path) || !readFileSync(path, 'utf8').toLowerCase().includes(`'${title.toLowerCase()}`)
  })
  expect(broken).toEqual([])
})
