/**
 * The cases of the public suite for the optional order and duplicates, and for which of URL and `Accept` wins.
 *
 * Source: ipfs/gateway-conformance tests/trustless_gateway_car_test.go; IPIP-412, IPIP-523.
 */
import { duplicateFiles, rawBlockDirectory } from '@dagstore-tooling/fixtures/gateway'
import { expect, it } from 'vitest'
import { cidOf, cidsOf, inEveryForm, once, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const CAR = 'application/vnd.ipld.car'
const RAW = 'application/vnd.ipld.raw'
const root = cidOf(duplicateFiles)
const everyTime = duplicateFiles.blocks.map(cidOf)
const eachOnce = once(duplicateFiles.blocks)

interface Case { readonly title: string, readonly target: string, readonly accept: string, readonly order: string, readonly dups: string, readonly cids: readonly string[] }

const CASES: readonly Case[] = [
  { title: 'dups=y: a block each time that it is met', target: root, accept: `${CAR}; version=1; order=dfs; dups=y`, order: 'dfs', dups: 'y', cids: everyTime },
  { title: 'dups=n: each block once', target: root, accept: `${CAR}; version=1; order=dfs; dups=n`, order: 'dfs', dups: 'n', cids: eachOnce },
  { title: 'order=unk: any order, and it is said which', target: root, accept: `${CAR}; version=1; order=unk`, order: 'dfs', dups: 'n', cids: eachOnce },
  { title: 'an identity CID is no block, even with dups=y', target: 'bafkqaf3imvwgy3zaneqgc3janfxgy2lomvscay3jmqfa', accept: `${CAR}; dups=y`, order: 'dfs', dups: 'y', cids: [] },
  { title: 'parameters of Accept count beside format=car', target: `${root}?format=car`, accept: `${CAR}; version=1; order=dfs; dups=y`, order: 'dfs', dups: 'y', cids: everyTime },
  { title: 'car-order of the URL wins over order of Accept', target: `${root}?format=car&car-order=dfs`, accept: `${CAR}; order=unk`, order: 'dfs', dups: 'n', cids: eachOnce },
  { title: 'car-dups of the URL wins over dups of Accept', target: `${root}?format=car&car-dups=y`, accept: `${CAR}; dups=n`, order: 'dfs', dups: 'y', cids: everyTime },
]

inEveryForm('CAR with order and duplicates', (form) => {
  it.each(CASES)('$title', async ({ target, accept, order, dups, cids }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const answered = await place.ask(`/ipfs/${target}`, { headers: { accept } })
      expect(answered.status).toBe(200)
      expect(answered.headers['content-type']).toBe(`${CAR}; version=1; order=${order}; dups=${dups}`)
      expect(await cidsOf(answered)).toEqual(cids)
    })
  })
})

inEveryForm('format', (form) => {
  it.each([
    { title: 'format=car wins over Accept for raw', format: 'car', accept: RAW, type: `${CAR}; version=1; order=dfs; dups=n` },
    { title: 'format=raw wins over Accept for a CAR', format: 'raw', accept: CAR, type: RAW },
  ])('$title', async ({ format, accept, type }) => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      const { status, headers } = await place.ask(`/ipfs/${cidOf(rawBlockDirectory.blocks[1]!)}?format=${format}`, { headers: { accept } })
      expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type })
    })
  })
})
