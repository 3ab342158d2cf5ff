/** Asks another gateway and ours the same, and holds the answers against each other. */
import { type Asked, type Seen, seen } from './gateway-asked.ts'
import { ask } from './gateway-world.ts'

export interface Difference {
  readonly name: string
  /** Whether it applies, by what was asked and what the other gateway answers. */
  readonly when: (asked: Asked, theirs: Seen) => boolean
  /** Ours, made of theirs, or of what the other gateway answers to something else. */
  readonly ours: (theirs: Seen, asked: Asked, again: (asked: Asked) => Promise<Seen>) => Seen | Promise<Seen>
}

export interface Compared {
  /** Answers of ours that are neither theirs nor what the differences make of them. */
  readonly unexplained: readonly unknown[]
  /** Differences that are no more, by name. */
  readonly unused: readonly string[]
}

export interface Comparison {
  /** URLs */
  readonly theirs: string
  readonly ours: string
  readonly all: readonly Asked[]
  readonly differences: readonly Difference[]
  /** What says the same to the other gateway. @default as it is */
  readonly inTheirWords?: (asked: Asked) => Asked
  /** What of an answer is compared. @default all */
  readonly compared?: (seen: Seen) => Seen
}

export const compareGateways = async ({ theirs, ours, all, differences, inTheirWords = (asked) => asked, compared = (one) => one }: Comparison): Promise<Compared> => {
  const askOther = async (asked: Asked): Promise<Seen> => {
    const { target, headers, method } = inTheirWords(asked)
    return compared(await seen(asked, await ask(theirs, target, headers, method)))
  }
  const used = new Set<string>()
  const unexplained: unknown[] = []
  for (const asked of all) {
    const their = await askOther(asked)
    const our = compared(await seen(asked, await ask(ours, asked.target, asked.headers, asked.method)))
    const meant = differences.filter(({ when }) => when(asked, their))
    for (const { name } of meant) used.add(name)
    let wanted = their
    for (const difference of meant) wanted = await difference.ours(wanted, asked, askOther)
    if (!isSame(our, wanted)) unexplained.push({ asked, theirs: their, ours: our, wanted, meant: meant.map(({ name }) => name) })
  }
  return { unexplained, unused: differences.map(({ name }) => name).filter((name) => !used.has(name)) }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))

const sorted = (value: unknown): unknown => (value !== null && typeof value === 'object' && !Array.isArray(value)
  ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, v]) => [key, sorted(v)]))
  : value)
