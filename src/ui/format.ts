/** Sizes, times and bars as people read them. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Writes a count of bytes with a decimal unit: `0 B`, `1.5 kB`, `212 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Writes milliseconds as `0.3 s`, `12.0 s`, `3 m 05 s` or `1 h 02 m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad2(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad2(Math.floor(whole / 60) % 60)} m`;
}

/** Draws a bar of `width` characters for a share between 0 and 1. */
export function formatBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width);
  return '━'.repeat(full) + '╌'.repeat(width - full);
}

function pad2(value: number): string {
  return String(value).padStart(2, '0');
}
