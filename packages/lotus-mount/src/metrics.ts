/** What a piece loader counts and measures. The interface is that of `Metrics` in `@dagstore/dagstore`, for names of its own. */

export interface PieceMetrics {
  count (name: PieceMetricName, by?: number, labels?: Readonly<Record<string, string>>): void
  observe (name: PieceMetricName, value: number, labels?: Readonly<Record<string, string>>): void
}

export type PieceMetricName =
  | 'piece.open.ms'
  | 'piece.read.bytes'
  | 'piece.source.failures'
  | 'piece.waiting'
  | 'piece.unseal.ms'
  | 'piece.sealed'

/** All there are. `source` is the name of a source, `limit` one of {@link PieceLimits}, `code` an error code. */
export const PIECE_METRICS: Readonly<Record<PieceMetricName, { readonly kind: 'counter' | 'histogram', readonly unit: 'bytes' | 'ms' | '1', readonly labels: readonly string[], readonly help: string }>> = {
  'piece.open.ms': { kind: 'histogram', unit: 'ms', labels: ['source', 'outcome'], help: 'time that a source took to open a piece (`ok`), not to have it (`absent`), or to fail (`failed`)' },
  'piece.read.bytes': { kind: 'counter', unit: 'bytes', labels: ['source'], help: 'unpadded bytes of pieces read' },
  'piece.source.failures': { kind: 'counter', unit: '1', labels: ['source', 'code'], help: 'calls that failed at a source' },
  'piece.waiting': { kind: 'histogram', unit: '1', labels: ['limit'], help: 'calls that wait for their turn, told by each that joins them' },
  'piece.unseal.ms': { kind: 'histogram', unit: 'ms', labels: ['outcome'], help: 'time that unsealing took, waiting for its turn not included' },
  'piece.sealed': { kind: 'counter', unit: '1', labels: ['answer'], help: 'pieces found sealed: `reject` or `queue`' },
}

export const NO_PIECE_METRICS: PieceMetrics = Object.freeze({ count: () => {}, observe: () => {} })
