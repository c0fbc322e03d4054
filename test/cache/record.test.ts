import t from 'tap';
import { formatRecord, parseRecord } from '../../src/cache/record.ts';
import {
  type Digest,
  digestOf,
  isJsonObject,
  type Json,
  mediaTypes,
} from '../../src/model/index.ts';

const key: Digest = digestOf('key');
const layer = {
  descriptor: { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('layer'), size: 5 },
  diffId: digestOf('diff'),
};

t.test('a record is read as it was written', async (t) => {
  for (const record of [
    { key, kind: 'assemble', facts: { a: [1, 'b', null] } },
    { key, kind: 'RUN', layer, facts: null },
  ])
    t.same(parseRecord(JSON.parse(JSON.stringify(formatRecord(record)))), record);
});

t.test('X08 anything else is no record', async (t) => {
  const good = formatRecord({ key, kind: 'RUN', layer, facts: null });
  if (!isJsonObject(good) || !isJsonObject(good['layer'])) throw new Error('not an object');
  const goodLayer = good['layer'];
  const bad: readonly Json[] = [
    null,
    [],
    {},
    { ...good, key: 'sha256:short' },
    { ...good, kind: 5 },
    { ...good, layer: null },
    { ...good, layer: { ...goodLayer, diffId: '../../x' } },
    { ...good, layer: { ...goodLayer, size: -1 } },
    { ...good, layer: { ...goodLayer, digest: 'md5:0' } },
    { ...good, layer: { ...goodLayer, mediaType: 'text/html' } },
  ];
  for (const json of bad) t.equal(parseRecord(json), undefined, JSON.stringify(json));
});
