import { main, type Terminal } from '@dagstore/cli'

export const firstUse = async (folder: string, signal: AbortSignal): Promise<string> => {
  let printed = ''
  const terminal: Terminal = { stdout: (text) => { printed += String(text) }, stderr: () => undefined, interactive: false, colors: false, cwd: folder, env: {}, signal }
  const exitCode: number = await main(['--version'], terminal)
  return exitCode === 0 ? printed : ''
}
