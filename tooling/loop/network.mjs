/** What is between two daemons: a proxy that keeps its port while they come and go, and cuts, holds and loses what goes over it. */
import { connect, createServer } from 'node:net'

const REQUEST = /^(GET|HEAD|PUT|POST|DELETE) \/deals\/v1\/([a-z]+)/

/**
 * @param target - port of who is behind it now; `undefined`: nobody
 * @returns `url`; `seen`, the requests so far, such as `PUT transfers`; `at`, what is done at a moment of a request; `cuts`, after how many bytes each of the
 *   next connections ends; `close`
 */
export const openNetwork = async (target) => {
  const seen = []
  const cuts = []
  /** Those that wait for their moment: `{ request, bytes, direction, act }`. */
  const moments = []
  const open = new Set()
  const server = createServer((near) => {
    const port = target()
    if (port === undefined) return near.destroy()
    const far = connect(port, '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
    }
    open.add(end)
    let rest = cuts.shift() ?? Infinity
    let request = ''
    const passed = { request: 0, answer: 0 }
    let busy = Promise.resolve()
    const pass = (direction, from, to) => (bytes) => {
      from.pause()
      busy = busy.then(async () => {
        const [, method, name] = direction === 'request' ? REQUEST.exec(bytes.subarray(0, 64).toString('latin1')) ?? [] : []
        if (method !== undefined) {
          request = `${method} ${name}`
          seen.push(request)
          passed.request = passed.answer = 0
        }
        passed[direction] += bytes.byteLength
        const due = moments.findIndex((moment) => moment.request === request && moment.direction === direction && passed[direction] >= moment.bytes)
        if (due >= 0) await moments.splice(due, 1)[0].act(end)
        to.write(bytes.subarray(0, Math.min(rest, bytes.byteLength)))
        rest -= bytes.byteLength
        if (rest <= 0) end()
        from.resume()
      })
    }
    near.on('data', pass('request', near, far)).on('error', end).on('close', end)
    far.on('data', pass('answer', far, near)).on('error', end).on('close', () => {
      open.delete(end)
      // what came before its end is passed on first
      busy.then(end)
    })
  })
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    cuts,
    /** Resolves when it has been done. @param act - given what ends the connection; nothing passes before it resolves */
    at: (request, direction, bytes, act) => new Promise((resolve, reject) => {
      moments.push({ request, direction, bytes, act: async (end) => { await Promise.resolve(act(end)).then(resolve, reject) } })
    }),
    close: () => {
      for (const end of open) end()
      server.close()
    },
  }
}
