/**
 * The table of folders in CONTRIBUTING.md, read as the rule it is. Its third column says what a folder may
 * import: `nothing`, names, `X and above` (X and the rows above X), `all above`, `all but X, Y`.
 */

/** One row: a folder, or a file that stands for itself such as `index.ts`. */
export interface FolderRule {
  readonly name: string;
  readonly mayImport: ReadonlySet<string>;
}

/** Reads the table out of the document. Throws an Error that names the row it cannot read. */
export function parseFolderTable(document: string): readonly FolderRule[] {
  const rows = document
    .split('\n')
    .map((line) => /^\| `([a-z0-9.-]+)\/?` \|[^|]*\| ([^|]+) \|$/.exec(line.trim()))
    .filter((match) => match !== null)
    .map(([, name = '', cell = '']) => ({ name, cell }));
  if (rows.length === 0) throw new Error('CONTRIBUTING.md has no table of folders');
  const names = rows.map(({ name }) => name);
  return rows.map(({ name, cell }) => ({ name, mayImport: new Set(parseCell(cell, name, names)) }));
}

function parseCell(cell: string, name: string, names: readonly string[]): readonly string[] {
  const above = (row: string) => names.slice(0, names.indexOf(row));
  if (cell === 'nothing') return [];
  if (cell === 'all above') return above(name);
  if (cell.startsWith('all but ')) {
    const excluded = listOf(cell.slice('all but '.length), name, names);
    return names.filter((other) => other !== name && !excluded.includes(other));
  }
  if (!cell.endsWith(' and above')) return listOf(cell, name, names);
  const listed = listOf(cell.slice(0, -' and above'.length), name, names);
  return [...listed, ...above(listed.at(-1) ?? '')];
}

function listOf(text: string, row: string, names: readonly string[]): readonly string[] {
  const listed = text.split(', ');
  const unknown = listed.find((name) => !names.includes(name));
  if (unknown === undefined) return listed;
  throw new Error(`row ${row} of the table in CONTRIBUTING.md names "${unknown}", which is no row`);
}
