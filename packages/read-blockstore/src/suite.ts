/// <reference lib="esnext.disposable" preserve="true" />
/** The tests that every read blockstore passes, whoever wrote it. */
import { abortTests } from './suite/aborts.ts'
import { createBench } from './suite/bench.ts'
import { failureTests } from './suite/failures.ts'
import { iteratingTests } from './suite/iterating.ts'
import { lifecycleTests } from './suite/lifecycle.ts'
import { readingTests } from './suite/reading.ts'
import type { ReadBlockstoreSubject, SuiteApi } from './suite/subject.ts'

export { CAPABILITIES, type Capability, type ReadBlockstoreSubject, type SuiteApi, type SuiteBlock, type SuiteStore } from './suite/subject.ts'

/**
 * Define the tests of a read blockstore: each method by what it answers, by what is absent, by abort (before, during) and by
 * life cycle (open, closing, closed). Errors are told by their codes.
 *
 * @param name - of the group of tests
 * @param api - `{ describe, it, expect }` of the test framework; `it.skip` is used where there is one
 * @throws {TypeError} `subject.lacks` names something that is no capability
 */
export const readBlockstoreSuite = (name: string, api: SuiteApi, subject: ReadBlockstoreSubject): void => {
  const lacks = {
    ...(subject.openUnreadable === undefined ? { unreadable: 'no openUnreadable given' } : {}),
    ...(subject.openDamaged === undefined ? { verify: 'no openDamaged given' } : {}),
    ...subject.lacks,
  }
  const bench = createBench(api, subject, lacks)
  api.describe(`${name}, a read blockstore`, () => {
    readingTests(bench)
    iteratingTests(bench)
    abortTests(bench)
    lifecycleTests(bench)
    failureTests(bench)
    bench.reportLeft()
  })
}
