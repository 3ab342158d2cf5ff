/** A provider in one terminal, a client in another: from a file to a deal, and back. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { expect, it } from 'vitest'
import { commandFile, type Ended, type RunningDaemon, startCommand, startDaemon } from './daemon-process.ts'
import { temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const content = seededBytes(707, (5 << 20) + 12_345)

/** Of a command that has to end well. */
const said = async (cwd: string, args: readonly string[]): Promise<Ended> => {
  const ended = await startCommand(bin, args, { cwd }).ended
  expect(ended.code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`).toBe(0)
  return ended
}

const begin = async (): Promise<{ readonly cwd: string, readonly provider: RunningDaemon }> => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'big.iso'), content)
  return { cwd, provider: await startDaemon(bin, ['--root', 'p'], { cwd, root: join(cwd, 'p') }) }
}

it.each([{ way: 'the store itself', remote: false }, { way: 'a daemon of its own', remote: true }])('a file is imported, stored by a provider and retrieved, with $way', async ({ remote }) => {
  const { cwd, provider } = await begin()
  if (remote) await startDaemon(bin, [], { cwd })
  const imported = await said(cwd, ['client', 'import', 'big.iso'])
  const [, root = ''] = /^Import \d{19}, Root (\w+)\n$/.exec(imported.stdout) ?? []
  expect(root, imported.stdout).not.toBe('')
  const proposed = await said(cwd, ['client', 'deal', '--provider', provider.url, root])
  expect(proposed.stdout).toMatch(/^baf\w+\n$/)
  const deal = await said(cwd, ['client', 'get-deal', proposed.stdout.trim()])
  expect(deal.stdout).toMatch(/^Proposal: +baf\w+\nState: +StorageDeal\w+\n/)
  expect(deal.stdout).not.toMatch(/StorageDeal(Error|Failing|ProposalRejected)/)

  const here = await said(cwd, ['client', 'retrieve', root, 'out.iso'])
  expect(here.stdout).toBe('Success\n')
  expect(here.stderr).toContain('from an import, into out.iso\n')
  expect(Buffer.compare(await readFile(join(cwd, 'out.iso')), content)).toBe(0)

  // the provider seals it meanwhile, and says so when it is asked
  for (let active = false; !active;) active = (await said(cwd, ['client', 'get-deal', proposed.stdout.trim()])).stdout.includes('StorageDealActive')
  const there = await said(cwd, ['client', 'retrieve', '--no-local', root, 'back.iso'])
  expect(there.stdout).toBe('Success\n')
  expect(there.stderr).toContain(`from ${provider.url}, into back.iso\n`)
  expect(Buffer.compare(await readFile(join(cwd, 'back.iso')), content)).toBe(0)

  const served = await said(cwd, ['retrieval-deals', 'list', '--root', 'p'])
  expect(served.stdout).toMatch(/ DealStatusCompleted /)
  expect((await said(cwd, ['data-transfers', 'list', '--completed', '--root', 'p'])).stdout).toMatch(/ Completed /)
  expect((await said(cwd, ['client', 'list-deals'])).stdout).toMatch(/ StorageDealActive /)

  // what is here is worth nothing any more
  await rm(join(cwd, 'big.iso'))
  const gone = await said(cwd, ['client', 'retrieve', root, 'again.iso'])
  expect(gone.stdout).toBe('Success\n')
  expect(gone.stderr).toMatch(/what is here cannot be read: .*REF_CAR_FILE_GONE/)
  expect(gone.stderr).toContain(`from ${provider.url}, into again.iso\n`)
  expect(Buffer.compare(await readFile(join(cwd, 'again.iso')), content)).toBe(0)
})
