/** Daemons in processes of their own, called as programs call them. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** @returns its address, `call`, and how it ends */
const start = async ({ bin, folder, root, env }) => {
  const child = spawn(process.execPath, [bin, 'daemon', '--root', root, '--listen', '127.0.0.1:0'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NO_COLOR: '1', ...env } })
  let said = ''
  const ended = new Promise((resolve) => { child.on('close', (code, signal) => { resolve({ code, signal }) }) })
  const url = await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
      const [, found] = / answering .*?url=(http:\S+)/.exec(said) ?? []
      if (found !== undefined) resolve(found)
    })
    ended.then(({ code, signal }) => { reject(new Error(`the daemon has ended: ${code} ${signal}; ${said.slice(-800)}`)) })
  })
  const token = readFileSync(join(folder, root, 'token'), 'utf8')
  const call = async (method, ...params) => {
    const response = await fetch(`${url}/rpc/v0`, {
      method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: `Filecoin.${method}`, params }),
    })
    const { result, error } = await response.json()
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
  return { child, url, port: Number(new URL(url).port), token, call, ended, said: () => said }
}

/** A daemon on one root, one process after the other. */
export const openDaemon = async (options) => {
  let now = await start(options)
  let kills = 0
  let starting
  let leaving
  const end = async (signal) => {
    const { child, ended } = now
    now = undefined
    leaving = ended
    child.kill(signal)
    return ended
  }
  return {
    root: options.root,
    get url () { return now?.url },
    get port () { return now?.port },
    get said () { return now?.said() ?? '' },
    get kills () { return kills },
    call: async (...args) => {
      if (now === undefined) throw new Error('nobody is there')
      return now.call(...args)
    },
    /** As if the machine had lost it. */
    kill: async () => {
      if (now === undefined) return
      kills++
      await end('SIGKILL')
    },
    /** Where it is not there already; those who ask at a time wait for the same one. */
    start: async () => {
      if (now !== undefined) return
      // the last one has to be gone
      await leaving
      if (now !== undefined) return
      starting ??= start(options).then((started) => { now = started }).finally(() => { starting = undefined })
      await starting
    },
    /** @throws it does not end well */
    stop: async () => {
      if (now === undefined) return
      const { code } = await end('SIGTERM')
      if (code !== 0) throw new Error(`the daemon ended with ${code}`)
    },
    /** Whatever it does. */
    leave: async () => {
      await starting?.catch(() => {}) // told to whoever asked for it
      if (now !== undefined) await end('SIGKILL')
    },
  }
}
