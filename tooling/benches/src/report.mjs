/** The tables of docs/performance.md, from the figures of the last runs. */
import { detail, DETAILS, number, verdictOf } from './table.mjs'

/** As design and reader go: indexing, opening, reading, writing, pieces, the rest. */
const ORDER = [
  'index-scan', 'verify', 'hashes', 'index-build', 'index-memory', 'index-large', 'open', 'open-memory', 'get', 'get-cold', 'remote',
  'carv2-write', 'walk', 'fr32', 'commp', 'sector', 'top-level-index',
  'first-block', 'acquire', 'store-start', 'many-cars', 'gateway', 'import-ref', 'import-many', 'ref-get',
]

/** Results in the order of the document; those that it does not know come last, by name. */
export const ordered = (results) => {
  const place = ({ name }) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return [...results].sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1))
}

const row = (cells) => `| ${cells.join(' | ')} |`
const table = (heads, rows) => [row(heads), row(heads.map(() => '---')), ...rows.map(row)]
const verdict = (figure) => (verdictOf(figure) === 'missed' ? '**missed**' : verdictOf(figure))

/** Every goal: `{ name, what, ours, against, got, goal, verdict }`, texts for a table. */
export const goalsOf = (results) => ordered(results).flatMap(({ name, comparisons }) => comparisons.flatMap((comparison) => {
  const { what } = comparison
  if (comparison.kind === 'amount') {
    const { unit } = comparison
    return comparison.figures.filter(({ atMost }) => atMost !== undefined)
      .map((figure) => ({ name, what, ours: figure.name, against: '', got: `${number(figure.value)} ${unit}`, goal: `≤ ${number(figure.atMost)} ${unit}`, verdict: verdict(figure) }))
  }
  return comparison.ratios.filter(({ wanted }) => wanted !== undefined)
    .map((ratio) => ({ name, what, ours: ratio.name, against: ratio.against, got: `${number(ratio.ratio)} ×`, goal: `≥ ${ratio.wanted} ×`, verdict: verdict(ratio) }))
}))

const link = (name) => `[${name}](#${name})`

const goalLines = (results) => table(['measurement', 'work', 'ours', 'against', 'got', 'goal', ''],
  goalsOf(results).map((goal) => [link(goal.name), goal.what, goal.ours, goal.against, goal.got, goal.goal, goal.verdict]))

const figureLines = ({ kind, unit, figures }) => {
  if (kind === 'amount') return table(['', '', unit], figures.map(({ role, name, value }) => [role, name, number(value)]))
  const has = (key) => figures.some((figure) => figure[key] !== undefined)
  const columns = [
    ['median ms', ({ ms }) => number(ms.median)],
    ['least to most', ({ ms }) => `${number(ms.min)} to ${number(ms.max)}`],
    ...(has('mibPerSecond') ? [['MiB/s', ({ mibPerSecond }) => number(mibPerSecond)]] : []),
    ...(has('itemsPerSecond') ? [['items/s', ({ itemsPerSecond }) => number(itemsPerSecond)]] : []),
    ...DETAILS.filter(({ key }) => has(key)).map(({ key, head }) => [head, (figure) => detail(figure, key)]),
  ]
  return table(['', '', ...columns.map(([head]) => head)], figures.map((figure) => [figure.role, figure.name, ...columns.map(([, cell]) => cell(figure))]))
}

const ratioLines = ({ kind, ratios }) => (kind === 'amount' || ratios.length === 0 ? [] : [
  '',
  ...table(['ours', 'against', 'ratio', 'goal', ''], ratios.map((ratio) =>
    [ratio.name, ratio.against, `${number(ratio.ratio)} ×`, ratio.wanted === undefined ? '' : `≥ ${ratio.wanted} ×`, verdict(ratio)])),
])

const measurementLines = ({ name, title, machine, comparisons }) => [
  `### ${name}`, '', `${title}. Taken ${machine.date} on Node ${machine.node.replace(/^v/, '')}, load before ${machine.loadBefore}.`,
  ...comparisons.flatMap((comparison) => ['', `${comparison.what}${comparison.kind === 'amount' ? '' : `; ${comparison.rounds} rounds`}:`, '', ...figureLines(comparison), ...ratioLines(comparison)]),
  '',
]

const distinct = (values) => [...new Set(values)].sort()

const machineLines = (results) => {
  const machines = results.map(({ machine }) => machine)
  const of = (key) => distinct(machines.map((machine) => String(machine[key]))).join(', ')
  const peers = new Map()
  for (const machine of machines) for (const [name, version] of Object.entries(machine.peers ?? {})) peers.set(name, new Set([...peers.get(name) ?? [], version]))
  return [
    ...table(['', ''], [
      ['processor', of('cpu')], ['threads', of('threads')], ['memory', `${of('memoryGiB')} GiB`], ['system', of('system')],
      ['Node', of('node').replaceAll('v', '')], ['taken', of('date')],
    ]),
    '',
    ...table(['compared with', 'version'], [...peers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, versions]) => [name, [...versions].join(', ')])),
  ]
}

const BLOCKS = { machine: machineLines, goals: goalLines, measurements: (results) => ordered(results).flatMap(measurementLines).slice(0, -1) }

/**
 * The document with its generated blocks made anew; what a person wrote around them is kept.
 *
 * @throws {Error} a block has no place in it
 */
export const updated = (text, results) => Object.entries(BLOCKS).reduce((document, [name, make]) => {
  const [from, to] = [`<!-- ${name}: made by tooling/benches/report.mjs -->`, `<!-- end of ${name} -->`]
  const [start, end] = [document.indexOf(from), document.indexOf(to)]
  if (start < 0 || end < start) throw new Error(`no place for a block; block=${name}`)
  return `${document.slice(0, start + from.length)}\n\n${make(results).join('\n')}\n\n${document.slice(end)}`
}, text)

/** Measurements with a goal that is missed and no heading of their own in the section that says why. */
export const unexplained = (text, results) => {
  const section = text.split(/^## /m).find((part) => part.startsWith('What is missed')) ?? ''
  const missed = distinct(goalsOf(results).filter(({ verdict: word }) => word === '**missed**').map(({ name }) => name))
  return missed.filter((name) => !new RegExp(`^- \\*\\*${name}\\*\\*`, 'm').test(section))
}
