/**
 * A DAG store inside real Helia nodes. Words choose the scenarios whose names have them. The last line is
 * 'N passed, N failed, N skipped'.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const OLDEST_NODE = 22
const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const bin = (name) => join(root, 'node_modules', '.bin', name)

const counts = { passed: 0, failed: 0, skipped: 0 }
const tell = (kind, text) => {
  counts[kind]++
  process.stdout.write(`${{ passed: 'ok  ', failed: 'FAIL', skipped: 'skip' }[kind]} ${text}\n`)
}

const call = (command, args, cwd) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? ''}${stdout}${stderr}`)
}

/** What is not ours comes from the installation, once: ours and Helia share their CIDs. */
const bundle = (entry, outfile) => build({
  entryPoints: [entry], outfile, platform: 'node', bundle: true, format: 'esm', target: 'node22', conditions: ['@dagstore/source'], logLevel: 'error',
  external: ['helia', '@helia/*', '@libp2p/*', 'blockstore-*', 'classic-level', 'multiformats', 'multiformats/*'],
  banner: { js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url)" },
})

/** Helia's own declarations need the DOM, so they are not checked; ours are, against them. */
const checkTypes = (folder) => {
  cpSync(join(here, 'scenarios'), join(folder, 'scenarios'), { recursive: true })
  for (const scope of ['@dagstore', '@dagstore-tooling']) cpSync(join(here, 'node_modules', scope), join(folder, 'node_modules', scope), { recursive: true })
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
    extends: join(root, 'tooling', 'tsconfig', 'check.json'),
    compilerOptions: { lib: ['es2024', 'esnext.disposable', 'dom', 'dom.asynciterable'], typeRoots: [join(root, 'node_modules', '@types')], skipLibCheck: true },
    include: ['scenarios'],
  }))
  call(bin('tsc'), ['-p', folder], root)
}

const run = async (folder, words) => {
  cpSync(join(here, 'install'), folder, { recursive: true })
  call(bin('pnpm'), ['install', '--frozen-lockfile', '--reporter=silent'], folder)
  try {
    checkTypes(folder)
    tell('passed', 'what Helia takes as a blockstore and as a block broker, by its types')
  } catch (error) {
    tell('failed', `types: ${error.message}`)
  }
  const load = async (entry, name) => {
    const script = join(folder, name)
    await bundle(entry, script)
    return import(pathToFileURL(script).href)
  }
  const { TESTS, makeDag } = await load(join(here, 'scenarios', 'all.ts'), 'all.mjs')
  const { Sides } = await load(join(root, 'tooling', 'compositions', 'test', 'two-sides', 'both-sides.ts'), 'sides.mjs')
  const dag = await makeDag()
  for (const [at, { name, run: runTest }] of TESTS.entries()) {
    if (!words.every((word) => name.includes(word))) continue
    const own = join(folder, `test-${at}`)
    mkdirSync(own)
    try {
      await runTest({ folder: own, dag, openSides: (options) => Sides.open(options) })
      tell('passed', name)
    } catch (error) {
      tell('failed', `${name}: ${error.stack}`)
    }
  }
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  tell('skipped', `all of it on Node ${process.versions.node}: Helia 7 needs Node ${OLDEST_NODE} (Promise.withResolvers, undici 8)`)
} else {
  const folder = mkdtempSync(join(tmpdir(), 'dagstore-helia-'))
  try {
    await run(folder, process.argv.slice(2))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`)
// handles that a stopped node leaves behind hold up nobody
process.exit(counts.failed === 0 ? 0 : 1)
