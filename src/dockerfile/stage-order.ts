/** The order of stages: each behind what it depends on. */

/** What the order depends on. */
export interface Node {
  readonly index: number;
  readonly dependencies: readonly number[];
}

/** Lists a stage behind everything that it needs, and nothing that it does not need. The graph has no cycle. */
export function orderOf(nodes: readonly Node[], target: number): readonly number[] {
  const order: number[] = [];
  walk(nodes, target, (index) => order.push(index));
  return order;
}

/** Returns a stage that depends on itself, if there is one. */
export function findCycle(nodes: readonly Node[]): number | undefined {
  const done = new Set<number>();
  for (const { index } of nodes) {
    const cycle = walk(nodes, index, (finished) => done.add(finished), done);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Goes through what a stage needs without recursion: stages can be many. Returns where it met itself. */
function walk(
  nodes: readonly Node[],
  start: number,
  finish: (index: number) => void,
  known: ReadonlySet<number> = new Set(),
): number | undefined {
  const finished = new Set(known);
  const open = new Set<number>();
  const stack = [start];
  let cycle: number | undefined;
  while (stack.length > 0) {
    const index = stack.at(-1) ?? 0;
    if (finished.has(index)) {
      stack.pop();
      continue;
    }
    const missing = (nodes[index]?.dependencies ?? []).filter((one) => !finished.has(one));
    const met = missing.find((one) => open.has(one) || one === index);
    cycle ??= met;
    if (met !== undefined || missing.length === 0) {
      stack.pop();
      finished.add(index);
      finish(index);
      continue;
    }
    open.add(index);
    stack.push(...missing.toReversed());
  }
  return cycle;
}
