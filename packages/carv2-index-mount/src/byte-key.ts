/** Bytes as the key of a map, however long they are: one call does not take a hundred thousand arguments. */
export const keyOf = (bytes: Uint8Array): string => bytes.reduce((key, byte) => key + String.fromCharCode(byte), '')
