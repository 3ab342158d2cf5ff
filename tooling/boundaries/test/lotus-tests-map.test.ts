/** The tables of scenarios, defects and promises of the provider side name tests that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')

it('docs/lotus-tests-map.md names tests that there are', () => {
  const page = readFileSync(join(ROOT, 'docs', 'lotus-tests-map.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| --- ') && !line.endsWith('| test |'))
  expect(rows.length).toBeGreaterThan(95)
  const broken = rows.filter((row) => {
    const [, file = '', title = ''] = /\| ([\w/.-]+\.test\.ts): ([^|]+) \|$/u.exec(row) ?? []
    const path = join(ROOT, file.startsWith('tooling/') ? '' : 'packages', file)
    return file === '' || !existsSync(path) || !readFileSync(path, 'utf8').includes(`'${title}`)
  })
  expect(broken).toEqual([])
})
