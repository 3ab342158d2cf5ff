import { describe, expect, it } from 'vitest'
import { IDENTITY_POLICIES, resolveIdentityPolicy } from '../src/identity-policy.ts'

describe('identity policies', () => {
  it('resolve by name, and to full without one', () => {
    expect(resolveIdentityPolicy('go-car-default')).toEqual({ store: false, index: false, mark: false, inline: true })
    expect(resolveIdentityPolicy('lotus-2021').mark).toBe(false)
    expect(resolveIdentityPolicy()).toBe(IDENTITY_POLICIES.full)
  })

  it('may be made by hand', () => {
    const policy = { store: true, index: false, mark: false, inline: true }
    expect(resolveIdentityPolicy(policy)).toBe(policy)
  })

  it('refuse a mark that would be a lie, and names that are none', () => {
    expect(() => resolveIdentityPolicy({ store: true, index: false, mark: true, inline: true })).toThrow(TypeError)
    expect(() => resolveIdentityPolicy('lotus' as 'full')).toThrow(TypeError)
  })
})
