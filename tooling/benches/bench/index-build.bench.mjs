import { closeSync, createWriteStream, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { createIndexBuilder } from '@dagstore/carv2'
import { MultihashIndexSortedWriter } from 'cardex/multihash-index-sorted'
import { makeBlocks, writeCarFile } from '../src/car-files.mjs'
import { buildGoPeer, goRun } from '../src/go-peer.mjs'

export const title = 'Sort and write the index of sections that are at hand'
export const packages = ['carv2']

const COUNT = 200_000

const write = (path, chunks) => {
  const file = openSync(path, 'w')
  for (const chunk of chunks) writeSync(file, chunk)
  closeSync(file)
}

/** With our trailer, or the bytes that go-car writes and nothing more. */
const ours = (path, sections, subject, encode) => {
  const builder = createIndexBuilder()
  for (const section of sections) builder.add(section)
  write(path, encode(builder.finish(subject)))
}

const cardex = async (path, sections) => {
  const { readable, writable } = new TransformStream()
  const writer = MultihashIndexSortedWriter.createWriter({ writer: writable.getWriter() })
  const out = createWriteStream(path)
  const piped = finished(Readable.fromWeb(readable).pipe(out))
  for (const { key, sectionOffset } of sections) await writer.add(key, sectionOffset)
  await writer.close()
  await piped
}

export const run = async ({ compare, scratch }) => {
  const car = join(scratch, 'in.car')
  const { blocks, sizeBytes } = writeCarFile(car, makeBlocks(1, COUNT, 8, 64))
  const sections = blocks.map(({ cid, offset, length }) => {
    const headBytes = 1 + cid.bytes.byteLength
    return { key: cid, cid: cid.bytes, sectionOffset: offset - headBytes, headBytes, dataBytes: length }
  })
  const subject = { payloadStart: 0, payloadEnd: sizeBytes, carV1Header: undefined, source: undefined }
  const path = (name) => join(scratch, name)

  const go = buildGoPeer(scratch)
  const measured = []
  if (go !== undefined) {
    const { ms, entries } = goRun(go, 'writeindex', { n: 5 }, car, path('go.idx'))
    if (entries !== COUNT) throw new Error(`go-car found other entries; want=${COUNT} got=${entries}`)
    measured.push({ name: 'go-car MultihashIndexSorted', role: 'peer', times: ms })
  }
  await compare({
    what: `${COUNT.toLocaleString('en-GB')} entries`,
    work: { items: COUNT },
    cases: [
      { name: 'carv2 index with trailer', role: 'ours', run: () => ours(path('ours.idx'), sections, subject, (built) => built.encode()) },
      { name: 'carv2 index, standard bytes', role: 'ours', run: () => ours(path('standard.idx'), sections, subject, (built) => built.encodeStandard()) },
      { name: 'cardex', role: 'peer', run: () => cardex(path('cardex.idx'), sections) },
    ],
    measured,
    wanted: ['carv2 index with trailer', 'carv2 index, standard bytes'].map((name) => ({ name, against: 'cardex', atLeast: 4 })),
  })
  const standard = readFileSync(path('standard.idx'))
  for (const [name, role] of [['go.idx', 'go-car'], ['cardex.idx', 'cardex']]) {
    if (name === 'go.idx' && go === undefined) continue
    if (Buffer.compare(readFileSync(path(name)), standard) !== 0) throw new Error(`our standard bytes differ from those of ${role}`)
    console.log(`  byte for byte what ${role} writes`)
  }
}
