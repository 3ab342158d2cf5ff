/** `Content-Disposition`: the name under which an answer is saved. Source: RFC 6266, RFC 8187. */

/** Never shown in the page: an answer is no content of the site that it comes from. */
export const attachmentAs = (name: string): string => {
  const plain = name.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_')
  return plain === name ? `attachment; filename="${name}"` : `attachment; filename="${plain}"; filename*=UTF-8''${extended(name)}`
}

/** Percent-encoded but for `attr-char`. A lone surrogate, which UTF-8 has no form for, becomes the replacement character. */
const extended = (name: string): string =>
  encodeURIComponent(name.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD'))
    .replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
