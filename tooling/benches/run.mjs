/**
 * Runs measurements on the built packages and keeps their figures.
 *
 *     npm run bench [name…]                 by name; without one, all
 *     node run.mjs --package carv2          those that measure this package
 *     node run.mjs --list
 *     node run.mjs --small store-start      only whether it works: a little of the work of those that have forms; implies --dry
 *
 * Tables go to stdout, a summary of all goals at the end; figures and machine facts to results/<name>.json, and from there into
 * docs/performance.md, unless `--dry` is given. A measurement is bench/<name>.bench.mjs with `title`, `packages` and
 * `run({ scratch, form, compare, amounts, inChild })`; those with `large: true` take minutes and gigabytes, and run only by name
 * or with `--large`. `form` is `small`, `default` or, with `--large`, `large`: for those that do the same work in several sizes.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { build } from '../bootstrap/setup.mjs'
import { writeReport } from './report.mjs'
import { inChild } from './src/child.mjs'
import { amounts, compare } from './src/harness.mjs'
import { machineFacts } from './src/machine.mjs'
import { goalTable, tableOf } from './src/table.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const args = process.argv.slice(2)
const all = readdirSync(join(here, 'bench')).filter((file) => file.endsWith('.bench.mjs')).map((file) => file.slice(0, -'.bench.mjs'.length)).sort()

// garbage of one case must not be collected in the turn of the next
setFlagsFromString('--expose-gc')
globalThis.gc = runInNewContext('gc')

const form = args.includes('--small') ? 'small' : args.includes('--large') ? 'large' : 'default'
const dry = args.includes('--dry') || form === 'small'

const load = (name) => import(`./bench/${name}.bench.mjs`)

const chosen = async () => {
  const at = args.indexOf('--package')
  if (at >= 0) {
    const wanted = args[at + 1]
    const loaded = await Promise.all(all.map(async (name) => [name, (await load(name)).packages]))
    return loaded.filter(([, packages]) => packages.includes(wanted)).map(([name]) => name)
  }
  const names = args.filter((arg) => !arg.startsWith('--'))
  if (names.length > 0) return names
  const loaded = await Promise.all(all.map(async (name) => [name, (await load(name)).large === true]))
  return loaded.filter(([, large]) => !large || args.includes('--large')).map(([name]) => name)
}

const measure = async (name) => {
  const { title, run } = await load(name)
  const machine = machineFacts()
  const scratch = mkdtempSync(join(tmpdir(), 'dagstore-bench-'))
  const comparisons = []
  const show = (result) => {
    comparisons.push(result)
    console.log(`\n${tableOf(result).join('\n')}`)
    return result
  }
  console.log(`\n${name}: ${title}`)
  try {
    await run({
      scratch,
      form,
      inChild,
      compare: async (comparison) => show(await compare(comparison)),
      amounts: (figures) => show(amounts(figures)),
    })
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  if (dry) return { name, comparisons }
  mkdirSync(join(here, 'results'), { recursive: true })
  const rounded = (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value)
  writeFileSync(join(here, 'results', `${name}.json`), `${JSON.stringify({ name, title, machine, comparisons }, rounded, 2)}\n`)
  return { name, comparisons }
}

// measured is what users get, so it must be built; nothing happens when nothing changed
await build(join(here, '..', '..'), [])
const names = await chosen()
const unknown = names.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`no such measurement: ${unknown.join(', ')}; there are ${all.join(', ')}`)
  process.exitCode = 2
} else if (args.includes('--list')) {
  console.log(names.join('\n'))
} else if (names.length === 0) {
  console.log('nothing measures this package yet')
} else {
  const results = []
  for (const name of names) results.push(await measure(name))
  console.log(`\nGoals\n${goalTable(results).join('\n')}`)
  if (!dry) writeReport(false)
}
