/** One line per check, and the count at the end. */

const indent = (text) => text.split('\n').map((line) => `    ${line}`).join('\n')

export const createReport = (write = (line) => console.log(line)) => {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const pass = (name, detail) => { counts.passed++; write(`ok   ${name}${detail === undefined ? '' : ` ${detail}`}`) }
  const fail = (name, detail) => {
    const [first, ...rest] = String(detail).split('\n')
    counts.failed++
    write(`FAIL ${name} ${first}${rest.length === 0 ? '' : `\n${indent(rest.slice(0, 40).join('\n'))}`}`)
  }
  return {
    counts,
    pass,
    fail,
    skip: (name, why) => { counts.skipped++; write(`skip ${name} ${why}`) },
    /** Run a check; what it returns is the detail of its line, and its failure stops no other check. Tells whether it passed. */
    check: async (name, job) => {
      try {
        pass(name, await job())
        return true
      } catch (error) {
        fail(name, error instanceof Error ? error.message : error)
        return false
      }
    },
    close: () => {
      write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
      return counts.failed === 0 ? 0 : 1
    },
  }
}
