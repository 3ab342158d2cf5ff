/** Runs inputs against a target and judges how each ended. */
import { seededRandom } from '@dagstore-tooling/testkit'
import { countAllocations, LimitError, Meter } from './meter.mjs'
import { mutate } from './mutate.mjs'

/** What a target throws when a result contradicts what is known about the input. */
export class Violation extends Error {
  name = 'Violation'
}

/** @throws {Violation} */
export const must = (condition, what) => {
  if (!condition) throw new Violation(what)
}

const OUR_CODE = /^(?:BLOCKSTORE|CARV2|DAG|HASH|PIECE|SECTOR|WRITABLE_CAR)_[A-Z0-9_]+$/

/** Why an error is not one that a user may get from these bytes; `undefined`: it is. */
export const faultOf = (error) => {
  if (error instanceof Violation) return `wrong result: ${error.message}`
  if (error instanceof LimitError) return error.message
  if (!(error instanceof Error)) return `thrown: ${String(error)}`
  if (typeof error.code !== 'string') return `${error.name} without code: ${error.message}`
  // the sources here never fail, so such an error comes from a read that nobody checked
  if (!OUR_CODE.test(error.code)) return `${error.name} ${error.code}: ${error.message}`
  return undefined
}

/** The bytes of one input: whole ones of the corpus come first, then damaged ones. */
export const inputOf = (target, seed, index) => {
  const random = seededRandom(`${seed}/${target.name}/${index}`)
  const { corpus } = target
  if (index < corpus.length) return { random, item: corpus[index], bytes: corpus[index].bytes }
  const item = random.pick(corpus)
  const damaged = mutate(random, item.bytes, item.hot ?? [], random.pick(corpus).bytes)
  return { random, item, bytes: target.seal !== undefined && random.chance(0.5) ? target.seal(damaged) : damaged }
}

/**
 * Run these bytes.
 *
 * @returns `{ outcome, fault }`: `outcome` is 'result' or a code, `fault` is `undefined` or says what is wrong
 */
export const runBytes = async (target, bytes, random, item) => {
  const meter = new Meter()
  const stop = countAllocations((count) => { meter.allocatedBytes += count })
  let outcome = 'result'
  let fault
  let stack
  try {
    await target.run(bytes, { random, meter, item })
  } catch (error) {
    outcome = error?.code ?? error?.name ?? 'unknown'
    fault = faultOf(error)
    if (fault !== undefined) stack = error?.stack
  } finally {
    stop()
  }
  fault ??= meter.excess(bytes.byteLength)
  return { outcome, fault, stack, meter }
}

/** Run input number `index` of `seed`. */
export const runInput = async (target, seed, index) => {
  const { random, item, bytes } = inputOf(target, seed, index)
  return { bytes, item, ...await runBytes(target, bytes, random.fork('run'), item) }
}

/**
 * A shorter input with the same kind of fault: pieces are taken out, then bytes made zero, as long as it stays wrong.
 *
 * @param tries - runs at most
 */
export const minimize = async (target, seed, index, tries = 2000) => {
  const { random, item, bytes } = inputOf(target, seed, index)
  const label = random.seed
  const kind = (fault) => fault?.replaceAll(/\d+/g, '#')
  const run = async (candidate) => kind((await runBytes(target, candidate, seededRandom(label).fork('run'), item)).fault)
  const wanted = await run(bytes)
  if (wanted === undefined) return bytes
  let best = bytes
  let left = tries
  for (let size = Math.max(1, best.byteLength >> 1); size >= 1 && left > 0; size >>= 1) {
    for (let at = 0; at < best.byteLength && left > 0; left--) {
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)])
      if (await run(candidate) === wanted) best = candidate
      else at += size
    }
  }
  for (let at = 0; at < best.byteLength && left > 0; at++) {
    if (best[at] === 0) continue
    left--
    const candidate = best.slice()
    candidate[at] = 0
    if (await run(candidate) === wanted) best = candidate
  }
  return best
}
