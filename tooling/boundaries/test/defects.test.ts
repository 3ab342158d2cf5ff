/** Each known defect of the Go DAG store has a test that names it: one that keeps it out, or one that shows why it cannot occur. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const PACKAGES = join(import.meta.dirname, '..', '..', '..', 'packages')
const DEFECTS = Array.from({ length: 46 }, (_, at) => `D${at + 1}`)

const titles = (): Set<string> => {
  const found = new Set<string>()
  for (const name of readdirSync(PACKAGES)) {
    const folder = join(PACKAGES, name, 'test')
    const files = (() => { try { return readdirSync(folder) } catch { return [] } })()
    for (const file of files.filter((entry) => entry.endsWith('.test.ts'))) {
      for (const [, defect = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/\(['"`](D\d+): /gu)) found.add(defect)
    }
  }
  return found
}

it('every defect D1 to D46 has a test whose title starts with its name', () => {
  const found = titles()
  expect(DEFECTS.filter((defect) => !found.has(defect))).toEqual([])
})
