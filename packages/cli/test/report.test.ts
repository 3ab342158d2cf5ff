import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openReport } from '../src/migrate/report.ts'
import { temporaryFolder } from './terminal.ts'

it('a report lies where its user says, whether from where he is or by its whole path', async () => {
  const [cwd, elsewhere] = [await temporaryFolder(), await temporaryFolder()]
  for (const [given, path] of [['here.ndjson', join(cwd, 'here.ndjson')], [join(elsewhere, 'there.ndjson'), join(elsewhere, 'there.ndjson')]] as const) {
    const report = await openReport(given, 'migration', { path: join(cwd, '.dagstore'), label: '.dagstore' }, { cwd })
    expect(report.label).toBe(given)
    await report.write('{}\n')
    await report.close()
    expect(await readFile(path, 'utf8')).toBe('{}\n')
  }
})
