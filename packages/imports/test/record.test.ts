import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom, treeFile } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { all, keysIn, openPlace } from './place.ts'
import { memorySources } from './sources.ts'

const bytes = seededBytes(1, 500)

describe('a record', () => {
  it('is what Lotus writes, with labels of ours beside it', async () => {
    const { imports, db } = await openPlace()
    const { id, root, carBytes } = await imports.importTree(treeFile('', bytes), { sourceLabel: '/data/a', fingerprint: 'f' })
    expect(await db.get(`!imports!/client/stores/${id}`)).toBe(JSON.stringify({
      Labels: {
        car_owner: 'importmgr', car_path: `${id}.car`,
        'dagstore.blocks': '1', 'dagstore.car-bytes': String(carBytes), 'dagstore.file-bytes': '500', 'dagstore.fingerprint': 'f', 'dagstore.form': 'dense', 'dagstore.links': 'refuse', 'dagstore.profile': 'lotus-2021',
        filename: '/data/a', root: root.toString(), source: 'import',
      },
    }))
    expect(await keysIn(db)).toEqual([`/client/stores/${id}`, 'last-id', `root/${root.toString()}/0${id}`, 'source/["/data/a","f","lotus-2021","refuse"]'])
  })
  it('keeps labels that somebody else has put there', async () => {
    const { imports, db } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const { id } = await imports.importPath('/data/a')
    const key = `!imports!/client/stores/${id}`
    await db.put(key, (await db.get(key))!.replace('{"Labels":{', '{"Labels":{"note":"mine",'))
    await imports.reimport(id)
    expect(await db.get(key)).toContain('"note":"mine"')
  })
  it('of an earlier version is read, and written anew, once', async () => {
    const place = await openPlace()
    const made = await place.imports.importTree(treeFile('', bytes), { sourceLabel: '/data/a', fingerprint: 'f', links: 'keep' })
    const { id, root, source, filename, fingerprint, profile, carPath: carName, carOwner, blocks, carBytes, fileBytes } = made
    const rest = { source, filename, fingerprint, profile, carOwner, blocks, carBytes, fileBytes }
    const [earlier, lost] = [`!imports!record/0${id}`, '!imports!record/00000000000000000007']
    for (const key of await place.db.keys().all()) if (key.includes('/client/') || key.includes('!root/')) await place.db.del(key)
    await place.db.put(earlier, JSON.stringify({ ...rest, carName, id: id.toString(), root: root.toString() }))
    await place.db.put(lost, '{')
    const { imports, db } = await openPlace(place)
    expect((await all(imports)).map((record) => [record.id, record.damage === undefined])).toEqual([[7n, false], [id, true]])
    expect(await imports.get(id)).toEqual({ ...rest, id, root, carPath: carName, form: 'dense', links: undefined, piece: undefined, damage: undefined })
    expect((await keysIn(db)).filter((key) => key.startsWith('record/'))).toEqual([])
    expect(await imports.importTree(treeFile('', bytes), { sourceLabel: '/data/a', fingerprint: 'f', links: 'keep' })).toMatchObject({ id: id, reused: true })
    await (await imports.openRoot(root))!.close()
    await imports.remove(id)
    await imports.remove(7n)
    expect(await keysIn(db)).toEqual(['last-id'])
  })
  it('is listed by age, whatever the length of its id', async () => {
    const { imports, db } = await openPlace()
    const { id } = await imports.importTree(treeFile('', bytes), { sourceLabel: '/data/a' })
    for (const small of ['2', '10', '18446744073709551615', '18446744073709551616', 'x']) await db.put(`!imports!/client/stores/${small}`, '{"Labels":{}}')
    expect((await all(imports)).map((record) => record.id)).toEqual([2n, 10n, id, 18_446_744_073_709_551_615n])
  })
  it('with a name that is none of ours leads to no file of ours', async () => {
    const { imports, db, files } = await openPlace({ sources: memorySources() })
    const { id, root } = await imports.importTree(treeFile('', bytes), { sourceLabel: '/data/a' })
    const kept = await imports.importTree(treeFile('', bytes), { sourceLabel: '/data/b' })
    for (const name of [kept.carPath, '../a.car', '/etc/passwd', `${kept.id}.car/../x`, `x${kept.id}.car`, '']) {
      await db.put(`!imports!/client/stores/${id}`, JSON.stringify({ Labels: { source: 'import', root: root.toString(), car_path: name, car_owner: 'importmgr' } }))
      expect((await imports.get(id))?.carOwner).toBe(name === '' ? 'importmgr' : 'user')
      await expect(imports.open(id)).rejects.toMatchObject({ code: 'IMPORT_BROKEN' })
    }
    await db.put(`!imports!/client/stores/${id}`, JSON.stringify({ Labels: { car_path: kept.carPath, car_owner: 'importmgr' } }))
    await imports.remove(id)
    expect(await files.stat(kept.carPath)).toBeDefined()
  })
  it.each([1, 2, 3])('whatever is damaged in it is read, as what can be understood of it or as damaged; seed %i', async (seed) => {
    const random = seededRandom(`records ${seed}`)
    const { imports, db } = await openPlace({ sources: memorySources({ '/data/a': bytes }) })
    const { id, root } = await imports.importPath('/data/a')
    await imports.setPiece(id, { pieceCid: root, paddedBytes: 2048, payloadBytes: 1411 })
    const key = `!imports!/client/stores/${id}`
    const whole = (await db.get(key))!
    for (let run = 0; run < 300; run++) {
      let text = whole
      for (let edits = 1 + random.int(3); edits > 0; edits--) {
        const at = random.int(text.length)
        const piece = random.pick(['', '"', '{', '}', ':', ',', '0', '-1', '\\u0000', 'null', '[]', '999999999999999999999', '../', text.slice(at, at + random.int(40)), String.fromCharCode(random.int(65_536))])
        text = text.slice(0, at) + piece + text.slice(at + random.int(30))
      }
      await db.put(key, text)
      const record = await imports.get(id)
      expect(record?.id).toBe(id)
      expect(await all(imports)).toHaveLength(1)
      // opened, or broken: nothing else
      await imports.open(id).then((open) => open.close(), (error: unknown) => { expect(error, text).toMatchObject({ code: 'IMPORT_BROKEN' }) })
      expect((await imports.verify(id, { depth: 'stat' })).record.id).toBe(id)
    }
    await imports.remove(id)
    expect((await keysIn(db)).filter((name) => name.startsWith('/client') || name.startsWith('pending'))).toEqual([])
  })
})
