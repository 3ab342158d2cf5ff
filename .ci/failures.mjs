/** What failed in a check, whatever kind of check it was: `{ title, lines }` for each failure. */
import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const MOST_FAILURES = 20
const MOST_LINES = 10

/** Written by the reporter of the tests; a run that broke off may have left half a line. */
const reported = (path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line)) : [])

/** Of the checks that print one line per thing: `FAIL <what>`, and what stands below it. */
const printed = (output) => {
  const failures = []
  let last
  for (const line of output.split('\n')) {
    if (line.startsWith('FAIL ')) failures.push(last = { title: line.slice(5).trim(), lines: [] })
    else if (/^(?:ok {2}|skip|\d+ passed,) /.test(line) || line.trim() === '') last = undefined
    else last?.lines.push(line.trim())
  }
  return failures
}

/** @param check - the file of the reporter, what went to stdout, and stdout and stderr as they came */
export const failuresOf = ({ file, stdout, output }) => {
  const known = [reported(file), printed(stripVTControlCharacters(stdout))].find((list) => list.length > 0)
  if (known !== undefined) return known
  // a compiler, a linter, an installation: what it said last
  const lines = stripVTControlCharacters(output).split('\n').filter((line) => line.trim() !== '')
  return [{ title: 'its last lines', lines: lines.slice(-2 * MOST_LINES), whole: true }]
}

const more = (failures, indent) => (failures.length > MOST_FAILURES ? [`${indent}and ${failures.length - MOST_FAILURES} more`] : [])

/** The failures of a check with the first lines of each. */
export const inFull = (name, failures) => [
  `--- ${name}`,
  ...failures.slice(0, MOST_FAILURES).flatMap(({ title, lines, whole }) => [`  ${title}`, ...(whole ? lines : lines.slice(0, MOST_LINES)).map((line) => `      ${line.slice(0, 300)}`)]),
  ...more(failures, '  '),
]

/** Their titles alone, to stand below the line that counts them. */
export const inShort = (failures) => [
  ...failures.filter(({ whole }) => whole !== true).slice(0, MOST_FAILURES).map(({ title }) => `       ${title.slice(0, 240)}`),
  ...more(failures, '       '),
]
