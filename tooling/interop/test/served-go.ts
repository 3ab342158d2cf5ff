/** A Go program that serves CAR files until its standard input ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ServedByGo extends AsyncDisposable { readonly url: string }

/** @param program - prints its URL when it listens */
export const serveByGo = async (program: string, paths: readonly string[]): Promise<ServedByGo> => {
  const server = spawn(program, [...paths], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(server, 'exit')
  const [line] = await Promise.race([once(server.stdout, 'data'), ended.then(() => { throw new Error('it has ended') })]) as [Buffer]
  return {
    url: line.toString().trim(),
    [Symbol.asyncDispose]: async () => {
      server.stdin.end()
      await ended
    },
  }
}
