/** The bundle as a worker, in the runtime of Cloudflare Workers. */
import { spawn } from 'node:child_process'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

export const packages = ['workerd@1.20261117.1']

const WORKER = `import hashes from 'hashes.wasm'
import piece from 'piece.wasm'
import { run } from 'script.mjs'
export default {
  async fetch (request) {
    try {
      const base = new URL(request.url).searchParams.get('base')
      return Response.json({ found: [await run(base), await run(base, { hashes, piece })] })
    } catch (error) {
      return Response.json({ error: String(error?.stack ?? error) })
    }
  },
}
`

const configOf = (port) => `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "script", worker = .script),
    (name = "out", network = (allow = ["local", "public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "script")],
);
const script :Workerd.Worker = (
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "script.mjs", esModule = embed "script.mjs"),
    (name = "hashes.wasm", wasm = embed "hashes.wasm"),
    (name = "piece.wasm", wasm = embed "piece.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  globalOutbound = "out",
);
`

const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

export const runIn = async ({ bundle, base, folder, installed, wasm }) => {
  const port = await freePort()
  writeFileSync(join(folder, 'worker.mjs'), WORKER)
  writeFileSync(join(folder, 'script.mjs'), readFileSync(bundle))
  for (const [name, path] of Object.entries(wasm)) copyFileSync(path, join(folder, `${name}.wasm`))
  writeFileSync(join(folder, 'config.capnp'), configOf(port))
  const child = spawn(join(installed, 'node_modules', '.bin', 'workerd'), ['serve', 'config.capnp'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = new Promise((_, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`workerd ended; exit=${code}`)))
  })
  ended.catch(() => {})
  try {
    const { found, error } = await Promise.race([ended, ask(`http://127.0.0.1:${port}/?base=${encodeURIComponent(base)}`)])
    if (error !== undefined) throw new Error(error)
    return found
  } finally {
    child.kill()
  }
}

/** It listens a moment after it was started. */
const ask = async (url) => {
  for (let tries = 0; ; tries++) {
    try {
      return await (await fetch(url)).json()
    } catch (error) {
      if (tries === 100 || error.cause?.code !== 'ECONNREFUSED') throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
