/**
 * Runs one script of a user in every host and compares what they found. Names of hosts choose. The last line is
 * 'N passed, N failed, N skipped'.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { CannotStart } from './cannot-start.mjs'
import { startServer } from './server.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const HOSTS = ['node', 'workerd', 'chromium']
const hosts = process.argv.slice(2)
const unknown = hosts.filter((name) => !HOSTS.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no such host: ${unknown.join(', ')}; there are ${HOSTS.join(', ')}\n`)
  process.exit(2)
}

const counts = { passed: 0, failed: 0, skipped: 0 }
const tell = (kind, text) => {
  counts[kind]++
  process.stdout.write(`${{ passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[kind]} ${text}\n`)
}

const bundle = (entry, outfile, platform) => build({
  entryPoints: [join(here, entry)], outfile, platform, bundle: true, format: 'esm', target: 'es2022', conditions: ['@dagstore/source'], logLevel: 'error',
  ...(platform === 'node' ? { banner: { js: `import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url)` } } : {}),
})

const install = (packages, folder) => {
  mkdirSync(folder)
  if (packages.length === 0) return
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error', ...packages], { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
  if (npm.status !== 0) throw new Error(`cannot install ${packages.join(', ')}: ${npm.stderr}`)
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
    for (const name of hosts.length === 0 ? HOSTS : hosts) {
      const { packages, runIn } = await import(`./hosts/${name}.mjs`)
      try {
        const installed = join(folder, `${name}-packages`)
        install(packages, installed)
        mkdirSync(join(folder, name))
        server.takeCounts()
        const found = await runIn({ bundle: script, base: server.base, folder: join(folder, name), installed, wasm })
        const requests = server.takeCounts()
        check(found, { blocks, piece, hasWebSocket: name !== 'node' || typeof WebSocket !== 'undefined' }, requests)
        tell('passed', `${name}: ${blocks} blocks from each of 3 CARs and a piece CID, plain and by WebAssembly; damage and absence told apart; a daemon asked from another origin; requests ${JSON.stringify(requests)}`)
      } catch (error) {
        if (error instanceof CannotStart) tell('skipped', `${name}: ${error.message}`)
        else tell('failed', `${name}: ${error.message}`)
      }
    }
  } finally {
    await daemon.close()
    await server.close()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1
