/** What failed, for whoever runs several runs in a row: one JSON line `{ title, lines }` for each failure, in the file that DAGSTORE_FAILURES names. */
import { appendFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'

interface ErrorLike {
  readonly name?: string
  readonly message: string
  readonly stack?: string | undefined
  readonly diff?: string | undefined
}

/** The message, the difference if there is one, and where in our code it came from. */
const linesOf = ({ name, message, stack, diff }: ErrorLike): string[] => {
  const place = stack?.split('\n').find((line) => /^\s*at /.test(line) && !/node_modules|node:/.test(line))
  const text = [`${name === undefined || message.startsWith(name) ? '' : `${name}: `}${message}`, diff, place?.trim()].filter((part) => part !== undefined)
  return stripVTControlCharacters(text.join('\n')).split('\n').filter((line) => line.trim() !== '')
}

class Failures implements Reporter {
  // written as they come: a run that is killed has told what it knew
  #tell (title: string, errors: readonly ErrorLike[]): void {
    const path = process.env['DAGSTORE_FAILURES']
    if (path !== undefined) appendFileSync(path, `${JSON.stringify({ title, lines: errors.flatMap(linesOf) })}\n`)
  }

  onTestCaseResult (test: TestCase): void {
    const { state, errors } = test.result()
    if (state === 'failed') this.#tell(`${test.project.name} ${test.module.relativeModuleId} > ${test.fullName}`, errors ?? [])
  }

  onTestSuiteResult (suite: TestSuite): void {
    if (suite.errors().length > 0) this.#tell(`${suite.project.name} ${suite.module.relativeModuleId} > ${suite.fullName}`, suite.errors())
  }

  onTestModuleEnd (module: TestModule): void {
    if (module.errors().length > 0) this.#tell(`${module.project.name} ${module.relativeModuleId}`, module.errors())
  }

  onTestRunEnd (_modules: readonly TestModule[], unhandled: readonly ErrorLike[]): void {
    for (const error of unhandled) this.#tell('an error outside of the tests', [error])
  }
}

export default Failures
