/** One thread of a run: takes every n-th input, says which one it is at, and reports what is wrong. */
import { parentPort, workerData } from 'node:worker_threads'
import { runInput } from './engine.mjs'
import { targets } from './targets.mjs'

const { names, seed, count, thread, threads, progress } = workerData
const at = new Int32Array(progress)

for (const name of names) {
  const target = targets.find((one) => one.name === name)
  const position = targets.indexOf(target)
  const outcomes = {}
  const most = { reads: 0, readBytes: 0, allocatedBytes: 0 }
  const start = performance.now()
  for (let index = thread; index < count; index += threads) {
    Atomics.store(at, 0, position)
    Atomics.store(at, 1, index)
    Atomics.add(at, 2, 1)
    const { outcome, fault, stack, bytes, item, meter } = await runInput(target, seed, index)
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    for (const key of Object.keys(most)) most[key] = Math.max(most[key], meter[key])
    if (fault !== undefined) parentPort.postMessage({ kind: 'fault', name, index, fault, stack, item: item.name, hex: Buffer.from(bytes).toString('hex') })
  }
  parentPort.postMessage({ kind: 'done', name, outcomes, most, ms: performance.now() - start })
}
