/**
 * Measures several ways to do the same work in one process, turn by turn, so that a noisy moment hits all of them.
 *
 * A case is `{ name, role, run }`: `role` is `ours`, `peer` (another library) or `floor` (what the machine needs at least);
 * `run` does all of the work once. `prepare`, if given, runs before it, unmeasured; `details` tells more of all runs when they are
 * over: `p50Ms`, `p99Ms`, `firstByteMs`, where one run does many requests. Each turn begins with a full garbage collection and
 * `warmUps` runs that are not counted.
 */
import { performance } from 'node:perf_hooks'

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const summary = (times) => ({ median: median(times), min: Math.min(...times), max: Math.max(...times) })

/** Times in milliseconds by case name; every round starts with another case. */
const interleave = async (cases, rounds, warmUps) => {
  const times = new Map(cases.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < cases.length; i++) {
      const { name, run, prepare } = cases[(i + round) % cases.length]
      await prepare?.()
      // the garbage of others goes, and with it compiled code that a process at work would still have: runs that do not count bring it back
      globalThis.gc?.()
      for (let n = 0; n < warmUps; n++) {
        await run()
        await prepare?.()
      }
      globalThis.gc?.({ type: 'minor' })
      const start = performance.now()
      await run()
      times.get(name).push(performance.now() - start)
    }
  }
  return times
}

/**
 * Measure one comparison.
 *
 * @param what - what the work is, for people
 * @param work - how much one run does: `{ bytes }`, `{ items }` or both; rates are derived from it
 * @param cases - at least one of them `ours`
 * @param wanted - goals, as `{ name: ours, against: other, atLeast: ratio }`; reported, never asserted
 * @param measured - times in milliseconds of cases that another process measured: `{ name, role, times }`
 */
export const compare = async ({ what, work = {}, cases, wanted = [], rounds = 5, warmUps = 1, measured = [] }) => {
  const times = await interleave(cases, rounds, warmUps)
  const all = [...cases.map(({ name, role, details }) => ({ name, role, times: times.get(name), details })), ...measured]
  const figures = all.map(({ name, role, times: own, details }) => {
    const ms = summary(own)
    return {
      name,
      role,
      ms,
      ...(work.bytes === undefined ? {} : { mibPerSecond: work.bytes / 1048576 / (ms.median / 1000) }),
      ...(work.items === undefined ? {} : { itemsPerSecond: work.items / (ms.median / 1000) }),
      ...details?.(),
    }
  })
  const speed = (name) => 1 / figures.find((figure) => figure.name === name).ms.median
  const others = figures.filter(({ role }) => role !== 'ours')
  const ratios = figures.filter(({ role }) => role === 'ours').flatMap((ours) => others.map((other) => {
    const goal = wanted.find(({ name, against }) => name === ours.name && against === other.name)
    return { name: ours.name, against: other.name, ratio: speed(ours.name) / speed(other.name), ...(goal === undefined ? {} : { wanted: goal.atLeast }) }
  }))
  return { kind: 'time', what, work, rounds, figures, ratios }
}

/**
 * Amounts that are no times: bytes of memory, requests, bytes on disk.
 *
 * @param figures - `{ name, role, value, atMost? }`; `atMost` is the goal, reported, never asserted
 */
export const amounts = ({ what, unit, figures }) => ({ kind: 'amount', what, unit, figures })
