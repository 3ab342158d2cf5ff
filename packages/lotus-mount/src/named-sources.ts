/** Sources under names of their own. */
import type { PieceSource } from './piece-loader.ts'

/** Cheapest first. Names tell them apart, in messages and in what is remembered of them. */
export const withNames = (sources: readonly PieceSource[]): readonly PieceSource[] => {
  const seen = new Map<string, number>()
  return sources.toSorted((a, b) => a.cost - b.cost).map((source) => {
    const count = (seen.get(source.name) ?? 0) + 1
    seen.set(source.name, count)
    return count === 1 ? source : renamed(source, `${source.name} (${count})`)
  })
}

const renamed = (source: PieceSource, name: string): PieceSource => ({
  name,
  cost: source.cost,
  absenceTtlMs: source.absenceTtlMs,
  stat: (...call) => source.stat(...call),
  open: (...call) => source.open(...call),
  ...(source.sizes === undefined ? {} : { sizes: (...call) => source.sizes!(...call) }),
  ...(source.unseal === undefined ? {} : { unseal: (...call) => source.unseal!(...call) }),
  ...(source.explain === undefined ? {} : { explain: (...call) => source.explain!(...call) }),
})
