/** The commands that are disturbed, each with what has to be there before and what it gives to the user. */

/** A command as it is typed in a directory that holds what {@link writeSources} writes. */
export interface DisturbedCommand {
  readonly name: string;
  readonly setup: readonly (readonly string[])[];
  readonly args: readonly string[];
  /** Files and layouts that appear or are replaced. */
  readonly outputs: readonly string[];
  /** How many changes of a disk it makes at least. */
  readonly least: number;
}

/** All of them, over a builder image. */
export function commands(builder: string): readonly DisturbedCommand[] {
  const executor = ['--executor', 'unshare'];
  const s2i = ['build', 'source', builder, 'oci:out:1', '--incremental', ...executor];
  const runtime = ['--runtime-image', builder, '--runtime-artifact', '/app/hello.txt'];
  const reports = ['--digest-file', 'digest', '--iidfile', 'id', '--metadata-file', 'result.json'];
  const dockerfile = [
    ...['builder', 'build', 'context', '--build-arg', `BASE=${builder}`, ...executor],
    ...['--secret', 'id=token,src=token', '-t', 'docker-archive:out.tar:app:1'],
    ...['--output', 'type=tar,dest=fs.tar', '--iidfile', 'id', '--cache-to', 'oci:cache:1'],
  ];
  return [
    {
      name: 'a first build for a runtime image',
      setup: [],
      args: [
        'build',
        'source',
        builder,
        'oci-archive:out.tar:1',
        ...runtime,
        ...executor,
        ...reports,
      ],
      outputs: ['out.tar', 'digest', 'id', 'result.json'],
      least: 100,
    },
    {
      name: 'an incremental build',
      // Each one counts in what the next one restores, so no two results are the same.
      setup: [s2i],
      args: [...s2i, '-e', 'SECOND=1', '--inject', 'token:/tmp'],
      outputs: ['out'],
      least: 100,
    },
    {
      name: 'a build of a Dockerfile',
      setup: [],
      args: dockerfile,
      outputs: ['out.tar', 'fs.tar', 'id', 'cache'],
      least: 100,
    },
    {
      name: 'writing a Dockerfile',
      setup: [],
      args: [...['build', 'source', builder, 'x:1', '--use-config'], '--as-dockerfile', 'written/'],
      outputs: ['written/Dockerfile', '.s2ifile'],
      least: 20,
    },
    {
      name: 'copying an image',
      setup: [['copy', builder, 'oci:out:1']],
      args: ['copy', builder, 'oci:out:2'],
      outputs: ['out'],
      least: 5,
    },
    {
      name: 'a new builder',
      setup: [],
      args: ['create', 'mine', 'mine'],
      outputs: ['mine/Dockerfile', 'mine/s2i/bin/assemble'],
      least: 20,
    },
    {
      name: 'forgetting a login',
      setup: [],
      args: ['logout', 'registry.example.com'],
      outputs: ['user/.docker/config.json'],
      least: 5,
    },
    {
      name: 'pruning',
      setup: [dockerfile],
      args: ['store', 'prune', '--all'],
      outputs: [],
      least: 10,
    },
  ];
}
