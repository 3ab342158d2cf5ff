/**
 * Install and build, each skipped when its inputs are what they were. What was done last is remembered by fingerprint in
 * `node_modules/.dagstore/`, so removing `node_modules` starts afresh.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { SetupError } from './requirements.mjs'

const stampPath = (root, name) => join(root, 'node_modules', '.dagstore', name)
const readStamp = (root, name) => { try { return readFileSync(stampPath(root, name), 'utf8') } catch { return undefined } }
const writeStamp = (root, name, value) => {
  mkdirSync(dirname(stampPath(root, name)), { recursive: true })
  writeFileSync(stampPath(root, name), value)
}

const folders = (root) => ['packages', 'tooling', 'examples'].flatMap((group) =>
  readdirSync(join(root, group), { withFileTypes: true }).filter((e) => e.isDirectory() && existsSync(join(root, group, e.name, 'package.json'))).map((e) => join(group, e.name)))

/** Contents of the files that decide what is installed. */
const installFingerprint = (root) => {
  const hash = createHash('sha256').update(process.version)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...folders(root).map((f) => join(f, 'package.json'))]) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/** Names, sizes and times of everything that a build reads, and whether its outputs are there. */
const buildFingerprint = (root) => {
  const hash = createHash('sha256')
  const walk = (dir) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) walk(path)
      else {
        const { size, mtimeMs } = statSync(join(root, path))
        hash.update(`${path}\0${size}\0${mtimeMs}\n`)
      }
    }
  }
  walk('tooling/tsconfig')
  for (const folder of folders(root)) {
    if (!existsSync(join(root, folder, 'src'))) continue
    walk(join(folder, 'src'))
    hash.update(readFileSync(join(root, folder, 'package.json')))
    hash.update(existsSync(join(root, folder, 'dist')) ? 'built' : 'missing')
  }
  return hash.digest('hex')
}

/** Run a set-up step; its output is shown on stderr only when it fails or takes part in a terminal session. */
const step = (root, what, command, args) => new Promise((resolve, reject) => {
  process.stderr.write(`dagstore: ${what} …\n`)
  const env = {
    ...process.env,
    PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
    TURBO_TELEMETRY_DISABLED: '1',
    // npm hands its own command line down as npm_config_*; a set-up step must not see the user's flags
    npm_config_json: undefined,
    npm_config_loglevel: undefined,
  }
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  child.on('error', (error) => reject(new SetupError(`${what} could not start: ${error.message}`)))
  child.on('exit', (code) => {
    if (code === 0) return resolve()
    process.stderr.write(Buffer.concat(output))
    reject(new SetupError(`${what} failed (exit code ${code}); the lines above say why`))
  })
})

const pinnedPnpm = (root) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.pnpm

/** Dependencies as the lockfile says, by the pinned pnpm through npx; nothing global, no install scripts. */
export const install = async (root) => {
  const wanted = installFingerprint(root)
  if (readStamp(root, 'installed') === wanted) return
  const npm = process.env.npm_execpath
  if (npm === undefined || !npm.endsWith('.js')) throw new SetupError('run this through npm: npm start, npm test or npm run dagstore')
  await step(root, 'installing dependencies', process.execPath, [npm, 'exec', '--yes', `--package=pnpm@${pinnedPnpm(root)}`, '--', 'pnpm', 'install', '--frozen-lockfile'])
  writeStamp(root, 'installed', wanted)
}

/** Build these packages and what they need; all of them when none is named. */
export const build = async (root, names) => {
  const stamp = names.length === 0 ? 'built' : `built-${names.join('+').replaceAll(/[^a-z+-]/g, '-')}`
  if (readStamp(root, stamp) === buildFingerprint(root)) return
  const filters = names.map((name) => `--filter=${name}...`)
  await step(root, 'building', join(root, 'node_modules', '.bin', 'turbo'), ['run', 'build', '--output-logs=errors-only', ...filters])
  writeStamp(root, stamp, buildFingerprint(root))
}
