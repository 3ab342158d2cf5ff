/**
 * The CAR cases of the public conformance suite: each is asked with `format=car` and by `Accept`, and each answer has the headers
 * that every CAR has.
 *
 * Source: ipfs/gateway-conformance tests/trustless_gateway_car_test.go.
 */
import * as fixtures from '@dagstore-tooling/fixtures/gateway'
import { decode } from '@ipld/dag-pb'
import { describe, expect, it } from 'vitest'
import { type Answered, cidOf, cidsOf, inEveryForm, once, withPlace } from './harness.ts'
import { openTestStore } from './store.ts'

const { asciiText, cborDirectory, cborDocument, helloText, multiblockText, shardedDirectory, subdirMixedFiles, subdirTwoFiles, threeBlockFile } = fixtures

interface Case {
  readonly title: string
  readonly path: string
  readonly query?: string
  /** In this order, and nothing else. `undefined`: there is no such entry. */
  readonly cids: readonly string[] | undefined
}

const [subdirTwo, subdirMixed] = [subdirTwoFiles.blocks[1]!, subdirMixedFiles.blocks[1]!]
const chunks = once(multiblockText.blocks.slice(1))
const shards = once(shardedDirectory.blocks).filter((cid) => !once(multiblockText.blocks).includes(cid))

/** The root, and the node below it that holds this name where it is not in the root itself. */
const shardsOf = (name: string): string[] => {
  const holder = shardedDirectory.blocks.find(({ cid, data }) => cid[1] === fixtures.DAG_PB && decode(data).Links.some(({ Name = '' }) => Name.slice(2) === name))!
  return [...new Set([cidOf(shardedDirectory), cidOf(holder)])]
}

const PATHING: readonly Case[] = [
  { title: 'a file under directories', path: `${cidOf(subdirTwoFiles)}/subdir/ascii.txt`, cids: [cidOf(subdirTwoFiles), cidOf(subdirTwo), cidOf(asciiText)] },
  { title: 'a file in a sharded directory', path: `${cidOf(shardedDirectory)}/685.txt`, cids: [...shardsOf('685.txt'), ...once(multiblockText.blocks)] },
  { title: 'a file behind a link of DAG-CBOR', path: `${cidOf(cborDocument)}/files/single`, cids: [cidOf(cborDocument), cidOf(helloText)] },
  { title: 'a file that does not exist', path: `${cidOf(subdirTwoFiles)}/subdir/i-do-not-exist`, cids: undefined },
]

const SCOPES: readonly Case[] = [
  { title: 'block of a directory', path: `${cidOf(subdirTwoFiles)}/subdir`, query: 'dag-scope=block', cids: [cidOf(subdirTwoFiles), cidOf(subdirTwo)] },
  { title: 'block of a file', path: `${cidOf(subdirTwoFiles)}/subdir/ascii.txt`, query: 'dag-scope=block', cids: [cidOf(subdirTwoFiles), cidOf(subdirTwo), cidOf(asciiText)] },
  { title: 'block of a file in a sharded directory', path: `${cidOf(shardedDirectory)}/1.txt`, query: 'dag-scope=block', cids: [...shardsOf('1.txt'), cidOf(multiblockText)] },
  { title: 'entity of a directory', path: cidOf(subdirTwoFiles), query: 'dag-scope=entity', cids: [cidOf(subdirTwoFiles)] },
  { title: 'entity of a sharded directory', path: cidOf(shardedDirectory), query: 'dag-scope=entity', cids: shards },
  { title: 'entity of a file of one block', path: `${cidOf(subdirMixedFiles)}/subdir/ascii.txt`, query: 'dag-scope=entity', cids: [cidOf(subdirMixedFiles), cidOf(subdirMixed), cidOf(asciiText)] },
  { title: 'entity of a file of many blocks', path: `${cidOf(subdirMixedFiles)}/subdir/multiblock.txt`, query: 'dag-scope=entity', cids: [cidOf(subdirMixedFiles), cidOf(subdirMixed), cidOf(multiblockText), ...chunks] },
  { title: 'entity of a document of DAG-CBOR', path: `${cidOf(cborDirectory)}/document`, query: 'dag-scope=entity', cids: [cidOf(cborDirectory), cidOf(cborDocument)] },
  { title: 'all of a directory', path: `${cidOf(subdirMixedFiles)}/subdir`, query: 'dag-scope=all', cids: once(subdirMixedFiles.blocks) },
  { title: 'all of a file of many blocks', path: `${cidOf(subdirMixedFiles)}/subdir/multiblock.txt`, query: 'dag-scope=all', cids: [cidOf(subdirMixedFiles), cidOf(subdirMixed), cidOf(multiblockText), ...chunks] },
]

const file = cidOf(multiblockText)
const range = (title: string, path: string, bytes: string, cids: readonly string[]): Case => ({ title, path, query: `dag-scope=entity&entity-bytes=${bytes}`, cids })
const RANGES: readonly Case[] = [
  range('before a block that the store lacks', cidOf(threeBlockFile), '0:1000', [cidOf(threeBlockFile), cidOf(threeBlockFile.blocks[1]!)]),
  range('behind a block that the store lacks', cidOf(threeBlockFile), '2200:*', [cidOf(threeBlockFile), cidOf(threeBlockFile.blocks[3]!)]),
  range('the whole of a file', `${cidOf(subdirMixedFiles)}/subdir/multiblock.txt`, '0:*', [cidOf(subdirMixedFiles), cidOf(subdirMixed), file, ...chunks]),
  range('of a directory, where it counts for nothing', cidOf(shardedDirectory), '0:*', shards),
  range('from the middle to the end', file, '512:*', [file, ...chunks.slice(2)]),
  range('the middle', file, '512:1023', [file, ...chunks.slice(2, 4)]),
  range('the middle, its end counted from the end', file, '512:-256', [file, ...chunks.slice(2, 4)]),
  range('the last bytes', file, '-5:*', [file, ...chunks.slice(3)]),
  range('more last bytes than there are', file, '-9999:*', [file, ...chunks]),
  range('from before the beginning to before the end', file, '-9999:-3', [file, ...chunks.slice(0, 4)]),
  range('the first byte', file, '0:0', [file, chunks[0]!]),
]

const expectCarHeaders = ({ headers }: Answered): void => {
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'accept-ranges': 'none',
    'content-type': expect.stringMatching(/^application\/vnd\.ipld\.car; version=1; order=dfs; dups=n$/),
    'content-disposition': expect.stringMatching(/^attachment; filename="[^"]*\.car"/),
    'etag': expect.stringMatching(/^(?:W\/)?"[^"]+"$/),
  })
}

const GROUPS = { 'CAR by a path': PATHING, 'CAR with dag-scope': SCOPES, 'CAR with entity-bytes': RANGES }

for (const [group, cases] of Object.entries(GROUPS)) {
  inEveryForm(group, (form) => {
    describe.each([
      { how: 'format=car', ask: 'format=car', headers: {} },
      { how: 'Accept', ask: '', headers: { accept: 'application/vnd.ipld.car' } },
    ])('asked by $how', ({ ask, headers }) => {
      it.each(cases)('$title', async ({ path, query = '', cids }) => {
        await withPlace(form, { blockstore: openTestStore() }, async (place) => {
          const answered = await place.ask(`/ipfs/${path}?${[ask, query].filter((part) => part !== '').join('&')}`, { headers })
          expect({ status: answered.status, whole: answered.whole }).toEqual({ status: cids === undefined ? 404 : 200, whole: true })
          if (cids === undefined) return
          expectCarHeaders(answered)
          expect(await cidsOf(answered)).toEqual(cids)
        })
      })
    })
  })
}
