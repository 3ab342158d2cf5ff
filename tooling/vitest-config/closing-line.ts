/** The last line of a test run: 'N passed, N failed, N skipped', with every skip named before it. */
import type { Reporter, TestModule } from 'vitest/node'

class ClosingLine implements Reporter {
  onTestRunEnd (modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const skips: string[] = []
    for (const module of modules) {
      if (module.errors().length > 0) counts.failed++
      // a set-up that failed: its tests were skipped
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed++
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'pending') continue
        counts[result.state]++
        if (result.state === 'skipped') skips.push(`skipped: ${test.fullName}${result.note === undefined ? '' : ` (${result.note})`}`)
      }
    }
    counts.failed += unhandled.length
    for (const skip of skips) process.stdout.write(`${skip}\n`)
    // printed at exit, so that nothing of the default reporter comes after it
    process.on('exit', () => process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`))
  }
}

export default ClosingLine
