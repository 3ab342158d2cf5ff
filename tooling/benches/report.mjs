/**
 * Writes the tables of docs/performance.md from results/*.json; `--check` only says whether they are what they would be.
 * What stands around them is written by hand; a measurement that misses a goal needs a line in 'What is missed'.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { unexplained, updated } from './src/report.mjs'

const document = new URL('../../docs/performance.md', import.meta.url)
const results = new URL('results/', import.meta.url)

/** All results that are there. */
export const readResults = () => readdirSync(results).filter((name) => name.endsWith('.json')).sort().map((name) => JSON.parse(readFileSync(new URL(name, results), 'utf8')))

export const readDocument = () => readFileSync(document, 'utf8')

/** Write the tables, or only say whether they are what they would be; an exit code. */
export const writeReport = (check) => {
  const before = readDocument()
  const after = updated(before, readResults())
  if (!check && after !== before) writeFileSync(document, after)
  const missing = unexplained(after, readResults())
  for (const name of missing) console.error(`docs/performance.md: 'What is missed' says nothing about ${name}`)
  if (check && after !== before) console.error('docs/performance.md: tables are not those of the results; run tooling/benches/report.mjs')
  return missing.length > 0 || (check && after !== before) ? 1 : 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = writeReport(process.argv.includes('--check'))
