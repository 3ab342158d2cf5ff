/**
 * Memory of a piece of work, measured in a process of its own that does nothing else.
 *
 * A child is a module whose last statement is `measured(import.meta.url, work)`; the parent calls `inChild` with its address
 * and arguments.
 */
import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { argv, memoryUsage, resourceUsage, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'

const MIB = 2 ** 20

const collect = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
}

/**
 * In the child: run `work(args)` once. Its result goes to the parent beside what it cost; while `work` holds what it made
 * (a result's `hold`), live memory is counted.
 */
export const measured = async (url, work) => {
  if (argv[1] !== fileURLToPath(url)) return
  await collect()
  const before = memoryUsage()
  const start = performance.now()
  const { hold, ...result } = await work(JSON.parse(argv[2]))
  const ms = performance.now() - start
  const peakMiB = (resourceUsage().maxRSS * 1024 - before.rss) / MIB
  await collect()
  const after = memoryUsage()
  const live = {
    rssMiB: (after.rss - before.rss) / MIB,
    heapMiB: (after.heapUsed - before.heapUsed) / MIB,
    buffersMiB: (after.external - before.external) / MIB,
  }
  await hold?.()
  stdout.write(`${JSON.stringify({ ...result, ms, peakMiB, live })}\n`)
}

/**
 * Run the child module at `url` with `args`.
 *
 * @returns what its work gave, `ms`, `peakMiB` (highest resident memory above that before the work) and `live` (resident
 *   memory, JavaScript heap and buffers above those before, after a collection, with what the work holds)
 */
export const inChild = async (url, args) => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(url), JSON.stringify(args)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  const complaints = []
  child.stderr.on('data', (chunk) => complaints.push(chunk))
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.on('error', reject)
  child.on('close', (code, signal) => {
    if (code === 0) resolve(JSON.parse(Buffer.concat(output).toString()))
    else reject(new Error(`child ended; code=${code} signal=${signal} module=${String(url)}\n${Buffer.concat(complaints).toString()}`))
  })
})
