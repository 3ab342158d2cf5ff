/** Whole CAR files: layout, scans, indexing, inspection, verification, wrapping. */
import { buildIndex, extractPayload, inspectCar, readLayout, scanSections, scanStream, verifyCar, wrapChunks } from '@dagstore/carv2'
import { linksOf } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { createBytesSource } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { cars, joined } from '../corpus.mjs'
import { faultOf, must } from '../engine.mjs'
import { countedSource, SOURCE_FORMS } from '../meter.mjs'

const hashes = await openHashes()

/** What a call gave: its value, or the code of an error that users may get. Others go on up. */
const attempt = async (call) => {
  try {
    return { value: await call() }
  } catch (error) {
    if (faultOf(error) !== undefined) throw error
    return { code: error.code, error }
  }
}

const scanOptions = (random) => ({
  data: random.chance(0.5),
  blocking: random.chance(0.5),
  ...(random.chance(0.2) ? { maxSectionBytes: 1 + random.int(400) } : {}),
  ...(random.chance(0.2) ? { maxCidBytes: 1 + random.int(80) } : {}),
  ...(random.chance(0.2) ? { maxHeaderBytes: 1 + random.int(200) } : {}),
  ...(random.chance(0.2) ? { zeroPadding: 'refuse' } : {}),
})

const scanAll = async (source, options) => {
  const layout = await readLayout(source, options)
  const sections = scanSections(source, layout, options)
  const found = []
  let at = layout.headerBytes
  for (;;) {
    const { done, value } = await sections.next()
    if (done) {
      must(value.payloadEnd === at, `end of the scan; want=${at} got=${value.payloadEnd}`)
      must(value.payloadEnd + value.paddingBytes === layout.payloadBytes, 'padding does not fill the payload')
      return { layout, found }
    }
    must(value.sectionOffset === at, `section offset; want=${at} got=${value.sectionOffset}`)
    must(value.data === undefined || value.data.byteLength === value.dataBytes, 'data of another length')
    at += value.headBytes + value.dataBytes
    found.push({ sectionOffset: value.sectionOffset, cid: value.cid })
  }
}

/** The same bytes as a stream in chunks of chance; the number of sections. */
const scanStreamed = async (bytes, random, options) => {
  const chunks = async function * () {
    for (let at = 0; at < bytes.byteLength;) {
      const length = random.int(random.chance(0.5) ? 40 : 4000)
      yield bytes.slice(at, at + length)
      at += length
    }
  }
  const { layout, sections } = await scanStream(chunks(), options)
  let count = 0
  let at = layout.headerBytes
  for await (const { sectionOffset, headBytes, dataBytes } of sections) {
    must(sectionOffset === at, `section offset in a stream; want=${at} got=${sectionOffset}`)
    at += headBytes + dataBytes
    count++
  }
  return count
}

const multihashOf = (cid) => (cid[0] === 0x12 ? cid : CID.decode(cid).multihash.bytes)

const scan = async (bytes, { random, meter }) => {
  const options = scanOptions(random)
  const [form, other] = random.shuffle(SOURCE_FORMS)
  const first = await attempt(() => scanAll(countedSource(bytes, form, meter), options))
  // another driver and other window sizes must come to the same end
  const second = await attempt(() => scanAll(countedSource(bytes, other, meter), { ...options, data: !options.data, blocking: !options.blocking }))
  must(first.code === second.code, `${form} and ${other} differ; ${first.code} ${second.code}`)
  const streamed = await attempt(() => scanStreamed(bytes, random, { ...options, blocking: undefined }))
  // a stream of a CARv1 has no length that a header could pass, and what is behind the payload is not asked for
  if (first.value !== undefined) must(streamed.value === first.value.found.length, `stream differs; want=${first.value.found.length} got=${streamed.value ?? streamed.code}`)
  const { zeroPadding, ...buildOptions } = options
  // building an index passes over one whose place is impossible, as a scan that is told to does
  const lenient = await attempt(() => scanAll(countedSource(bytes, form, meter), { ...options, badIndex: 'report' }))
  if (first.code === undefined) must(lenient.code === undefined, `a scan that passes over a bad index fails; ${lenient.code}`)
  const built = await attempt(() => buildIndex(countedSource(bytes, form, meter), buildOptions))
  if (zeroPadding === undefined) must(built.code === lenient.code, `scan and index differ; ${lenient.code} ${built.code}`)
  if (lenient.error !== undefined) throw lenient.error
  if (built.error !== undefined) throw built.error
  const { found } = lenient.value
  must(built.value.entryCount === found.length, `entries; want=${found.length} got=${built.value.entryCount}`)
  const view = built.value.view()
  for (const { cid, sectionOffset } of found.slice(0, 20)) {
    const entries = await view.find(multihashOf(cid))
    must(entries.some((entry) => entry.sectionOffset === sectionOffset), `block is not in its index; offset=${sectionOffset}`)
  }
}

const inspect = async (bytes, { random, meter }) => {
  const { data: _, zeroPadding: __, ...options } = scanOptions(random)
  const report = await inspectCar(countedSource(bytes, random.pick(SOURCE_FORMS), meter), { ...options, ...(random.chance(0.5) ? { hashes } : {}) })
  must([...report.codecCounts.values()].reduce((sum, count) => sum + count, 0) === report.blockCount, 'codecs do not add up')
  must(report.rootsPresent === (report.missingRoots.length === 0), 'roots present and missing')
}

const verify = async (bytes, { random, meter }) => {
  const { data: _, zeroPadding: __, ...options } = scanOptions(random)
  const form = random.pick(SOURCE_FORMS)
  const follow = random.chance(0.5)
  const policy = {
    padding: random.pick(['zeros', 'allow', 'refuse']),
    duplicates: random.pick(['allow', 'count', 'refuse']),
    unknownHashes: random.pick(['count', 'refuse']),
    noRoots: random.pick(['allow', 'refuse']),
    missingRoots: random.pick(['report', 'refuse']),
    missingLinks: follow ? random.pick(['report', 'refuse']) : 'report',
    index: random.pick(['check', 'required', 'ignore']),
  }
  const verified = await attempt(() => verifyCar(countedSource(bytes, form, meter), hashes, { ...options, policy, ...(follow ? { linksOf } : {}) }))
  const inspected = await attempt(() => inspectCar(countedSource(bytes, form, meter), { ...options, hashes }))
  if (verified.value !== undefined && policy.unknownHashes === 'refuse' && policy.padding !== 'allow') {
    must(inspected.value !== undefined, `verified, but not to be inspected; ${inspected.code}`)
    must(inspected.value.blockCount === verified.value.blockCount, 'verify and inspect differ')
    must(inspected.value.missingRoots.length === verified.value.missingRoots.length, 'missing roots differ')
  }
  if (verified.error !== undefined) throw verified.error
}

const rewrite = async (bytes, { random, meter }) => {
  const form = random.pick(SOURCE_FORMS)
  const payload = await attempt(() => joined(extractPayload(countedSource(bytes, form, meter), { padding: 'drop' })))
  const wrapped = await attempt(() => joined(wrapChunks(countedSource(bytes, form, meter), { index: random.pick(['trailer', 'standard', 'none']) })))
  must(payload.code === wrapped.code, `extract and wrap differ; ${payload.code} ${wrapped.code}`)
  if (wrapped.error !== undefined) throw wrapped.error
  const { layout } = await scanAll(createBytesSource(wrapped.value), {})
  must(layout.version === 2, 'wrapped into something else')
  const inner = wrapped.value.subarray(layout.payloadStart, layout.payloadStart + layout.payloadBytes)
  must(Buffer.compare(inner, payload.value) === 0, 'payload changed')
}

export const scanTarget = { name: 'scan', corpus: cars, run: scan }
export const inspectTarget = { name: 'inspect', corpus: cars, run: inspect }
export const verifyTarget = { name: 'verify', corpus: cars, run: verify }
export const rewriteTarget = { name: 'rewrite', corpus: cars, run: rewrite }
