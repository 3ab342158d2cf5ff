import { createBytesSource } from '@dagstore/io'
import { createMountRegistry, fileUrl, type Mount, MountError, type MountFactory } from '@dagstore/mounts'
import { fileMount } from '@dagstore/mounts/node'

const own: MountFactory = {
  scheme: 'own',
  mount: (url): Mount => ({
    url,
    stat: async () => ({ exists: true, sizeBytes: 3, ready: true, access: 'random' }),
    open: async () => ({ access: 'random', source: createBytesSource(new Uint8Array(3)) }),
  }),
}

export const firstUse = async (path: string): Promise<string> => {
  const registry = createMountRegistry([own, fileMount()])
  try {
    const opened = await registry.resolve(fileUrl(path)).open()
    return opened.access === 'random' ? String(opened.source.sizeBytes) : 'sequential'
  } catch (error) {
    if (error instanceof MountError && error.code === 'MOUNT_MISSING') return 'missing'
    throw error
  }
}
