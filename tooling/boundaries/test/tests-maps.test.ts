/** The tables of scenarios, defects and promises of the provider side, and of rules and cases of gateways, name tests that exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..', '..')

it.each([{ page: 'lotus-tests-map.md', least: 150 }, { page: 'gateway-tests-map.md', least: 95 }])('docs/$page names tests that there are', ({ page, least }) => {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8')
  // what follows names differences and their reasons, and one test for all of them
  const [tables = ''] = text.split('\n## Where ours answers otherwise')
  const rows = tables.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| --- ') && !/\| (?:test|why) \|$/.test(line))
  expect(rows.length).toBeGreaterThan(least)
  const broken = rows.filter((row) => {
    const [, file = '', title = ''] = /\| ([\w/.-]+\.ts): ([^|]+) \|$/u.exec(row) ?? []
    const path = join(ROOT, file.startsWith('tooling/') ? '' : 'packages', file)
    return file === '' || !existsSync(path) || !['\'', '`'].some((quote) => readFileSync(path, 'utf8').includes(`${quote}${title}`))
  })
  expect(broken).toEqual([])
})
