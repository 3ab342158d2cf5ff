/**
 * Runs one script of a user in every host and compares what they found; then gateways at the edge and before a browser. Names of
 * parts choose. The last line is 'N passed, N failed, N skipped'.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { CannotStart } from './cannot-start.mjs'
import { startServer } from './server.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const HOSTS = ['node', 'workerd', 'chromium']
/** A gateway at the edge, and one that a page reads from. */
const GATEWAYS = ['gateway-worker', 'gateway-page']
const PARTS = [...HOSTS, ...GATEWAYS]
const named = process.argv.slice(2)
const unknown = named.filter((name) => !PARTS.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no such part: ${unknown.join(', ')}; there are ${PARTS.join(', ')}\n`)
  process.exit(2)
}
const parts = named.length === 0 ? PARTS : named

const counts = { passed: 0, failed: 0, skipped: 0 }
const tell = (kind, text) => {
  counts[kind]++
  process.stdout.write(`${{ passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[kind]} ${text}\n`)
}

/** Workers take modules of WebAssembly by import; those who start them put them there. */
const wasmBeside = { name: 'wasm-beside', setup: ({ onResolve }) => { onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path: `./${basename(path)}`, external: true })) } }

const bundle = (entry, outfile, platform) => build({
  entryPoints: [join(here, entry)], outfile, platform, bundle: true, format: 'esm', target: 'es2022', conditions: ['@dagstore/source'], logLevel: 'error',
  ...(platform === 'browser' ? { plugins: [wasmBeside] } : {}),
  ...(platform === 'node' ? { banner: { js: `import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url)` } } : {}),
})

/** The folder where they are; the same packages are installed once. */
const install = (packages, folder) => {
  if (existsSync(folder)) return folder
  mkdirSync(folder)
  if (packages.length === 0) return folder
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error', ...packages], { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
  if (npm.status !== 0) throw new Error(`cannot install ${packages.join(', ')}: ${npm.stderr}`)
  return folder
}

/** `found` by the script in plain JavaScript, and with the modules. */
const check = (found, { blocks, piece, hasWebSocket }, requests) => {
  const once = { good: { 'plain.car': blocks, 'indexed.car': blocks, 'bare.car': blocks }, damaged: 'BLOCKSTORE_HASH_MISMATCH', absent: 'BLOCKSTORE_NOT_FOUND', piece }
  const asked = { keys: ['a', 'b'], deal: '18446744073709551615', events: hasWebSocket ? 5 : -1 }
  const want = JSON.stringify({ ...once, asked })
  if (found.length !== 2 || found.some((one) => JSON.stringify(one) !== want)) throw new Error(`found ${JSON.stringify(found)}`)
  // in each of the two runs one request a block, and a few to open the CAR and its index
  if (!(requests['plain.car'] > 0) || requests['plain.car'] > 2 * (blocks + 5)) throw new Error(`requests ${JSON.stringify(requests)}`)
}

/** `work` gives what to say when it went well; nothing: it has said that itself. */
const attempt = async (name, work) => {
  try {
    const text = await work()
    if (text !== undefined) tell('passed', `${name}: ${text}`)
  } catch (error) {
    if (error instanceof CannotStart) tell('skipped', `${name}: ${error.message}`)
    else tell('failed', `${name}: ${error.message}`)
  }
}

const tryWorker = async (folder, wasm) => {
  const { packages, tryInWorker } = await import('./gateway/in-worker.mjs')
  const own = join(folder, 'gateway-worker')
  mkdirSync(own)
  await bundle('gateway/counting-worker.ts', join(own, 'worker.mjs'), 'browser')
  await bundle('gateway/main.mjs', join(own, 'main.mjs'), 'node')
  await tryInWorker({ installed: install(packages, join(folder, 'miniflare-packages')), script: join(own, 'main.mjs'), bundle: join(own, 'worker.mjs'), wasm: wasm.hashes, folder: own, tell })
}

const tryPage = async (folder, wasm) => {
  const { packages, tryInPage } = await import('./gateway/in-page.mjs')
  const own = join(folder, 'gateway-page')
  mkdirSync(own)
  await bundle('gateway/page.ts', join(own, 'page.mjs'), 'browser')
  await bundle('gateway/served.mjs', join(own, 'served.mjs'), 'node')
  const { startGateways } = await import(pathToFileURL(join(own, 'served.mjs')).href)
  const served = await startGateways()
  const pages = await startServer(new Map(), new Map([
    ['page.html', { type: 'text/html', body: '<!doctype html><title>dagstore</title>' }],
    ['page.mjs', { type: 'text/javascript', body: readFileSync(join(own, 'page.mjs')) }],
    ['hashes.wasm', { type: 'application/wasm', body: readFileSync(wasm.hashes) }],
  ]))
  try {
    return await tryInPage({ installed: install(packages, join(folder, 'chromium-packages')), page: `${pages.base}/page.html`, served })
  } finally {
    await served.close()
    await pages.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'dagstore-edge-'))
try {
  const script = join(folder, 'script.mjs')
  await bundle('script.ts', script, 'browser')
  await bundle('files.mjs', join(folder, 'files.mjs'), 'node')
  await bundle('daemon.mjs', join(folder, 'daemon.mjs'), 'node')
  const { makeFiles } = await import(pathToFileURL(join(folder, 'files.mjs')).href)
  const { startDaemon } = await import(pathToFileURL(join(folder, 'daemon.mjs')).href)
  const { blocks, piece, wanted, files } = await makeFiles()
  const wasm = Object.fromEntries(['hashes', 'piece'].map((name) => [name, join(here, '..', '..', 'packages', name, `${name}.wasm`)]))
  const server = await startServer(files, new Map([
    ['page.html', { type: 'text/html', body: '<!doctype html><title>dagstore</title>' }],
    ['script.mjs', { type: 'text/javascript', body: readFileSync(script) }],
    ...Object.entries(wasm).map(([name, path]) => [`${name}.wasm`, { type: 'application/wasm', body: readFileSync(path) }]),
  ]))
  const daemon = await startDaemon(server.base)
  files.set('wanted.json', Buffer.from(JSON.stringify({ ...wanted, rpc: daemon.rpc })))
  try {
    for (const name of parts.filter((part) => HOSTS.includes(part))) {
      await attempt(name, async () => {
        const { packages, runIn } = await import(`./hosts/${name}.mjs`)
        const installed = install(packages, join(folder, `${name}-packages`))
        mkdirSync(join(folder, name))
        server.takeCounts()
        const found = await runIn({ bundle: script, base: server.base, folder: join(folder, name), installed, wasm })
        const requests = server.takeCounts()
        check(found, { blocks, piece, hasWebSocket: name !== 'node' || typeof WebSocket !== 'undefined' }, requests)
        return `${blocks} blocks from each of 3 CARs and a piece CID, plain and by WebAssembly; damage and absence told apart; a daemon asked from another origin; requests ${JSON.stringify(requests)}`
      })
    }
    if (parts.includes('gateway-worker')) await attempt('gateway-worker', () => tryWorker(folder, wasm))
    if (parts.includes('gateway-page')) await attempt('gateway-page', () => tryPage(folder, wasm))
  } finally {
    await daemon.close()
    await server.close()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
