import type { DealInfo } from '@dagstore/lotus-api'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { tellPauses } from '../src/client/deal-pauses.ts'
import type { Terminal } from '../src/terminal.ts'

const proposal = CID.parse('bafyreib5wnzmhoj5ri6rj6shrjnzlhjndm6v3ukzj2tpgjnmvqwaz6k7xi')
const other = CID.parse('bafkreig6gal7vro4ksz5kzwt7kjvimrl3dephgitqiup3s6fby76n5avry')
const paused = (Message: string, more: Partial<DealInfo> = {}): DealInfo =>
  ({ ProposalCid: proposal, Message, NextRetryAt: '2999-01-02T03:04:05.000Z', TransferChannelID: { Initiator: '11', Responder: '11', ID: 7n }, ...more }) as DealInfo

const open = (goesOn: boolean): { readonly said: string[], readonly pauses: ReturnType<typeof tellPauses> } => {
  const said: string[] = []
  return { said, pauses: tellPauses(goesOn, () => { said.push('cleared') }, { stderr: (text: string) => { said.push(text) } } as unknown as Terminal) }
}

it('tells what was heard of a deal before it was known by its name, and nothing of others', () => {
  const { said, pauses } = open(true)
  pauses.heard(paused('full', { ProposalCid: other }))
  pauses.heard(paused('full'))
  expect(said).toEqual([])
  pauses.follow(proposal.toString())
  pauses.heard(paused('busy', { ProposalCid: other }))
  expect(said).toEqual(['cleared', 'full; tried again at 2999-01-02 03:04:05, at once with dagstore client restart-transfer 7\n'])
})

it('tells a reason once, another one again, and none of what is over at once', () => {
  const { said, pauses } = open(true)
  pauses.follow(proposal.toString())
  for (const message of ['full', 'full', 'nobody\u001banswers', 'full']) pauses.heard(paused(message))
  pauses.heard(paused('in a moment', { NextRetryAt: new Date(Date.now() + 1000).toISOString() }))
  expect(said.filter((text) => text !== 'cleared').map((text) => text.split(';')[0])).toEqual(['full', 'nobody\\x1banswers', 'full'])
})

it('names what to do where no daemon goes on with it, and nothing where there is no transfer', () => {
  const { said, pauses } = open(false)
  pauses.follow(proposal.toString())
  pauses.heard(paused('full'))
  expect(said.at(-1)).toBe(`full; tried again at 2999-01-02 03:04:05, at once with Ctrl-C, dagstore client restart-transfer 7 and dagstore client get-deal --wait transferred ${proposal.toString()}\n`)
  pauses.heard(paused('busy', { TransferChannelID: null }))
  expect(said.at(-1)).toBe('busy; tried again at 2999-01-02 03:04:05\n')
})
