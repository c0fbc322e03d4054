/**
 * File names and link targets as they really are: bytes.
 *
 * Names in layers need not be valid UTF-8 and must round-trip exactly, yet they have to serve as map keys
 * and sort in byte order. A ByteString is a string in which every character stands for one byte
 * (latin1); for ASCII it looks like the text itself. Never show one to a person: use {@link displayBytes}.
 */

declare const byteStringBrand: unique symbol;

/** Bytes, one character each (0 to 255). Compare with `<` for byte order. */
export type ByteString = string & { readonly [byteStringBrand]: true };

/** Converts text to its UTF-8 bytes. */
export function byteStringOf(text: string): ByteString {
  return Buffer.from(text, 'utf8').toString('latin1') as ByteString;
}

/** Takes bytes as they are. */
export function byteStringFrom(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'latin1',
  ) as ByteString;
}

/** Returns the bytes, ready for a file-system call. */
export function bufferOf(bytes: ByteString): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** Decodes UTF-8 and escapes what a terminal or a log must not see: control, bidi and invalid characters. */
export function displayBytes(bytes: ByteString): string {
  return displayText(bufferOf(bytes).toString('utf8'));
}

/** Escapes control characters, bidirectional overrides and U+FFFD in text from outside; keeps the rest. */
export function displayText(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd]/g,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
