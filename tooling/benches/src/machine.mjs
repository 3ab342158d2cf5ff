/** What the figures were taken on. */
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

export const machineFacts = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  threads: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${release()} ${arch()}`,
  node: process.version,
  /** Above a fraction of `threads`, others were busy beside us: trust ratios only. */
  loadBefore: Number(loadavg()[0].toFixed(1)),
  date: new Date().toISOString().slice(0, 10),
})
