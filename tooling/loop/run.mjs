/**
 * Runs the built `dagstore demo` in processes of its own: every kind of input must come back identical, a second run must
 * recognise everything, bad input must give one sentence and leave the other items intact, and a run that was killed or
 * interrupted anywhere must complete when it is run again (`cuts.mjs`). And the commands on a store (`commands.mjs`), and client and
 * provider as two daemons (`sides.mjs`).
 *
 * `--small` leaves out the 1 GiB file and the 10,000 files; `--sides` is the two daemons alone, `--long` with each death by itself. The last line is 'N passed, N failed, N skipped'.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { runCommands } from './commands.mjs'
import { cuts } from './cuts.mjs'
import { makeBad, makeGood } from './inputs.mjs'
import { runSides } from './sides.mjs'

const bin = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'packages', 'cli', 'dist', 'bin.js')
const [small, long, onlySides] = ['--small', '--long', '--sides'].map((option) => process.argv.includes(option))
const folder = mkdtempSync(join(tmpdir(), 'dagstore-loop-'))
const counts = { passed: 0, failed: 0, skipped: 0 }

const report = (ok, name, detail = '') => {
  counts[ok ? 'passed' : 'failed']++
  process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${detail}`}\n`)
}
/** What this machine cannot do; counted, with its reason. */
class Skipped extends Error {}
const attempt = async (name, work) => {
  try {
    report(true, name, await work() ?? '')
  } catch (error) {
    if (error instanceof Skipped) {
      counts.skipped++
      process.stdout.write(`skip ${name}: ${error.message}\n`)
      return
    }
    report(false, name, error.message)
  }
}
const must = (condition, text) => { if (!condition) throw new Error(text) }

/** One run of the command; `killAfterMs` ends it with `signal`, counted from its start or from when stderr has `killAt`. */
const dagstore = (args, { killAfterMs, killAt, signal = 'SIGKILL' } = {}) => new Promise((resolve, reject) => {
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => { out.stdout += chunk })
  let timer
  const begin = () => { timer ??= killAfterMs === undefined ? undefined : setTimeout(() => child.kill(signal), killAfterMs) }
  child.stderr.on('data', (chunk) => {
    out.stderr += chunk
    if (killAt !== undefined && out.stderr.includes(killAt)) begin()
  })
  if (killAt === undefined) begin()
  child.on('error', reject)
  child.on('close', (code, died) => { clearTimeout(timer); resolve({ ...out, code, died }) })
})
const document = (run) => {
  try {
    return JSON.parse(run.stdout)
  } catch {
    throw new Error(`stdout is not one JSON document; exit=${run.code} stderr=${run.stderr.slice(-600)}`)
  }
}

const loop = { attempt, must, dagstore, document, folder, bin, small, long, Skipped }

const runDemo = async () => {
  const goodFolder = join(folder, 'good')
  mkdirSync(goodFolder)
  const good = makeGood(goodFolder, { small })

  // everything in one run, so that small pieces share sectors
  let first
  await attempt('one run over all inputs', async () => {
    first = await dagstore(['demo', '--root', 'store', '--json', ...good.map(({ path }) => path)])
    must(first.code === 0, `exit ${first.code}; ${first.stderr.slice(-800)}`)
    must(document(first).ok === true, 'ok is not true')
  })
  const items = new Map((first?.stdout ? document(first).items : []).map((item) => [item.input.path, item]))
  for (const { name, path, check } of good) {
    await attempt(name, () => {
      const item = items.get(path)
      must(item?.identical === true, `not identical: ${JSON.stringify(item?.error ?? item)}`)
      must(item.index.entries >= 0 && item.index.codec === '0x0401', 'no index')
      must(item.shard.state === 'ShardStateAvailable', item.shard.state)
      must(item.sector.offsetPadded % item.sector.lengthPadded === 0, 'the piece is not aligned')
      must(item.sector.allocatedBytes <= Math.max(item.sector.sizeBytes, 1 << 16), 'the sector file has no holes')
      check?.(item, must)
      return `${item.pieceCid.slice(0, 20)}…, ${item.index.entries} entries, ${Math.round(item.steps.reduce((sum, step) => sum + step.ms, 0))} ms`
    })
  }
  await attempt('small pieces share a sector at offsets aligned to their size', () => {
    const bySector = Map.groupBy ? Map.groupBy([...items.values()], (item) => item.sector.path) : groupBy([...items.values()], (item) => item.sector.path)
    must([...bySector.values()].some((group) => new Set(group.map((item) => item.sector.offsetPadded)).size > 1), 'no sector holds two pieces')
  })

  await attempt('a second run recognises what is there', async () => {
    const again = await dagstore(['demo', '--root', 'store', '--json', ...good.map(({ path }) => path)])
    must(again.code === 0, `exit ${again.code}; ${again.stderr.slice(-800)}`)
    for (const item of document(again).items) {
      for (const step of item.steps) {
        if (['import', 'piece', 'deal', 'transfer', 'sector', 'shard', 'retrieve'].includes(step.name)) must(step.reused, `${item.input.path}: ${step.name} was done again`)
      }
    }
  })

  await attempt('list-shards lists every piece once, all available', async () => {
    const listed = document(await dagstore(['list-shards', '--root', 'store', '--json']))
    const keys = new Set([...items.values()].map((item) => item.pieceCid))
    must(JSON.stringify(listed.map((shard) => shard.Key)) === JSON.stringify([...keys].sort()), `other keys: ${listed.length} instead of ${keys.size}`)
    must(listed.every((shard) => shard.State === 'ShardStateAvailable'), 'not all available')
  })

  const badFolder = join(folder, 'bad')
  mkdirSync(badFolder)
  const fine = good.find(({ name }) => name === 'a CARv1')
  for (const { name, path, expect } of makeBad(badFolder)) {
    await attempt(`bad input: ${name}`, async () => {
      const run = await dagstore(['demo', '--root', 'store', '--json', path, fine.path])
      must(run.code === 1, `exit ${run.code}`)
      const [broken, later] = document(run).items
      must(broken.identical === false && typeof broken.error.message === 'string', 'no error in the document')
      must(broken.error.message.includes(path), `the sentence does not name the file: ${broken.error.message}`)
      must(!run.stderr.includes('    at '), 'a stack trace without --debug')
      must(expect === undefined || expect.test(broken.error.message), `another sentence: ${broken.error.message}`)
      must(later.identical === true, 'the later item did not run')
      return broken.error.message
    })
  }

  await attempt('wrong usage exits with 2', async () => {
    for (const args of [['demo', '--no-such-option'], ['no-such-command'], ['car', 'get-block'], ['car', 'inspect', '--no-such-option']]) {
      const run = await dagstore(args)
      must(run.code === 2, `${args.join(' ')} exits with ${run.code}`)
      must(run.stdout === '', `${args.join(' ')} printed on stdout`)
    }
  })

  await attempt('a full disk is told in one sentence, and earlier and later items stay intact', async () => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk]).status !== 0) throw new Skipped('a small disk can be mounted by root only')
    try {
      const paths = [['small-1', 20_000], ['too-large', 3_000_000], ['far-too-large', 9_000_000], ['small-2', 30_000]].map(([name, size], seed) => {
        const path = join(folder, name)
        writeFileSync(path, seededBytes(seed + 70, size))
        return path
      })
      const run = await dagstore(['demo', '--root', join('disk', 'store'), '--json', ...paths])
      must(run.code === 1, `exit ${run.code}`)
      const full = document(run).items
      must(full.map((item) => item.identical).join() === 'true,false,false,true', JSON.stringify(full.map((item) => item.error ?? item.identical)))
      for (const item of full.slice(1, 3)) must(item.error.code === 'IO_FULL' && item.error.message.startsWith(item.input.path), JSON.stringify(item.error))
      must(document(await dagstore(['list-shards', '--root', join('disk', 'store'), '--json'])).length === 2, 'not two shards')
      return full[2].error.message
    } finally {
      spawnSync('umount', [disk])
    }
  })
}

try {
  // each has roots of its own, so two may run at a time
  const parts = onlySides ? [runSides] : [runDemo, runCommands, runSides, ...cuts]
  const worker = async () => { for (let part = parts.shift(); part !== undefined; part = parts.shift()) await part(loop) }
  const ends = await Promise.allSettled([worker(), worker()])
  for (const { reason } of ends) if (reason !== undefined) throw reason
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
process.exitCode = counts.failed === 0 ? 0 : 1

function groupBy (list, keyOf) {
  const groups = new Map()
  for (const item of list) groups.set(keyOf(item), [...groups.get(keyOf(item)) ?? [], item])
  return groups
}
