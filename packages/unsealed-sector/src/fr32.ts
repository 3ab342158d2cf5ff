/** The fr32 engine where none is given. */
import { type Fr32, padFr32Into, unpadFr32Into } from '@dagstore/piece'

/** In plain JavaScript, which runs everywhere. */
export const PLAIN_FR32: Fr32 = { padInto: padFr32Into, unpadInto: unpadFr32Into }
