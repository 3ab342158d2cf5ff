/** The client of `bench/children/http-load.mjs`, in a process of its own, so that server and client have a core each. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('../bench/children/http-load.mjs', import.meta.url))

/** Functions of the commands of the child, each `(parameters) => Promise<result>`, and `end()`. */
export const startLoad = () => {
  const child = fork(CHILD)
  const waiting = new Map()
  let ids = 0
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(result)
    else reject(new Error(`the client failed: ${error}`))
  })
  child.on('exit', () => { for (const { reject } of waiting.values()) reject(new Error('the client has ended')) })
  const call = (command) => (parameters = {}) => new Promise((resolve, reject) => {
    const id = ids++
    waiting.set(id, { resolve, reject })
    child.send({ id, command, ...parameters })
  })
  return {
    ...Object.fromEntries(['paths', 'open', 'run', 'check', 'hold', 'http2', 'close'].map((name) => [name, call(name)])),
    end: () => new Promise((resolve) => {
      child.once('exit', resolve)
      child.disconnect()
    }),
  }
}
