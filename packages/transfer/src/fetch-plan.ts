/** What to ask a source for when a walk needs a block: the rest of a file, what is below the block, or the block alone. */
import type { CID } from 'multiformats/cid'
import type { DagPart } from './dag-source.ts'
import type { Place, WalkMirror } from './walk-mirror.ts'

const RAW = 0x55

export type FetchPlan =
  | { readonly what: 'car', readonly root: CID, readonly part: DagPart }
  /** `next`: those that the walk will ask for behind it, as far as that is known. */
  | { readonly what: 'block', readonly next: readonly CID[] }

const ALONE: FetchPlan = { what: 'block', next: [] }

/** Nothing that the walk has had is asked for again, but blocks on the way to what is wanted. */
export const planFetch = async (cid: CID, root: CID, part: DagPart, mirror: WalkMirror): Promise<FetchPlan> => {
  if (mirror.isEmpty) return cid.equals(root) ? { what: 'car', root, part } : ALONE
  const place = mirror.place(cid)
  const end = await mirror.end()
  const scope = part.scope ?? (part.entityBytes === undefined ? 'all' : 'entity')
  if (end === undefined) return scope === 'block' && place === undefined ? ALONE : { what: 'car', root, part }
  if (cid.equals(end)) return scope === 'block' || cid.code === RAW ? ALONE : { what: 'car', root: cid, part: withoutPath(part) }
  if (scope === 'block') return ALONE
  const rest = place?.file === undefined ? undefined : restOfFile(place.file, part)
  if (rest !== undefined && place !== undefined && (place.rest.length > 1 || cid.code !== RAW)) return rest
  if (scope === 'entity') return ALONE
  return cid.code === RAW ? { what: 'block', next: rawOf(place) } : { what: 'car', root: cid, part: {} }
}

/** What a source that has no CARs is asked for ahead: a block, and those beside it. */
export const planBlocks = (cid: CID, part: DagPart, mirror: WalkMirror): FetchPlan & { readonly what: 'block' } => {
  const place = mirror.isEmpty ? undefined : mirror.place(cid)
  if (place === undefined) return { what: 'block', next: [] }
  const { file, rest } = place
  if (file !== undefined) {
    const last = lastOf(file.rootBytes, part)
    return { what: 'block', next: rest.filter((_, n) => n > 0 && file.restAt[n]! <= last) }
  }
  const isAll = (part.scope ?? 'all') === 'all' && part.entityBytes === undefined && part.path === undefined
  return { what: 'block', next: isAll ? rest.slice(1) : [] }
}

const withoutPath = ({ scope, entityBytes }: DagPart): DagPart => ({ ...scope === undefined ? {} : { scope }, ...entityBytes === undefined ? {} : { entityBytes } })

const rawOf = (place: Place | undefined): readonly CID[] => {
  const after = place?.rest.slice(1) ?? []
  const end = after.findIndex(({ code }) => code !== RAW)
  return end < 0 ? after : after.slice(0, end)
}

const lastOf = (fileBytes: number, { entityBytes }: DagPart): number => {
  const to = entityBytes?.to
  return to === undefined ? Infinity : to < 0 ? fileBytes + to : to
}

const restOfFile = ({ root, rootBytes, at }: NonNullable<Place['file']>, part: DagPart): FetchPlan | undefined => {
  const first = part.entityBytes?.from ?? 0
  const from = Math.max(at, first < 0 ? Math.max(0, rootBytes + first) : first)
  const last = lastOf(rootBytes, part)
  // a part without a byte is in no range
  if (from >= rootBytes || last < from) return undefined
  return { what: 'car', root, part: { scope: 'entity', entityBytes: { from, ...Number.isFinite(last) ? { to: last } : {} } } }
}
