/** What Lotus takes and gives beside the RPC, since it has no place in a message: `PUT /rest/v0/import`, `GET /rest/v0/export`. */
import { type Clock, systemClock } from '@dagstore/io'
import type { ClientImportParts } from '../handlers/client/import-parts.ts'
import type { ClientRetrievalParts } from '../handlers/client/retrieval-parts.ts'
import type { WebHandler } from '../web-handler.ts'
import { answerExport } from './export-answer.ts'
import { answerImport } from './import-answer.ts'

export interface RestParts {
  readonly imports: Pick<ClientImportParts, 'importStream'>
  /** Without it nothing is exported. */
  readonly exports?: Pick<ClientRetrievalParts, 'openExport'> | undefined
  /** Told failures that are no errors of ours, and answers that could not be ended. */
  readonly onNotice?: ((text: string) => void) | undefined
  /** An upload is given up in which no byte comes for so long. @default 600,000: who writes into a pipe may think for a while */
  readonly idleMs?: number | undefined
  readonly clock?: Clock | undefined
}

const IMPORT_PATH = '/rest/v0/import'
const EXPORT_PATH = '/rest/v0/export'

const IDLE_MS = 600_000

export const isRestPath = (path: string): boolean => path === IMPORT_PATH || path === EXPORT_PATH

/** For paths of {@link isRestPath}; that one may read is not enough for any of them. */
export const restHandler = ({ imports, exports, onNotice = () => {}, idleMs = IDLE_MS, clock = systemClock }: RestParts): WebHandler => async (request, context) => {
  switch (new URL(request.url).pathname) {
    case IMPORT_PATH: return answerImport(request, context, { imports, onNotice, idleMs, clock })
    case EXPORT_PATH: return exports === undefined ? undefined : answerExport(request, context, { exports, onNotice })
    default: return undefined
  }
}
