/** Comparisons as text. */

const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))
const large = (value) => Math.round(value).toLocaleString('en-GB')

const columns = (rows) => {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)))
  return rows.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ').trimEnd())
}

/** The lines of one comparison: times, rates, and our speed against each peer and floor. */
export const tableOf = ({ what, rounds, figures, ratios }) => {
  const rows = [['', 'median ms', 'min', 'max', 'MiB/s', 'items/s']]
  for (const { name, role, ms, mibPerSecond, itemsPerSecond } of figures) {
    rows.push([`${name}${role === 'ours' ? '' : ` (${role})`}`, number(ms.median), number(ms.min), number(ms.max), mibPerSecond === undefined ? '' : number(mibPerSecond), itemsPerSecond === undefined ? '' : large(itemsPerSecond)])
  }
  const relations = ratios.map(({ name, against, ratio, wanted }) => {
    const verdict = wanted === undefined ? '' : ratio >= wanted ? `  (wanted ${wanted}: reached)` : `  (wanted ${wanted}: NOT reached)`
    return `  ${name} = ${number(ratio)} x ${against}${verdict}`
  })
  return [`${what}; ${rounds} rounds`, ...columns(rows).map((line) => `  ${line}`), ...relations]
}
