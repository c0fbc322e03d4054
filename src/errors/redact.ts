/**
 * Removes credentials from text that a person or a log will see.
 *
 * Redaction happens where an error or event is made, so that no later layer has to remember it.
 */

// A password may hold "@" itself; the scheme is bounded so that long words cost no quadratic time.
const urlUserInfo = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#]+@/gi;
const authorization =
  /\b(authorization|proxy-authorization)(["']?\s*[:=]\s*["']?)(?:(?:basic|bearer)\s+)?[^\s"',]+/gi;
const bearer = /\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*/gi;
const queryParameter =
  /([?&](?!(?:scope|service|mount|from|digest|n|last|tag|ns|artifactType)=)[^=\s&?]+=)[^&\s"']+/g;

/**
 * Replaces URL user information, authorization values and unlisted URL query values in a text by `***`.
 *
 * Query values are kept only for the parameters of the distribution protocol that never carry secrets.
 */
export function redact(text: string): string {
  return text
    .replace(urlUserInfo, '$1***@')
    .replace(authorization, '$1$2***')
    .replace(bearer, '$1 ***')
    .replace(queryParameter, '$1***');
}
