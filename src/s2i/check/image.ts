/** Checks what a builder image says about itself to people and platforms, and how large it is. */

import { builderLabels, descriptionLabel, displayNameLabel } from '../names.ts';
import { type CheckedImage, type CheckFinding, fail, pass, warn } from './facts.ts';

const tagsLabel = 'io.openshift.tags';
const servicesLabel = 'io.openshift.expose-services';
const largeBytes = 1_500_000_000;
const manyLayers = 100;

/** Checks labels, ports, commands and size. */
export async function checkImage(image: CheckedImage): Promise<readonly CheckFinding[]> {
  return [
    ...checkDeprecations(image),
    checkDescription(image),
    checkTags(image),
    checkPorts(image),
    checkCommand(image),
    ...(await checkEntrypoint(image)),
    ...checkOnBuild(image),
    checkSize(image),
  ];
}

function labelOf({ execution: { labels } }: CheckedImage, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : '';
}

function checkDeprecations({ contract }: CheckedImage): readonly CheckFinding[] {
  return (contract?.warnings ?? []).map((warning) =>
    warn(
      'names',
      warning,
      `use the labels that begin with ${builderLabels.scriptsUrl[0].replace(/scripts-url$/, '')}`,
    ),
  );
}

function checkDescription(image: CheckedImage): CheckFinding {
  const missing = [displayNameLabel, descriptionLabel].filter(
    (name) => labelOf(image, name) === '',
  );
  if (missing.length === 0) return pass('description', labelOf(image, displayNameLabel));
  const fix = missing.map((name) => `LABEL ${name}="..."`).join(', ');
  return warn('description', `no label ${missing.join(' and ')}: consoles show a bare name`, fix);
}

function checkTags(image: CheckedImage): CheckFinding {
  const tags = labelOf(image, tagsLabel)
    .split(',')
    .map((tag) => tag.trim());
  if (tags.includes('builder')) return pass('tags', tags.join(', '));
  return warn(
    'tags',
    `label ${tagsLabel} does not have "builder": catalogs do not list the image`,
    `LABEL ${tagsLabel}="builder,..."`,
  );
}

function checkPorts(image: CheckedImage): CheckFinding {
  const { exposedPorts } = image.execution;
  const services = labelOf(image, servicesLabel);
  if (exposedPorts.length > 0) {
    const ports = new Set(exposedPorts.map((port) => port.split('/')[0]));
    const other = services
      .split(',')
      .find((entry) => entry !== '' && !ports.has(entry.split(/[:/]/)[0]?.trim()));
    if (other === undefined) return pass('ports', exposedPorts.join(', '));
    return warn(
      'ports',
      `label ${servicesLabel} names ${other}, which EXPOSE does not`,
      'let both name the same ports',
    );
  }
  return warn(
    'ports',
    'no port is exposed: platforms do not know where the application listens',
    'EXPOSE 8080',
  );
}

function checkCommand({ execution }: CheckedImage): CheckFinding {
  const command = [...execution.entrypoint, ...execution.cmd];
  if (command.some((word) => /(?:^|[/-])usage$/.test(word)))
    return pass('command', 'shows the usage text');
  return warn(
    'command',
    'a bare run of the image does not show its usage text',
    'CMD ["/usr/libexec/s2i/usage"]',
  );
}

async function checkEntrypoint({
  execution,
  lookAt,
}: CheckedImage): Promise<readonly CheckFinding[]> {
  const [program = ''] = execution.entrypoint;
  if (!program.startsWith('/')) return [];
  if ((await lookAt(program)) !== undefined) return [pass('entrypoint', program)];
  return [
    fail(
      'entrypoint',
      `the image does not have its own ENTRYPOINT ${program}`,
      'install it, or leave ENTRYPOINT out',
    ),
  ];
}

function checkOnBuild({ execution: { onBuild } }: CheckedImage): readonly CheckFinding[] {
  if (onBuild.length === 0) return [];
  return [
    warn(
      'onbuild',
      'ONBUILD instructions have no effect in S2I builds',
      'do their work in assemble',
    ),
  ];
}

function checkSize({ layerSizes }: CheckedImage): CheckFinding {
  const bytes = layerSizes.reduce((sum, size) => sum + size, 0);
  const detail = `${(bytes / 1e6).toFixed(1)} MB compressed in ${layerSizes.length} layers`;
  if (bytes >= largeBytes)
    return warn(
      'size',
      `${detail}: every fresh machine waits for it`,
      'remove package lists and build tools in the RUN that brings them',
    );
  if (layerSizes.length > manyLayers)
    return warn(
      'size',
      `${detail}: some storage drivers take at most 127`,
      'build it with --squash',
    );
  return pass('size', detail);
}
