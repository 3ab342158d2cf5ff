/** Comparisons as text: what each way took, then ours against each other one, with the goal and whether it was reached. */

export const number = (value) => (value >= 1000 || Number.isInteger(value) ? Math.round(value).toLocaleString('en-GB') : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(2))
const large = (value) => Math.round(value).toLocaleString('en-GB')

/** What figures tell besides, where one run does many requests. */
export const DETAILS = [{ key: 'p50Ms', head: 'p50 ms' }, { key: 'p99Ms', head: 'p99 ms' }, { key: 'firstByteMs', head: 'first byte ms' }]
export const detail = (figure, key) => (figure[key] === undefined ? '' : number(figure[key]))

/** Cells in columns; the first ones to the left, numbers to the right. */
const columns = (rows, leftOnes) => {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows.map((row) => `  ${row.map((cell, i) => (i < leftOnes ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd()}`)
}

/** `reached`, `missed`, or nothing where there is no goal. */
export const verdictOf = ({ ratio, wanted, value, atMost }) => {
  if (wanted !== undefined) return ratio >= wanted ? 'reached' : 'missed'
  if (atMost !== undefined) return value <= atMost ? 'reached' : 'missed'
  return ''
}

const timeLines = ({ what, rounds, figures, ratios }) => {
  const details = DETAILS.filter(({ key }) => figures.some((figure) => figure[key] !== undefined))
  const rows = [['', '', 'median ms', 'least', 'most', 'MiB/s', 'items/s', ...details.map(({ head }) => head)]]
  for (const figure of figures) {
    const { name, role, ms, mibPerSecond, itemsPerSecond } = figure
    rows.push([
      role, name, number(ms.median), number(ms.min), number(ms.max), mibPerSecond === undefined ? '' : number(mibPerSecond), itemsPerSecond === undefined ? '' : large(itemsPerSecond),
      ...details.map(({ key }) => detail(figure, key)),
    ])
  }
  const relations = ratios.map(({ name, against, ratio, wanted }) =>
    [name, against, `${number(ratio)} x`, wanted === undefined ? '' : `>= ${wanted} x`, verdictOf({ ratio, wanted })])
  return [`${what}; median of ${rounds} rounds`, ...columns(rows, 2), ...(relations.length === 0 ? [] : ['', ...columns([['ours', 'against', 'ratio', 'goal', ''], ...relations], 2)])]
}

const amountLines = ({ what, unit, figures }) => {
  const rows = figures.map(({ name, role, value, atMost }) =>
    [role, name, `${number(value)} ${unit}`, atMost === undefined ? '' : `<= ${number(atMost)} ${unit}`, verdictOf({ value, atMost })])
  return [what, ...columns([['', '', '', 'goal', ''], ...rows], 2)]
}

/** The lines of one comparison. */
export const tableOf = (comparison) => (comparison.kind === 'amount' ? amountLines(comparison) : timeLines(comparison))

/** Every goal of several measurements in one table, the missed ones marked. */
export const goalTable = (results) => {
  const rows = results.flatMap(({ name, comparisons }) => comparisons.flatMap((comparison) => {
    if (comparison.kind === 'amount') {
      return comparison.figures.filter(({ atMost }) => atMost !== undefined)
        .map((figure) => [name, comparison.what, figure.name, '', `${number(figure.value)} ${comparison.unit}`, `<= ${number(figure.atMost)} ${comparison.unit}`, verdictOf(figure)])
    }
    return comparison.ratios.filter(({ wanted }) => wanted !== undefined)
      .map((ratio) => [name, comparison.what, ratio.name, ratio.against, `${number(ratio.ratio)} x`, `>= ${ratio.wanted} x`, verdictOf(ratio)])
  }))
  if (rows.length === 0) return []
  return columns([['', '', 'ours', 'against', 'got', 'goal', ''], ...rows], 4)
}
