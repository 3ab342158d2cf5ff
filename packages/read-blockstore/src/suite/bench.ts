/** What the tests of the suite stand on: a store opened for one test, tests that may be skipped, outcomes of calls. */
import { makeSuiteBlocks, type SuiteBlocks } from './blocks.ts'
import { CAPABILITIES, type Capability, type ReadBlockstoreSubject, type SuiteApi, type SuiteBlock, type SuiteStore } from './subject.ts'

export type Outcome = { readonly value: unknown } | { readonly error: unknown }

export interface Bench {
  /** A group of tests; none when all of them are left out. */
  describe(name: string, body: () => void): void
  readonly expect: SuiteApi['expect']
  readonly subject: ReadBlockstoreSubject
  lacks(capability: Capability): boolean
  /** A test that needs nothing special, or these capabilities. */
  test(name: string, body: (blocks: SuiteBlocks) => Promise<void>, needs?: readonly (Capability | undefined)[]): void
  /** One skipped test for each capability that is lacking and was needed, with the reason in its name. */
  reportLeft(): void
  /** Run with a store that holds `blocks`, and close it. */
  withStore(blocks: readonly SuiteBlock[], body: (store: SuiteStore) => Promise<void>, open?: ReadBlockstoreSubject['open']): Promise<void>
  /** The call must fail, with this code. */
  fails(code: string, call: () => unknown): Promise<void>
  /** The call must fail with exactly this value: the reason of a signal. */
  failsWith(reason: unknown, call: () => unknown): Promise<void>
}

/** What becomes of a call, whether it throws, rejects or answers. */
export const outcomeOf = async (call: () => unknown): Promise<Outcome> => {
  try {
    return { value: await call() }
  } catch (error) {
    return { error }
  }
}

/** The code of an error; of anything else a text that is no code. */
export const codeOf = (error: unknown): string => {
  if (typeof error !== 'object' || error === null) return `no error: ${String(error)}`
  if ('code' in error && typeof error.code === 'string') return error.code
  return `no code: ${String(error)}`
}

export const createBench = ({ describe, it, expect }: SuiteApi, subject: ReadBlockstoreSubject, lacks: Readonly<Record<string, string>>): Bench => {
  const lacking = new Map(Object.entries(lacks))
  for (const name of lacking.keys()) {
    if (!Object.hasOwn(CAPABILITIES, name)) throw new TypeError(`no such capability; got=${name} known=${Object.keys(CAPABILITIES).join()}`)
  }
  const left = new Map<Capability, number>()
  /** What is to be defined in the group whose body runs. */
  let group: (() => void)[] = []
  let blocks: Promise<SuiteBlocks> | undefined
  const shown = (outcome: Outcome): string => 'value' in outcome ? `an answer: ${String(outcome.value)}` : codeOf(outcome.error)
  return {
    describe: (name, body) => {
      const outer = group
      const inner: (() => void)[] = group = []
      body()
      group = outer
      // test frameworks refuse a group without tests
      if (inner.length > 0) describe(name, () => { for (const define of inner) define() })
    },
    expect,
    subject,
    lacks: (capability) => lacking.has(capability),
    test: (name, body, needs = []) => {
      const missing = needs.find((capability) => capability !== undefined && lacking.has(capability))
      if (missing === undefined) group.push(() => it(name, async () => body(await (blocks ??= makeSuiteBlocks()))))
      else left.set(missing, (left.get(missing) ?? 0) + 1)
    },
    reportLeft: () => {
      for (const [capability, count] of left) it.skip?.(`${count} tests of ${CAPABILITIES[capability]} (${capability}): ${lacking.get(capability)}`, async () => {})
    },
    withStore: async (held, body, open = (wanted) => subject.open(wanted)) => {
      const store = await open(held)
      try {
        await body(store)
      } finally {
        await store[Symbol.asyncDispose]?.()
      }
    },
    fails: async (code, call) => {
      expect(shown(await outcomeOf(call))).toBe(code)
    },
    failsWith: async (reason, call) => {
      const outcome = await outcomeOf(call)
      expect('error' in outcome && outcome.error === reason ? 'the reason' : shown(outcome)).toBe('the reason')
    },
  }
}
