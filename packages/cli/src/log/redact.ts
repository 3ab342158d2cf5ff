/** Takes out of texts what lets others in: tokens in headers, URLs and by themselves, passwords in URLs. */

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // three parts of base64url, the first of which is JSON
  [/\beyJ[\w-]*\.[\w-]+\.[\w-]*/gu, '***'],
  [/(\bbearer\s+)[^\s"',;]+/giu, '$1***'],
  [/([?&](?:token|access_token|key|secret|password|auth)=)[^&\s"'#]+/giu, '$1***'],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'@]*:[^\s/?#"']*@/giu, '$1***@'],
]

export const redacted = (text: string): string => SECRETS.reduce((clean, [secret, instead]) => clean.replace(secret, instead), text)
