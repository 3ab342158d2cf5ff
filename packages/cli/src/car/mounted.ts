/** The CAR whose blocks a command reads, mounted. */
import type { IndexMount } from '@dagstore/carv2-index-mount'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import type { ByteProgress } from '@dagstore/io'
import { openAllHashes } from '../hashes.ts'
import { type ProgressLine, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { mustHoldData, withInput } from './input.ts'
import { type Output, withoutMixture } from './output.ts'

/**
 * What becomes of its index is said, and how far one is built is shown: on opening, and in `work` on the line that is given
 * to it. All of it is ended whatever happens.
 *
 * @param what - what `work` does, on its line; there is none while results come out on the same terminal
 */
export const withMount = <T>(file: string | undefined, what: string, output: Output, terminal: Terminal, work: (mount: IndexMount, progress: ProgressLine) => Promise<T>): Promise<T> =>
  withInput(file, terminal, async ({ path, label }) => {
    let progress = startProgress(terminal, 'index')
    const onProgress = ({ doneBytes, totalBytes }: ByteProgress): void => { progress.update(doneBytes, totalBytes, 'index') }
    const onNotice = (notice: string): void => { terminal.stderr(`${label}: ${notice}\n`) }
    try {
      await mustHoldData(path, terminal)
      const mount = await openCarFile(path, { label, hashes: await openAllHashes(), signal: terminal.signal, onNotice, onProgress })
      try {
        progress.end()
        progress = startProgress(withoutMixture(terminal, output), what)
        return await work(mount, progress)
      } finally {
        progress.end()
        await mount.close()
      }
    } finally {
      progress.end()
    }
  })
