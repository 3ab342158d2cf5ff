/** What the figures were taken on. */
import { availableParallelism, cpus, platform, release, totalmem, arch } from 'node:os'

export const machineFacts = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  threads: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${release()} ${arch()}`,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
})
