/** Child processes with their output kept, and a few of them at a time. */
import { spawn } from 'node:child_process'

/** What a user's shell would hand over: nothing of the npm or vitest run that we are part of. */
const cleanEnvironment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|VITEST|NODE_OPTIONS|NODE_ENV$)/.test(name)))

/** A command that did not end with 0; its message ends with what it printed. */
export class CommandError extends Error {
  name = 'CommandError'
}

/** Run to the end; stdout as text. Throws {@link CommandError} when it ends with anything but 0. */
export const run = (command, args, { cwd, env = {} } = {}) => new Promise((resolve, reject) => {
  const child = spawn(command, args, { cwd, env: { ...cleanEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout = []
  const both = []
  child.stdout.on('data', (chunk) => { stdout.push(chunk); both.push(chunk) })
  child.stderr.on('data', (chunk) => both.push(chunk))
  child.on('error', reject)
  child.on('close', (code, signal) => {
    if (code === 0) return resolve(Buffer.concat(stdout).toString())
    reject(new CommandError(`${command.split('/').at(-1)} ended with ${code ?? signal}\n${Buffer.concat(both).toString().trim()}`))
  })
})

/** Do `job` for every item, `width` at a time; results in the order of the items. */
export const pool = async (width, items, job) => {
  const results = []
  const queue = items.map((item, i) => [item, i])
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[1]] = await job(next[0])
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
