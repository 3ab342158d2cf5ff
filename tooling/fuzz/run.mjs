/**
 * Feeds everything that is parsed with damaged bytes, from a seed.
 *
 *     node tooling/fuzz/run.mjs --count 1000000 --seed S [--target NAME] [--threads N]
 *     node tooling/fuzz/run.mjs --seed S --target NAME --only INDEX     one input again, made shorter
 *
 * `--count` inputs are shared out among the targets. Each must end in a result or in an error with a code of ours, within
 * bounds on reads and allocations; one that does not is printed with its seed, and the exit code is 1. So is one that does
 * not end within a minute. Runs on the built packages.
 */
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { build } from '../bootstrap/setup.mjs'

const STUCK_MS = 60_000
const HEAP_MIB = 1024

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', multiple: true },
    threads: { type: 'string', default: String(availableParallelism()) },
    only: { type: 'string' },
  },
})

const here = dirname(fileURLToPath(import.meta.url))
await build(join(here, '..', '..'), [])
const { targets } = await import('./src/targets.mjs')
const unknown = (values.target ?? []).filter((name) => !targets.some((target) => target.name === name))
if (unknown.length > 0) {
  console.error(`no such target: ${unknown.join(', ')}; there are ${targets.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const names = values.target ?? targets.map(({ name }) => name)
const { seed } = values

const again = async (name, index) => {
  const { minimize, runInput } = await import('./src/engine.mjs')
  const target = targets.find((one) => one.name === name)
  const { outcome, fault, stack, bytes, item, meter } = await runInput(target, seed, index)
  console.log(`${name} ${seed}/${index}, from '${item.name}', ${bytes.byteLength} bytes: ${outcome}; ${JSON.stringify(meter)}`)
  if (fault === undefined) return
  const shortest = await minimize(target, seed, index)
  console.log(`${fault}\n${stack ?? ''}\n${shortest.byteLength} bytes: ${Buffer.from(shortest).toString('hex')}`)
  process.exitCode = 1
}

const threads = Number(values.threads)
const perTarget = Math.ceil(Number(values.count) / names.length)
const totals = new Map(names.map((name) => [name, { outcomes: {}, most: {}, ms: 0 }]))
const seen = new Set()
let faults = 0

const report = ({ name, index, fault, stack, item, hex }) => {
  faults++
  const kind = `${name} ${fault.replaceAll(/\d+/g, '#')}`
  if (seen.has(kind)) return
  seen.add(kind)
  console.log(`\nFAULT ${name}, seed ${seed}, input ${index}, from '${item}': ${fault}\n${stack ?? ''}\n${hex.slice(0, 400)}${hex.length > 400 ? '…' : ''}`)
}

const add = ({ name, outcomes, most, ms }) => {
  const total = totals.get(name)
  for (const [outcome, count] of Object.entries(outcomes)) total.outcomes[outcome] = (total.outcomes[outcome] ?? 0) + count
  for (const [key, value] of Object.entries(most)) total.most[key] = Math.max(total.most[key] ?? 0, value)
  total.ms = Math.max(total.ms, ms)
}

const runThread = (thread) => new Promise((resolve, reject) => {
  const progress = new SharedArrayBuffer(12)
  const at = new Int32Array(progress)
  const worker = new Worker(join(here, 'src', 'worker.mjs'), {
    workerData: { names, seed, count: perTarget, thread, threads, progress },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  })
  const where = () => `${targets[at[0]]?.name}, seed ${seed}, input ${at[1]}`
  let last = -1
  const watch = setInterval(() => {
    if (at[2] !== last) { last = at[2]; return }
    clearInterval(watch)
    void worker.terminate()
    reject(new Error(`does not end: ${where()}`))
  }, STUCK_MS)
  worker.on('message', (message) => { if (message.kind === 'fault') report(message); else add(message) })
  worker.on('error', (error) => { clearInterval(watch); reject(new Error(`${where()}: ${error.message}`, { cause: error })) })
  worker.on('exit', () => { clearInterval(watch); resolve() })
})

if (values.only !== undefined) {
  await again(names[0], Number(values.only))
} else {
  const start = performance.now()
  const ends = await Promise.allSettled(Array.from({ length: threads }, (_, thread) => runThread(thread)))
  for (const { status, reason } of ends) {
    if (status === 'fulfilled') continue
    faults++
    console.log(`\nFAULT ${reason.message}`)
  }
  let inputs = 0
  for (const [name, { outcomes, most, ms }] of totals) {
    const count = Object.values(outcomes).reduce((sum, value) => sum + value, 0)
    inputs += count
    const listed = Object.entries(outcomes).sort(([, a], [, b]) => b - a).map(([outcome, value]) => `${outcome} ${value}`).join(', ')
    console.log(`${name}: ${count} inputs, ${Math.round(count / (ms / 1000))} a second; at most ${most.reads} reads, ${most.readBytes} bytes read, ${most.allocatedBytes} allocated\n  ${listed}`)
  }
  const seconds = (performance.now() - start) / 1000
  console.log(`${inputs} inputs in ${seconds.toFixed(0)} s, ${Math.round(inputs / seconds)} a second, seed ${seed}`)
  console.log(`${inputs - faults} passed, ${faults} failed`)
  if (faults > 0) process.exitCode = 1
}
