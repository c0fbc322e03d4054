/** `s2oci login` and `s2oci logout`: keeping and forgetting credentials of registries. */

import { BuildError } from '../../errors/index.ts';
import { parseReference } from '../../model/index.ts';
import { type Credential, eraseCredential, storeCredential } from '../../registry/index.ts';
import { flagOption, type Invocation, textOption } from '../command.ts';
import { ask, readSecret } from '../prompt.ts';
import { credentialPlaces, openRegistryClient } from '../registry-client.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings } from '../wiring.ts';

/** Tries the login at the registry, then keeps it. */
export async function login(invocation: Invocation): Promise<number> {
  const { args, io } = invocation;
  const { registry, place } = parsePlace(args[0] ?? '');
  const config = await loadSettings(invocation);
  const { username, password } = await readLogin(invocation);
  const credential: Credential = {
    kind: 'basic',
    username,
    password,
    origin: 'this command',
  };
  const reporter = createCommandRenderer(config, io);
  await using client = await openRegistryClient(config, io, reporter, {
    credentials: { find: async (name) => (name === registry ? credential : undefined) },
  });
  const checked = await client.ping(registry, io.signal);
  const places = credentialPlaces(config, io);
  const kept = await storeCredential(places, { registry: place, username, secret: password });
  io.stdout.write(`logged in to ${place} as ${username}; kept in ${kept}\n`);
  if (!checked) {
    io.stderr.write(`s2oci: ${registry} lets everybody in, so the password was not checked\n`);
  }
  return 0;
}

/** Forgets the login wherever it is kept. */
export async function logout(invocation: Invocation): Promise<number> {
  const { args, io } = invocation;
  const { place } = parsePlace(args[0] ?? '');
  const config = await loadSettings(invocation);
  const kept = await eraseCredential(credentialPlaces(config, io), place);
  const told = kept.map((where) => `logged out of ${place}; removed from ${where}\n`);
  io.stdout.write(told.length === 0 ? `there was no login for ${place}\n` : told.join(''));
  return 0;
}

async function readLogin({ io, options }: Invocation): Promise<{
  readonly username: string;
  readonly password: string;
}> {
  const given = textOption(options, 'username');
  const piped = flagOption(options, 'passwordStdin');
  if (piped && given === undefined) {
    throw new BuildError('USAGE_INVALID', '--password-stdin needs a user name', {
      suggestion: 'name the user with --username NAME',
    });
  }
  const suggestion = 'give --username NAME and pipe the password in with --password-stdin';
  const username = given ?? (await ask(io, { prompt: 'Username: ', secret: false, suggestion }));
  if (username === '' || /[:\p{Cc}]/u.test(username)) {
    throw new BuildError('USAGE_INVALID', 'a user name has no colon and is not empty');
  }
  const question = { prompt: 'Password: ', secret: true, suggestion };
  const password = piped ? await readSecret(io) : await ask(io, question);
  if (password !== '') return { username, password };
  throw new BuildError('USAGE_INVALID', 'the password is empty');
}

/** The registry as references name it, and the part of it that is meant; Docker Hub has several names. */
function parsePlace(text: string): { readonly registry: string; readonly place: string } {
  const bare = text.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '');
  const [host = '', ...path] = bare.split('/');
  const hub = ['docker.io', 'index.docker.io', 'registry-1.docker.io'].includes(host);
  const registry = registryOf(`${bare}/any`);
  if (registry !== undefined && (registry === host || hub)) {
    return { registry, place: [registry, ...path].join('/') };
  }
  throw new BuildError('REFERENCE_INVALID', `not a registry: ${JSON.stringify(text)}`, {
    suggestion: 'name its host, such as registry.example.com or localhost:5000; a path may follow',
  });
}

function registryOf(reference: string): string | undefined {
  try {
    return parseReference(reference).registry;
  } catch {
    return undefined;
  }
}
