/**
 * The entry of `npm start`, `npm test`, `npm run dagstore`, `npm run bench` and `npm run nightly`: brings the checkout up to date (install
 * from the frozen lockfile, build what changed), then runs the job where the user stands. Needs only Node and npm.
 *
 * Everything that the set-up prints goes to stderr; stdout and the exit code belong to the job alone.
 */
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkNode, SetupError } from './requirements.mjs'
import { build, install } from './setup.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const [job, ...args] = process.argv.slice(2)
const userFolder = process.env.INIT_CWD ?? process.cwd()

/** Run one command with the terminal handed through; the exit code, or 130 and the like after a signal. */
const run = (command, commandArgs, cwd) => new Promise((resolve, reject) => {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`
  const child = spawn(command, commandArgs, { cwd, stdio: 'inherit', env: { ...process.env, PATH: path, DAGSTORE_CHECKOUT: root } })
  // the terminal sends the signal to the whole group; waiting for the child keeps its last lines and its exit code
  const onSignal = (signal) => { if (signal === 'SIGTERM') child.kill(signal) }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  child.on('error', reject)
  child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1)))
})

const node = (script, scriptArgs, cwd) => run(process.execPath, [join(root, script), ...scriptArgs], cwd)

const cli = async (cliArgs) => {
  await install(root)
  await build(root, ['@dagstore/cli'])
  return node('packages/cli/dist/bin.js', cliArgs, userFolder)
}

const JOBS = {
  start: () => cli(['demo', ...args]),
  dagstore: () => cli(args),
  test: async () => {
    await install(root)
    await build(root, [])
    const typed = await run('tsc', ['-p', 'tsconfig.json'], root)
    if (typed !== 0) return typed
    return run('vitest', ['run', ...args], root)
  },
  bench: async () => {
    await install(root)
    await build(root, [])
    return node('tooling/benches/run.mjs', args, userFolder)
  },
  nightly: async () => {
    await install(root)
    await build(root, [])
    return node('.ci/checks.mjs', args.length === 0 ? ['node-22-all', 'node-24-all', 'long-forms', 'fuzz', 'helia-26'] : args, root)
  },
}

try {
  checkNode(process.versions.node)
  const main = JOBS[job]
  if (main === undefined) throw new SetupError(`no such job: ${job ?? '(none)'}; use one of ${Object.keys(JOBS).join(', ')}`)
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`dagstore: ${error.message}\n`)
  process.exitCode = 1
}
